"""What holds for every format; `test_reading_csv.py` and `test_reading_parquet.py` test their own traps."""

import csv
import gzip
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from staxpipe.errors import MemoryShortageError, PermanentError
from staxpipe.focus.reading import SourceBatch, read_source
from staxpipe.model import FileFormat
from staxpipe.scan.choice import CsvReader

TEXT = pa.dictionary(pa.int32(), pa.string())


def every(_: str) -> bool:
    return True


def read(
    path: Path, format: FileFormat, wanted: Callable[[str], bool] = every, batch_rows: int = 65_536
) -> list[SourceBatch]:
    batches = list(read_source(path, format, file=path.name, wanted=wanted, batch_rows=batch_rows))
    row = 1
    for batch in batches:  # what every reader may rely on
        assert batch.file == path.name
        assert batch.first_row == row
        assert 0 < batch.rows.num_rows <= batch_rows
        row += batch.rows.num_rows
        for column in batch.rows.columns:
            assert column.type == TEXT
            values = column.dictionary.to_pylist()
            assert len(set(values)) == len(values)
            assert not {None, ""} & set(values)
            assert set(column.indices.drop_null().to_pylist()) == set(range(len(values)))
    return batches


def rows_of(batches: Sequence[SourceBatch]) -> list[dict[str, str | None]]:
    return [row for batch in batches for row in batch.rows.to_pylist()]


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["", "NA", "NULL", "null", "None", "nan", "0", "007", "1.0", "true", '"', '""', ",", "\n", "\r\n", " ", "é", "💸"]
)


@pytest.mark.usefixtures("csv_reader")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(texts, texts, st.none() | texts), min_size=1, max_size=40), st.sampled_from([3, 7, 65_536]))
def test_the_same_rows_as_csv_and_as_parquet_give_equal_batches(
    tmp_path: Path, rows: list[tuple[str, str, str | None]], batch_rows: int
) -> None:
    header = ["lineItem/LineItemDescription", "resourceTags/user:Name", "product/region"]
    plain = write_csv(tmp_path / "same.csv", header, [[value or "" for value in row] for row in rows])
    packed = write_csv(tmp_path / "same.csv.gz", header, [[value or "" for value in row] for row in rows])
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, names=header), tmp_path / "same.parquet", row_group_size=5)
    as_csv = read(plain, FileFormat.CSV, batch_rows=batch_rows)
    as_gzip = read(packed, FileFormat.CSV_GZIP, batch_rows=batch_rows)
    as_parquet = read(tmp_path / "same.parquet", FileFormat.PARQUET, batch_rows=batch_rows)
    assert [batch.rows for batch in as_csv] == [batch.rows for batch in as_gzip]
    assert rows_of(as_csv) == rows_of(as_parquet)
    for batches in (as_csv, as_parquet):
        assert all(batch_rows <= 2 * batch.rows.num_rows <= 2 * batch_rows for batch in batches[:-1])
    assert rows_of(as_csv) == [
        dict(
            zip(
                ["line_item_line_item_description", "resource_tags/user:Name", "product_region"],
                [value or None for value in row],
                strict=True,
            )
        )
        for row in rows
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_doubles_become_the_shortest_text_that_reads_back_equal(tmp_path: Path, numbers: list[float]) -> None:
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"line_item_unblended_cost": numbers}), path)
    read_back = [row["line_item_unblended_cost"] for row in rows_of(read(path, FileFormat.PARQUET))]
    assert [float(text or "") for text in read_back] == numbers
    assert [Decimal(text or "") for text in read_back] == [Decimal(repr(number)) for number in numbers]


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize("format", [FileFormat.CSV_GZIP, FileFormat.CSV_ZIP, FileFormat.PARQUET])
def test_a_file_of_no_bytes_is_cut_where_its_format_has_some_always(tmp_path: Path, format: FileFormat) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(PermanentError, match="is cut: it has 0 bytes"):
        read(path, format)


def test_small_pieces_are_joined_and_large_ones_cut(tmp_path: Path) -> None:
    path = tmp_path / "pieces.parquet"
    pq.write_table(
        pa.table({"line_item_usage_type": [f"type {row % 7}" for row in range(100)]}), path, row_group_size=9
    )
    batches = read(path, FileFormat.PARQUET, batch_rows=40)
    assert [batch.rows.num_rows for batch in batches] == [40, 40, 20]
    assert [row["line_item_usage_type"] for row in rows_of(batches)] == [f"type {row % 7}" for row in range(100)]


@pytest.mark.usefixtures("csv_reader")
def test_files_of_one_delivery_may_have_other_columns_in_another_order(tmp_path: Path) -> None:
    write_csv(tmp_path / "1.csv", ["lineItem/UsageType", "lineItem/UnblendedCost"], [["a", "1"]])
    write_csv(
        tmp_path / "2.csv",
        ["bill/BillType", "lineItem/UnblendedCost", "lineItem/UsageType"],
        [["Anniversary", "2", "b"]],
    )
    assert [row for number in (1, 2) for row in rows_of(read(tmp_path / f"{number}.csv", FileFormat.CSV))] == [
        {"line_item_usage_type": "a", "line_item_unblended_cost": "1"},
        {"bill_bill_type": "Anniversary", "line_item_unblended_cost": "2", "line_item_usage_type": "b"},
    ]


