import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_maps, reading_rows
from staxpipe.focus.reading_maps import parse_map
from staxpipe.focus.source_columns import wanted
from staxpipe.model import FileFormat
from staxpipe_tests.focus.test_reading import every, read, rows_of, write_csv

TEXTS = pa.map_(pa.string(), pa.string())
NUMBERS = pa.map_(pa.string(), pa.float64())

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5) | st.sampled_from(
    ["team", "Team", "te-am", "te_am", "#unreadable", "a#2", "a", "resource_tags"]
)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5) | st.sampled_from(["", "1", "NULL"])
maps = st.none() | st.lists(st.tuples(keys, values), max_size=5)


def _json(pairs: list[tuple[str, str]] | None) -> str:
    """A JSON object with its keys as they are, also twice."""
    if pairs is None:
        return ""
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in pairs) + "}"


@pytest.mark.usefixtures("csv_reader")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(maps, min_size=1, max_size=12), st.sampled_from([2, 5, 65_536]), st.sampled_from([0, 90]))
def test_maps_and_their_json_give_the_same_columns_and_lose_no_value(
    tmp_path: Path, rows: list[list[tuple[str, str]] | None], batch_rows: int, ordinary: int
) -> None:
    numbers = [str(number) for number in range(len(rows))]
    table = pa.table({"line_item_usage_amount": numbers, "resource_tags": pa.array(rows, TEXTS)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=4)
    texts = pa.table({"line_item_usage_amount": numbers, "resource_tags": [_json(row) for row in rows]})
    pq.write_table(texts, tmp_path / "texts.parquet", row_group_size=4)
    lines = [[number, _json(row)] for number, row in zip(numbers, rows, strict=True)]
    write_csv(tmp_path / "x.csv", ["line_item_usage_amount", "resource_tags"], lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_rows, "ORDINARY_COLUMNS", ordinary)
        as_map = rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET, batch_rows=batch_rows))
        as_text = rows_of(read(tmp_path / "texts.parquet", FileFormat.PARQUET, batch_rows=batch_rows))
        as_csv = rows_of(read(tmp_path / "x.csv", FileFormat.CSV, batch_rows=batch_rows))
    there = [{name: value for name, value in row.items() if value is not None} for row in as_map]
    assert there == [{name: value for name, value in row.items() if value is not None} for row in as_text]
    assert there == [{name: value for name, value in row.items() if value is not None} for row in as_csv]
    for number, (found, written) in enumerate(zip(there, rows, strict=True)):
        assert found.pop("line_item_usage_amount") == str(number)
        filled = [(key, value) for key, value in written or () if value]
        assert sorted(value for value in found.values()) == sorted(value for _, value in filled)
        for name, value in found.items():
            key = name.removeprefix("resource_tags/")
            assert (key, value) in filled or (key.rpartition("#")[0], value) in filled


def test_every_known_map_becomes_columns_in_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "resource_tags": pa.array([[("user_name", "a"), ("User_Name", "b")], None], TEXTS),
            "cost_category": pa.array([[("Team", "x")], []], TEXTS),
            "tags": pa.array([[("accountTag/department", "y")], []], TEXTS),
            "product": pa.array([[("instanceType", "m5"), ("instance_type", "m6"), ("region", "")], []], TEXTS),
            "discount": pa.array([[("EdpDiscount", -0.5)], [("EdpDiscount", None)]], NUMBERS),
            "line_item_usage_type": ["u", None],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    assert rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET)) == [
        {
            "resource_tags/user_name": "a",
            "resource_tags/User_Name": "b",
            "cost_category/Team": "x",
            "tags/accountTag/department": "y",
            "product_instance_type": "m5",
            "product_instance_type#2": "m6",
            "discount_edp_discount": "-0.5",
            "line_item_usage_type": "u",
        },
        dict.fromkeys(
            [
                "resource_tags/user_name",
                "resource_tags/User_Name",
                "cost_category/Team",
                "tags/accountTag/department",
                "product_instance_type",
                "product_instance_type#2",
                "discount_edp_discount",
                "line_item_usage_type",
            ]
        ),
    ]


