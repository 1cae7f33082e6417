import gzip
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_refusals
from staxpipe.model import FileFormat
from staxpipe_tests.focus.packing import CSV_FORMATS, packed
from staxpipe_tests.focus.test_reading import read, rows_of, write_csv

pytestmark = pytest.mark.usefixtures("csv_reader")

HEADER = "lineItem/UsageType,lineItem/UnblendedCost\n"


def _file(tmp_path: Path, body: str | bytes, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return path


def _values(path: Path, format: FileFormat = FileFormat.CSV) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in rows_of(read(path, format))]


def test_text_stays_as_it_is_written_and_only_the_empty_field_is_null(tmp_path: Path) -> None:
    body = HEADER + 'NA,NULL\n"",\n007,1.81E-8\n"a ""b"", c",\'\'\nnan,#N/A\n'
    assert _values(_file(tmp_path, body)) == [
        ("NA", "NULL"),
        (None, None),
        ("007", "1.81E-8"),
        ('a "b", c', "''"),
        ("nan", "#N/A"),
    ]


def test_line_ends_byte_order_mark_and_quoted_line_breaks(tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf" + (HEADER + 'one,1\n"two\nlines",2\n').replace("\n", "\r\n").encode()
    assert _values(_file(tmp_path, body)) == [("one", "1"), ("two\r\nlines", "2")]


def test_a_quoted_name_in_the_header_may_break_over_lines(tmp_path: Path) -> None:
    path = _file(tmp_path, '"resourceTags/user:a\nb",lineItem/UsageType\n1,2\n')
    assert rows_of(read(path, FileFormat.CSV)) == [{"resource_tags/user:a\nb": "1", "line_item_usage_type": "2"}]


@pytest.mark.parametrize("body", [HEADER, HEADER.rstrip(), "", "\n"])
@pytest.mark.parametrize("format", CSV_FORMATS)
def test_a_file_of_a_header_or_of_nothing_has_no_rows(tmp_path: Path, body: str, format: FileFormat) -> None:
    assert read(_file(tmp_path, packed(body.encode(), format)), format) == []


@pytest.mark.parametrize("format", CSV_FORMATS)
@pytest.mark.parametrize("last", ["b,2", '"b","2"'])
def test_a_last_line_without_an_end_counts(tmp_path: Path, last: str, format: FileFormat) -> None:
    path = _file(tmp_path, packed((HEADER + "a,1\n" + last).encode(), format))
    assert _values(path, format) == [("a", "1"), ("b", "2")]


def test_an_empty_line_is_a_row_only_where_there_is_one_column(tmp_path: Path) -> None:
    assert _values(_file(tmp_path, "lineItem/UsageType\na\n\nb\n")) == [("a",), (None,), ("b",)]
    assert _values(_file(tmp_path, HEADER + "a,1\n\nb,2\n")) == [("a", "1"), ("b", "2")]


def test_columns_are_found_by_name_and_not_by_place(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ["lineItem/UnblendedCost", "junk", "lineItem/UsageType"], [["1", "?", "a"]])
    (batch,) = read(path, FileFormat.CSV, wanted=lambda name: name.startswith("line_item"))
    assert batch.rows.to_pylist() == [{"line_item_unblended_cost": "1", "line_item_usage_type": "a"}]


def test_columns_of_one_name_do_not_confuse_the_parser(tmp_path: Path) -> None:
    path = _file(tmp_path, "resourceTags/user:a,lineItem/UsageType,resourceTags/user:a\n1,x,2\n")
    assert rows_of(read(path, FileFormat.CSV)) == [
        {"resource_tags/user:a": "1", "line_item_usage_type": "x", "resource_tags/user:a#2": "2"}
    ]


def test_three_hundred_tag_columns(tmp_path: Path) -> None:
    header = [*(f"resourceTags/user:tag {number}" for number in range(300)), "lineItem/UnblendedCost"]
    path = write_csv(tmp_path / "x.csv.gz", header, [[str(number) for number in range(301)]] * 50)
    (batch,) = read(path, FileFormat.CSV_GZIP)
    assert batch.rows.num_columns == 301
    assert batch.rows["resource_tags/user:tag 299"].to_pylist() == ["299"] * 50


def test_gzip_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    body = gzip.compress((HEADER + "a,1\n").encode()) + gzip.compress(b"") + gzip.compress(b"b,2\n")
    assert _values(_file(tmp_path, body, "x.csv.gz"), FileFormat.CSV_GZIP) == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize("keep", [5, 30, -9, -1])
def test_a_cut_gzip_file_is_said_to_be_cut(tmp_path: Path, keep: int) -> None:
    body = gzip.compress((HEADER + "".join(f"type {row},{row}\n" for row in range(5000))).encode())
    with pytest.raises(PermanentError, match=r"x\.csv\.gz is cut"):
        read(_file(tmp_path, body[:keep], "x.csv.gz"), FileFormat.CSV_GZIP)


def test_a_flipped_bit_in_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    body = bytearray(gzip.compress((HEADER + "".join(f"type {row},{row}\n" for row in range(5000))).encode()))
    body[-6] ^= 1  # in the checksum
    with pytest.raises(PermanentError, match=r"x\.csv\.gz is damaged"):
        read(_file(tmp_path, bytes(body), "x.csv.gz"), FileFormat.CSV_GZIP)


def test_a_file_that_is_not_gzip_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"x\.csv\.gz is not a gzip file"):
        read(_file(tmp_path, HEADER + "a,1\n", "x.csv.gz"), FileFormat.CSV_GZIP)