def test_a_column_whose_type_changes_between_files_is_text_in_all(tmp_path: Path) -> None:
    types = [
        pa.array(["1.5", "abc"]),
        pa.array([1.5, 2.0]),
        pa.array([Decimal("1.5"), Decimal("2.0")]),
        pa.array([1, 2]),
        pa.array(["1.5", "1.5"], pa.large_string()).dictionary_encode(),
        pa.nulls(2),
    ]
    found = []
    for number, values in enumerate(types):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"pricing_public_on_demand_rate": values}), path, row_group_size=1)
        found.append([row["pricing_public_on_demand_rate"] for row in rows_of(read(path, FileFormat.PARQUET))])
    assert found == [["1.5", "abc"], ["1.5", "2"], ["1.5", "2.0"], ["1", "2"], ["1.5", "1.5"], [None, None]]


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_that_is_no_cost_report_says_so(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"people.{ending}"
    if ending == "csv":
        write_csv(path, ["name", "age"], [["a", "1"]])
    else:
        pq.write_table(pa.table({"name": ["a"], "age": ["1"]}), path)
    with pytest.raises(PermanentError, match=rf"people\.{ending} is not a cost report"):
        read(path, FileFormat(ending), wanted=lambda name: name.startswith("line_item"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("format", "reader"),
    [(FileFormat.CSV_GZIP, CsvReader.NATIVE), (FileFormat.CSV_GZIP, CsvReader.ARROW), (FileFormat.PARQUET, None)],
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, format: FileFormat, reader: CsvReader | None) -> None:
    """Peaks of Arrow's own allocations. The smaller CSV is larger than all that Arrow reads ahead."""

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.{format}"
        names = [f"line_item_column{number}" for number in range(12)]
        values = [f"a value of some length {row % 50_021}" for row in range(rows)]
        if format is FileFormat.PARQUET:
            table = pa.Table.from_arrays([pa.array(values)] * len(names), names=names)
            pq.write_table(table, path, row_group_size=20_000)
            del table
        else:
            line = (",".join(["{0}"] * len(names)) + "\n").format
            with gzip.open(path, "wt", compresslevel=1) as file:
                file.write(",".join(names) + "\n")
                file.writelines(line(value) for value in values)
        del values
        pool = pa.default_memory_pool()
        before, highest, count = pool.bytes_allocated(), 0, 0
        for batch in read_source(path, format, file="x", wanted=every, batch_rows=8192, reader=reader):
            count += batch.rows.num_rows
            del batch
            highest = max(highest, pool.bytes_allocated() - before)
        assert count == rows
        return highest

    assert peak(200_000) < 160 << 20
    assert peak(600_000) < 160 << 20


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.outside_data
@pytest.mark.parametrize(
    ("name", "format", "rows"),
    [
        ("workshop-2018/Oct2018-WorkshopCUR-00001.snappy.parquet", FileFormat.PARQUET, 119_307),
        ("workshop-2018/Nov2018-WorkshopCUR-00001.snappy.parquet", FileFormat.PARQUET, 124_340),
        ("focus-converters/sample-anonymous-aws-export-dataset.csv", FileFormat.CSV, 1_281),
        ("koku/2023-06-01.csv", FileFormat.CSV, 3),
        ("koku/empty_frame.csv", FileFormat.CSV, 0),
        ("koku/2023-06-01-not-final.csv", FileFormat.CSV, 3),
        ("koku/2022-07-01-alt-columns.csv", FileFormat.CSV, 2),
        ("cur-anonymize/sample-legacy-csv.csv", FileFormat.CSV, 4),
        ("cur-anonymize/sample-cur20.csv", FileFormat.CSV, 4),
    ],
)
def test_real_files_are_read_whole(outside_data: Path, name: str, format: FileFormat, rows: int) -> None:
    batches = read(outside_data / name, format)
    assert sum(batch.rows.num_rows for batch in batches) == rows
    for batch in batches:
        for start in batch.rows["line_item_usage_start_date"].dictionary.to_pylist():
            assert start[:4] in {"2018", "2022", "2023", "2025"}


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.outside_data
def test_every_focus_example_is_read_whole(outside_data: Path) -> None:
    paths = [*outside_data.glob("focus-1.2-examples/**/*.csv"), outside_data / "focus-1.0" / "focus_sample.csv"]
    assert len(paths) > 20
    for path in paths:
        with path.open(newline="", encoding="utf-8-sig") as file:
            expected = [(row["BilledCost"], row["EffectiveCost"]) for row in csv.DictReader(file)]
        assert [(row["billed_cost"], row["effective_cost"]) for row in rows_of(read(path, FileFormat.CSV))] == expected


def test_a_shortage_of_memory_names_the_file_and_the_setting(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", ["A"], [["1"]])
    with (
        mock.patch.object(pa, "allocate_buffer", side_effect=pa.ArrowMemoryError("malloc of size 4 failed")),
        pytest.raises(MemoryShortageError, match=r"^report\.csv could not be loaded: .* STAXPIPE_MEMORY_MB lower"),
    ):
        list(read_source(path, FileFormat.CSV, file=path.name, wanted=every, reader=CsvReader.NATIVE))
