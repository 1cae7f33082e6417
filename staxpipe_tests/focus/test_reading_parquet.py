from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_parquet
from staxpipe.focus.reading_text import TextColumn, text_column
from staxpipe.model import FileFormat
from staxpipe_tests.focus.test_reading import read, rows_of

NOON = datetime(2018, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["a", "", None]), ["a", None, None]),
        (pa.array(["a", ""], pa.large_string()), ["a", None]),
        (pa.array([b"a", b""], pa.binary()), ["a", None]),
        (pa.array(["a", "", "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([0.1, 1.81e-8, 0.0, 12.0, None]), ["0.1", "1.81e-8", "0", "12", None]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([12, -3, None]), ["12", "-3", None]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([Decimal("1.50"), None], pa.decimal128(18, 2)), ["1.50", None]),
        (pa.array([NOON, None], pa.timestamp("ms", "UTC")), ["2018-12-01T12:00:00Z", None]),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us")), ["2018-12-01T12:00:00Z"]),
        (pa.array([NOON], pa.timestamp("us", "Europe/Berlin")), ["2018-12-01T12:00:00Z"]),
        (pa.array([NOON.replace(microsecond=5000)], pa.timestamp("us", "UTC")), ["2018-12-01T12:00:00.005000Z"]),
        (pa.array([date(2018, 12, 1)]), ["2018-12-01T00:00:00Z"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_every_type_becomes_the_text_that_a_csv_would_hold(
    tmp_path: Path, values: pa.Array, texts: list[str | None]
) -> None:
    pq.write_table(pa.table({"line_item_x": values}), tmp_path / "x.parquet")
    assert [row["line_item_x"] for row in rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET))] == texts


def test_numbers_are_told_apart_by_their_bits_but_for_nan_which_is_one_text() -> None:
    other_nan = np.array([0x7FF8_0000_0000_0001], np.int64).view(np.float64)[0]
    values = [0.0, -0.0, float("nan"), other_nan, None, 0.1]
    for repeated in (1, 20):  # alone, and in runs
        column = pa.array(
            np.repeat(np.array(values, float), repeated), mask=np.repeat([v is None for v in values], repeated)
        )
        texts = text_column(column)
        assert texts.to_pylist() == [t for t in ["0", "-0", "nan", "nan", None, "0.1"] for _ in range(repeated)]
        assert sorted(texts.dictionary.to_pylist()) == ["-0", "0", "0.1", "nan"]


@pytest.mark.parametrize("code", [-1, 2, 1_000_000])
def test_a_code_that_lies_beyond_its_dictionary_is_refused(code: int) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, code], pa.int32()), pa.array(["a", "b"]), safe=False)
    with pytest.raises(pa.ArrowInvalid, match="dictionary"):
        text_column(column)


@given(
    st.lists(st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=12), min_size=1, max_size=4), st.booleans()
)
def test_pieces_that_share_a_dictionary_keep_only_their_own_texts(pieces: list[list[int | None]], twice: bool) -> None:
    dictionary = pa.array(["a", "", "b", "a" if twice else "c", "d"])
    column = TextColumn()
    for codes in pieces:
        texts = column.read(pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), dictionary))
        expected = [None if code is None else dictionary[code].as_py() or None for code in codes]
        assert texts.to_pylist() == expected
        assert sorted(texts.dictionary.to_pylist()) == sorted({text for text in expected if text})


def test_columns_keep_their_values_whatever_their_order(tmp_path: Path) -> None:
    names = ["product_region", "bill_bill_type", "line_item_unblended_cost", "identity_line_item_id"]
    pq.write_table(pa.table({name: [name] for name in names}), tmp_path / "x.parquet")
    (row,) = rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET))
    assert row == {name: name for name in names}


def test_tag_columns_of_one_name_are_both_read(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(["first", None]), pa.array(["1", "2"]), pa.array([None, "second"])],
        names=["resource_tags_user_name", "line_item_unblended_cost", "resource_tags_user_name"],
    )
    pq.write_table(table, tmp_path / "x.parquet")
    assert rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET)) == [
        {"resource_tags/user_name": "first", "resource_tags/user_name#2": None, "line_item_unblended_cost": "1"},
        {"resource_tags/user_name": None, "resource_tags/user_name#2": "second", "line_item_unblended_cost": "2"},
    ]