@pytest.mark.parametrize(
    ("row", "count"),
    [("a", 1), ("a,1,2", 3)],
)
def test_a_ragged_row_is_named_by_file_and_row(tmp_path: Path, row: str, count: int) -> None:
    body = HEADER + 'ok,1\n"two\nlines",2\n' + f"{row}\nok,4\n"
    with pytest.raises(PermanentError, match=rf"x\.csv: row 3 has {count} fields, and the header has 2"):
        read(_file(tmp_path, body), FileFormat.CSV)


def test_a_ragged_row_far_into_a_gzip_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_refusals, "BLOCK_BYTES", 4096)
    rows = [f"type {row},{row}" for row in range(9999)] + ["short"] + ["a,1"] * 2000
    body = gzip.compress((HEADER + "\n".join(rows)).encode())
    with pytest.raises(PermanentError, match=r"row 10,000 has 1 fields"):
        read(_file(tmp_path, body, "x.csv.gz"), FileFormat.CSV_GZIP)


def test_text_that_is_not_utf8_is_named_by_column(tmp_path: Path) -> None:
    body = b"junk,lineItem/UnblendedCost,lineItem/UsageType\n1,2,ok\n1,2,\xff\xfe\n"
    with pytest.raises(PermanentError, match=r"x\.csv: .* column lineItem/UsageType is not UTF-8"):
        read(_file(tmp_path, body), FileFormat.CSV, wanted=lambda name: name.startswith("line_item"))


@pytest.mark.parametrize("format", CSV_FORMATS)
@pytest.mark.parametrize("body", ['a,"1\nb,2\nc,3\n', 'a,1\nb,"2', 'a,1\nb,"'])
def test_a_quote_that_is_never_closed_does_not_swallow_rows(tmp_path: Path, body: str, format: FileFormat) -> None:
    path = _file(tmp_path, packed((HEADER + body).encode(), format), "x")
    with pytest.raises(PermanentError, match=r"^x: a quote is opened near its end and never closed\."):
        read(path, format)


def test_a_last_value_that_holds_a_line_break_is_fine(tmp_path: Path) -> None:
    assert _values(_file(tmp_path, HEADER + 'a,"1\n"\n')) == [("a", "1\n")]


def test_a_record_longer_than_a_block_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_refusals, "BLOCK_BYTES", 1 << 20)
    body = HEADER + "ok,1\n" + '"' + "x\n" * (2 << 20)
    with pytest.raises(PermanentError, match=r"longer than 1 MiB"):
        read(_file(tmp_path, body), FileFormat.CSV)


def test_a_bomb_of_one_endless_line_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    with pytest.raises(PermanentError, match=r"bomb\.csv\.gz does not begin with a CSV header"):
        read(path, FileFormat.CSV_GZIP)


def test_a_parquet_file_under_a_csv_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"x\.csv does not begin with a CSV header in UTF-8"):
        read(_file(tmp_path, b"PAR1\x15\x04\xff\xfe\x00\x80"), FileFormat.CSV)
