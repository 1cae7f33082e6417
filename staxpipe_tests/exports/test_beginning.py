import gzip
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.exports.beginning import BYTES, Beginning, beginning
from staxpipe.model import FileFormat

BODY = '\ufeffa,"b\nc"\n\n1,2\n3,4\n'
EXPECTED = Beginning(("a", "b\nc"), ("1", "2"))
NOTHING = Beginning()


def zipped(path: Path, *members: tuple[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return path


def test_a_csv_file_begins_with_its_header_and_first_row(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(BODY)
    assert beginning(path, FileFormat.CSV) == EXPECTED
    path.write_bytes(gzip.compress(BODY.encode()))
    assert beginning(path, FileFormat.CSV_GZIP) == EXPECTED
    assert beginning(zipped(tmp_path / "z", ("folder/", ""), ("folder/x.csv", BODY)), FileFormat.CSV_ZIP) == EXPECTED


def test_a_parquet_file_has_column_names(tmp_path: Path) -> None:
    columns = pa.table(
        {"line_item_x": [1], "resource_tags": pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string()))}
    )
    pq.write_table(columns, tmp_path / "x")
    assert beginning(tmp_path / "x", FileFormat.PARQUET) == Beginning(("line_item_x", "resource_tags"))


@pytest.mark.parametrize("format", FileFormat)
@pytest.mark.parametrize("body", [b"", b"\x00\x01", b"PK\x03\x04", b"PAR1", b"\x1f\x8b"])
def test_what_cannot_be_read_tells_nothing_worse_than_nonsense(tmp_path: Path, format: FileFormat, body: bytes) -> None:
    (tmp_path / "x").write_bytes(body)
    start = beginning(tmp_path / "x", format)
    assert start == NOTHING or format is FileFormat.CSV


def test_a_cut_file_tells_what_is_there(tmp_path: Path) -> None:
    whole = gzip.compress((BODY + "5,6\n" * 100_000).encode(), 0)
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    assert beginning(tmp_path / "x", FileFormat.CSV_GZIP) == EXPECTED
    path = zipped(tmp_path / "z", ("x.csv", BODY))
    path.write_bytes(path.read_bytes()[:-30])
    assert beginning(path, FileFormat.CSV_ZIP) == NOTHING
    assert beginning(zipped(tmp_path / "empty"), FileFormat.CSV_ZIP) == NOTHING


def test_wherever_an_archive_is_damaged_it_only_tells_less(tmp_path: Path) -> None:
    good = zipped(tmp_path / "good", ("x.csv", "a,b\n1,2\n")).read_bytes()
    for place in range(len(good)):
        for value in (0, 0x7F, 0xFF):
            path = tmp_path / "x"
            path.write_bytes(good[:place] + bytes([value]) + good[place + 1 :])
            assert isinstance(beginning(path, FileFormat.CSV_ZIP), Beginning)


def test_no_more_is_unpacked_than_a_header_takes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z", ("x.csv", "a,b\n" * 20 * BYTES))
    tracemalloc.start()
    try:
        assert beginning(path, FileFormat.CSV_ZIP).first_row == ("a", "b")
        assert tracemalloc.get_traced_memory()[1] < 20 * BYTES
    finally:
        tracemalloc.stop()