@pytest.mark.usefixtures("csv_reader")
def test_the_maps_of_focus_become_columns_in_csv(tmp_path: Path) -> None:
    header = ["BilledCost", "Tags", "SkuPriceDetails", "x_CostCategories", "x_Discounts"]
    row = ["1", '{"Team": "a", "team": "b"}', '{"CoreCount": 4}', '{"Charge type": "c"}', '{"Edp": -1.50}']
    path = write_csv(tmp_path / "x.csv", header, [row, ["2", "NULL", "null", "{}", ""]])
    first, second = rows_of(read(path, FileFormat.CSV))
    assert first == {
        "billed_cost": "1",
        "tags/Team": "a",
        "tags/team": "b",
        "sku_price_details/CoreCount": "4",
        "x_cost_categories/Charge type": "c",
        "x_discounts/Edp": "-1.50",
    }
    assert second == {**dict.fromkeys(first), "billed_cost": "2"}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('{"a": "1", "a": "2"}', [("a", "1"), ("a", "2")]),
        ('{"a": 1.50, "b": 1E-8, "c": 12345678901234567890123, "d": true, "e": null, "f": ""}',
         [("a", "1.50"), ("b", "1E-8"), ("c", "12345678901234567890123"), ("d", "true")]),
        ('{"a": {"b": [1, "x", {}]}}', [("a", '{"b": [1, "x", {}]}')]),
        (' {"\\u00e9": "\\ud83d\\udca9"} ', [("é", "💩")]),
        ("{}", []),
        ("null", []),
        ("NULL", []),
        ('{"a": "\\ud800"}', None),
        ('[["a", "1"]]', None),
        ('"a"', None),
        ("12", None),
        ("{'a': 'b'}", None),
        ('{"a": "b"', None),
        ("user:Name=a", None),
        ("[" * 100_000, None),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_a_json_text_says(text: str, pairs: list[tuple[str, str]] | None) -> None:
    assert parse_map(text) == pairs


@pytest.mark.usefixtures("csv_reader")
def test_what_is_no_json_object_is_kept_whole_beside_the_others(tmp_path: Path) -> None:
    texts = ['{"a": "1"}', "team=a", "", "team=a", '["x"]', '{"#unreadable": "real"}']
    path = write_csv(tmp_path / "x.csv", ["resource_tags", "product"], [[text, text] for text in texts])
    (batch,) = read(path, FileFormat.CSV)
    assert batch.rows.to_pydict() == {
        "resource_tags/a": ["1", *[None] * 5],
        "resource_tags/#unreadable": [None, "team=a", None, "team=a", '["x"]', None],
        "resource_tags/#unreadable#2": [*[None] * 5, "real"],
        "product_a": ["1", *[None] * 5],
        "product/#unreadable": [None, "team=a", None, "team=a", '["x"]', None],
        "product_unreadable": [*[None] * 5, "real"],
    }


@pytest.mark.usefixtures("csv_reader")
def test_a_key_has_one_name_in_all_batches_whichever_keys_are_beside_it(tmp_path: Path) -> None:
    texts = ['{"a b": "1"}', '{"a_b": "2"}', '{"a_b": "3", "a b": "4"}']
    path = write_csv(tmp_path / "x.csv", ["product"], [[text] for text in texts])
    assert [row for batch in read(path, FileFormat.CSV, batch_rows=1) for row in batch.rows.to_pylist()] == [
        {"product_a_b": "1"},
        {"product_a_b#2": "2"},
        {"product_a_b#2": "3", "product_a_b": "4"},
    ]


@pytest.mark.usefixtures("csv_reader")
def test_a_key_does_not_take_the_name_of_a_column_beside_its_map(tmp_path: Path) -> None:
    header = ["product", "product_region_code", "product"]
    path = write_csv(tmp_path / "x.csv", header, [['{"region_code": "a"}', "b", '{"region_code": "c"}']])
    assert rows_of(read(path, FileFormat.CSV)) == [
        {"product_region_code#2": "a", "product_region_code": "b", "product_region_code#3": "c"}
    ]