def test_a_cost_column_that_is_there_twice_gives_two_columns(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["1", None]), pa.array(["2", "3"])], names=["line_item_unblended_cost"] * 2)
    pq.write_table(table, tmp_path / "x.parquet")
    assert rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET)) == [
        {"line_item_unblended_cost": "1", "line_item_unblended_cost#2": "2"},
        {"line_item_unblended_cost": None, "line_item_unblended_cost#2": "3"},
    ]


def test_a_name_that_continues_another_after_a_dot_does_not_shift_columns(tmp_path: Path) -> None:
    names = ["line_item", "line_item.usage_type", "product.region", "line_item_unblended_cost"]
    pq.write_table(pa.table({name: [name] for name in names}), tmp_path / "x.parquet")
    for wanted in ("line_item", "line_item_usage_type"):
        (row,) = rows_of(read(tmp_path / "x.parquet", FileFormat.PARQUET, wanted=wanted.__eq__))
        assert row == {wanted: "line_item" if wanted == "line_item" else "line_item.usage_type"}


def test_only_what_is_wanted_is_read_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = pa.array([[("team", "a")]], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"resource_tags": tags, "product": tags, "bill_bill_type": ["x"]}), tmp_path / "x.parquet")
    asked: list[list[str]] = []
    iter_batches = pq.ParquetFile.iter_batches

    def spy(self: pq.ParquetFile, rows: int, *, row_groups: list[int], columns: list[str], use_threads: bool) -> object:
        asked.append(columns)
        return iter_batches(self, rows, row_groups=row_groups, columns=columns, use_threads=use_threads)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    read(tmp_path / "x.parquet", FileFormat.PARQUET, wanted=lambda name: name.startswith("resource_tags"))
    assert asked == [["resource_tags"]]


@pytest.mark.parametrize(
    "type",
    [pa.list_(pa.string()), pa.struct([("team", pa.string())]), pa.map_(pa.string(), pa.list_(pa.string()))],
    ids=str,
)
def test_a_wanted_column_of_a_shape_that_is_not_read_is_refused_by_name(tmp_path: Path, type: pa.DataType) -> None:
    pq.write_table(pa.table({"resource_tags": pa.nulls(1, type)}), tmp_path / "x.parquet")
    with pytest.raises(PermanentError, match=r"x\.parquet: the column resource_tags has the type"):
        read(tmp_path / "x.parquet", FileFormat.PARQUET)


def test_a_column_that_unpacks_beyond_all_measure_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"line_item_usage_type": ["x" * 8_000_000]}), path, compression="zstd")
    assert len(rows_of(read(path, FileFormat.PARQUET))) == 1
    monkeypatch.setattr(reading_parquet, "PLAUSIBLE_CHUNK_BYTES", 1 << 20)
    with pytest.raises(PermanentError, match=r"x\.parquet unpacks to more than 200 times its size"):
        read(path, FileFormat.PARQUET)
    monkeypatch.setattr(reading_parquet, "PLAUSIBLE_ROWS", 1_000)
    monkeypatch.setattr(reading_parquet, "PLAUSIBLE_ROWS_A_BYTE", 10)
    pq.write_table(pa.table({"line_item_usage_type": pa.nulls(30_000, pa.string())}), path)
    with pytest.raises(PermanentError, match=r"x\.parquet says that it has 30,000 rows"):
        read(path, FileFormat.PARQUET)


def test_a_file_without_rows_gives_no_batch(tmp_path: Path) -> None:
    pq.write_table(pa.table({"line_item_unblended_cost": pa.array([], pa.float64())}), tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet", FileFormat.PARQUET) == []


@pytest.mark.parametrize("keep", [3, 20, -1, -10])
def test_a_cut_or_foreign_file_is_refused_by_name(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"line_item_usage_type": [str(row) for row in range(1000)]}), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PermanentError, match=r"x\.parquet"):
        read(path, FileFormat.PARQUET)


def test_damage_in_the_middle_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"line_item_usage_type": [str(row) for row in range(10_000)]}), path, compression="gzip")
    body = bytearray(path.read_bytes())
    body[200:4000] = b"\xff" * 3800
    path.write_bytes(bytes(body))
    with pytest.raises(PermanentError, match=r"x\.parquet"):
        read(path, FileFormat.PARQUET)
