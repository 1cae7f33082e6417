import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus.source_schema import TEXT, SourceSchema, _moved, drift, read_schema
from staxpipe.model import FileFormat, Severity


def _csv(*headers: str) -> SourceSchema:
    return SourceSchema(tuple((header, TEXT) for header in headers))


def _found(before: SourceSchema, after: SourceSchema) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {finding.code: (finding.count, finding.examples) for finding in drift(before, after)}


@pytest.mark.parametrize("format", [FileFormat.CSV, FileFormat.CSV_GZIP])
def test_a_csv_has_its_header_as_written(tmp_path: Path, format: FileFormat) -> None:
    body = '\ufefflineItem/UsageType,"resourceTags/user:a,b",lineItem/UsageType\n'.encode()
    (tmp_path / "x").write_bytes(gzip.compress(body) if format is FileFormat.CSV_GZIP else body)
    assert read_schema(tmp_path / "x", format, "x") == _csv(
        "lineItem/UsageType", "resourceTags/user:a,b", "lineItem/UsageType"
    )


def test_a_parquet_file_has_its_names_and_types(tmp_path: Path) -> None:
    tags = pa.array([[("team", "a")]], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"resource_tags": tags, "line_item_unblended_cost": [0.5]}), tmp_path / "x")
    schema = read_schema(tmp_path / "x", FileFormat.PARQUET, "x")
    assert [name for name, _ in schema.columns] == ["resource_tags", "line_item_unblended_cost"]
    assert schema.columns[0][1].startswith("map<string, string")
    assert schema.columns[1][1] == "double"
    assert SourceSchema.of_json(json.loads(json.dumps(schema.as_json()))) == schema


@pytest.mark.parametrize("format", list(FileFormat))
def test_a_file_of_no_bytes_has_no_columns(tmp_path: Path, format: FileFormat) -> None:
    (tmp_path / "x").touch()
    assert read_schema(tmp_path / "x", format, "x") == SourceSchema()


@pytest.mark.parametrize("format", [FileFormat.CSV_GZIP, FileFormat.CSV_ZIP, FileFormat.PARQUET])
def test_a_file_of_another_format_is_refused_by_name(tmp_path: Path, format: FileFormat) -> None:
    (tmp_path / "x").write_bytes(b"lineItem/UsageType\na\n")
    with pytest.raises(PermanentError, match=r"^cur-1"):
        read_schema(tmp_path / "x", format, "cur-1")


def test_equal_columns_have_not_drifted() -> None:
    assert drift(_csv("a", "b"), _csv("a", "b")) == ()
    assert drift(_csv("savingsPlan/SavingsPlanARN"), _csv("savingsPlan/SavingsPlanArn")) == ()


def test_nothing_is_new_or_dropped_where_a_side_has_no_columns() -> None:
    assert drift(_csv("a"), SourceSchema()) == ()
    assert drift(SourceSchema(), _csv("a")) == ()


def test_new_and_dropped_columns() -> None:
    before = _csv("lineItem/UsageType", "lineItem/NetUnblendedCost", "resourceTags/user:Name")
    after = _csv("lineItem/UsageType", *(f"resourceTags/user:name{number}" for number in range(7)))
    new, dropped = drift(before, after)
    assert (new.code, new.severity, new.count, len(new.examples)) == ("columns-new", Severity.INFO, 7, 5)
    assert (dropped.code, dropped.severity, dropped.count) == ("columns-dropped", Severity.INFO, 2)
    assert dropped.examples == ("lineItem/NetUnblendedCost", "resourceTags/user:Name")
    assert "never zero" in dropped.message
    assert new.message.startswith("7 columns ")
    assert drift(_csv("a"), _csv("a", "b"))[0].message.startswith("1 column ")


def test_tag_keys_that_differ_by_case_are_two_columns() -> None:
    assert _found(_csv("a", "resourceTags/user:Name"), _csv("a", "resourceTags/user:name")) == {
        "columns-new": (1, ("resourceTags/user:name",)),
        "columns-dropped": (1, ("resourceTags/user:Name",)),
    }


def test_the_fewest_columns_that_moved_are_named() -> None:
    assert _found(_csv("a", "b", "c", "d"), _csv("d", "a", "b", "new", "c")) == {
        "columns-new": (1, ("new",)),
        "columns-reordered": (1, ("d",)),
    }


@given(st.permutations(range(8)))
def test_what_did_not_move_is_in_the_old_order(order: list[int]) -> None:
    new = [str(number) for number in order]
    moved = _moved(sorted(new), new)
    kept = [name for name in new if name not in moved]
    assert kept == sorted(kept)
    longest = [1] * len(new)
    for at, name in enumerate(new):
        longest[at] += max((longest[before] for before in range(at) if new[before] < name), default=0)
    assert len(kept) == max(longest)


def test_columns_that_are_there_twice_are_told_of_each_file_whatever_was_before() -> None:
    twice = _csv("savingsPlan/SavingsPlanARN", "a", "savingsPlan/SavingsPlanArn", "a")
    for before in (SourceSchema(), _csv("savingsPlan/SavingsPlanARN", "a"), twice):
        (finding,) = drift(before, twice)
        assert (finding.code, finding.severity, finding.count) == ("columns-duplicated", Severity.WARNING, 2)
        assert finding.examples == ("savingsPlan/SavingsPlanARN and savingsPlan/SavingsPlanArn", "a")


@pytest.mark.parametrize(
    ("old", "new", "retyped"),
    [
        ("double", "string", True),
        ("double", "decimal128(18, 2)", True),
        ("string", "timestamp[us]", True),
        ("string", "map<string, string>", True),
        ("timestamp[ms]", "timestamp[us, tz=UTC]", False),
        ("string", "large_string", False),
        ("dictionary<values=string, indices=int32, ordered=0>", "string", False),
        ("dictionary<values=large_string, indices=int8, ordered=0>", "string", False),
        ("null", "double", False),
        (TEXT, "double", False),
        ("double", TEXT, False),
    ],
)
def test_a_type_that_makes_values_look_different_is_told(old: str, new: str, retyped: bool) -> None:
    found = drift(SourceSchema((("cost", old),)), SourceSchema((("cost", new),)))
    assert [(finding.code, finding.severity) for finding in found] == (
        [("columns-retyped", Severity.WARNING)] if retyped else []
    )
    assert all(finding.examples == (f"cost ({old} → {new})",) for finding in found)