@pytest.mark.usefixtures("csv_reader")
def test_a_map_is_asked_for_by_its_name_and_then_by_what_its_keys_become(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ["product", "resource_tags", "BilledCost"],
                     [['{"instance_type": "m5", "clock_speed": "3"}', '{"a": "b"}', "1"]])  # fmt: skip
    asked: list[str] = []

    def only_products(name: str) -> bool:
        asked.append(name)
        return name in ("product", "product_instance_type")

    assert rows_of(read(path, FileFormat.CSV, wanted=only_products)) == [{"product_instance_type": "m5"}]
    assert asked == ["product", "resource_tags", "billed_cost", "product_instance_type", "product_clock_speed"]
    assert rows_of(read(path, FileFormat.CSV, wanted=wanted)) == [
        {"product_instance_type": "m5", "resource_tags/a": "b"}
    ]


@pytest.mark.parametrize("batch_rows", [999, 65_536])
def test_a_map_in_several_row_groups_whose_dictionaries_overflow_is_read(tmp_path: Path, batch_rows: int) -> None:
    rows = [{f"key {row % 7}": f"value {row}", "same": "same"} for row in range(9_000)]
    table = pa.table({"resource_tags": pa.array([list(row.items()) for row in rows], TEXTS)})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=4_000, dictionary_pagesize_limit=2_000, data_page_size=4_000)
    assert "PLAIN" in pq.read_metadata(path).row_group(0).column(1).encodings
    found = rows_of(read(path, FileFormat.PARQUET, batch_rows=batch_rows))
    assert [
        {name.removeprefix("resource_tags/"): value for name, value in row.items() if value is not None}
        for row in found
    ] == rows


def test_rows_whose_maps_are_all_empty_are_rows_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"resource_tags": pa.array([None, []], TEXTS)}), path)
    (batch,) = read(path, FileFormat.PARQUET)
    assert batch.rows.to_pydict() == {"resource_tags/#unreadable": [None, None]}


@pytest.mark.usefixtures("csv_reader")
def test_three_hundred_tags_in_a_map_and_colliding_names_all_load(tmp_path: Path) -> None:
    tags = {
        **{f"user:tag {number}": str(number) for number in range(300)},
        "user:Tag 1": "other",
        "user:tag-1": "third",
    }
    path = write_csv(tmp_path / "x.csv.gz", ["resource_tags"], [[json.dumps(tags)]] * 50)
    (batch,) = read(path, FileFormat.CSV_GZIP)
    assert {name.removeprefix("resource_tags/"): value for name, value in batch.rows.to_pylist()[49].items()} == tags


@pytest.mark.usefixtures("csv_reader")
def test_keys_that_are_values_are_refused_before_they_fill_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_maps, "MAX_KEYS", 100)
    path = write_csv(tmp_path / "x.csv", ["tags"], [[json.dumps({f"key {row}": "x"})] for row in range(100)])
    assert len(rows_of(read(path, FileFormat.CSV, batch_rows=10))) == 100
    path = write_csv(tmp_path / "x.csv", ["tags"], [[json.dumps({f"key {row}": "x"})] for row in range(101)])
    with pytest.raises(PermanentError, match=r"x\.csv: the maps of this file have more than 100 different keys"):
        read(path, FileFormat.CSV, batch_rows=10)


def test_a_column_of_a_maps_name_that_is_a_number_is_not_lost(tmp_path: Path) -> None:
    pq.write_table(pa.table({"discount": [0.5, None]}), tmp_path / "x.parquet")
    assert rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET)) == [
        {"discount/#unreadable": "0.5"},
        {"discount/#unreadable": None},
    ]


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.outside_data
def test_the_tags_of_a_real_focus_file_are_those_that_json_finds(outside_data: Path) -> None:
    path = outside_data / "focus-1.0" / "focus_sample.csv"
    with path.open(newline="") as file:
        expected = [json.loads(row["Tags"]) if row["Tags"] != "NULL" else {} for row in csv.DictReader(file)]
    found = rows_of(read(path, FileFormat.CSV, wanted=every))
    assert len(found) == 1_000
    assert [
        {name.removeprefix("tags/"): value for name, value in row.items() if name.startswith("tags/") and value}
        for row in found
    ] == [{key: value for key, value in tags.items() if value} for tags in expected]
    assert any(expected)
    assert {row["availability_zone"] for row in found} >= {"NULL"}  # the word stays: what it means is not known here
