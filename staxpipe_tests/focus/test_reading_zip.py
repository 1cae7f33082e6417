import gzip
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_bytes
from staxpipe.focus.source_schema import read_schema
from staxpipe.model import FileFormat
from staxpipe_tests.focus.packing import zipped
from staxpipe_tests.focus.test_reading import read, rows_of

pytestmark = pytest.mark.usefixtures("csv_reader")

FIRST = b"lineItem/UsageType,lineItem/UnblendedCost\na,1\nb,2\n"
SECOND = b"\xef\xbb\xbflineItem/UnblendedCost,bill/BillType,lineItem/UsageType\r\n3,Anniversary,c\r\n"


def _zip(
    path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> Path:
    path.write_bytes(zipped(members, compression, comment))
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_every_member_is_read_by_its_own_header_and_rows_count_on(tmp_path: Path, compression: int) -> None:
    path = _zip(tmp_path / "x.zip", {"cur-1.csv": FIRST, "cur-2.csv": SECOND}, compression, b"a comment")
    batches = read(path, FileFormat.CSV_ZIP)
    assert [(batch.first_row, batch.rows.num_rows) for batch in batches] == [(1, 2), (3, 1)]
    assert rows_of(batches) == [
        {"line_item_usage_type": "a", "line_item_unblended_cost": "1"},
        {"line_item_usage_type": "b", "line_item_unblended_cost": "2"},
        {"line_item_unblended_cost": "3", "bill_bill_type": "Anniversary", "line_item_usage_type": "c"},
    ]


def test_a_member_that_was_written_as_a_stream_is_read(tmp_path: Path) -> None:
    """Its sizes and checksum then stand behind it, and in the archive's table."""

    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cur.csv", FIRST)
    (tmp_path / "x.zip").write_bytes(b"something before the archive" + stream.written)
    assert len(rows_of(read(tmp_path / "x.zip", FileFormat.CSV_ZIP))) == 2


def test_names_that_climb_are_read_and_nothing_is_written_there(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    path = _zip(folder / "x.zip", {"../../climbs.csv": FIRST, "/staxpipe-absolute.csv": FIRST, "a\\..\\b.CSV": FIRST})
    assert len(rows_of(read(path, FileFormat.CSV_ZIP))) == 6
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["deep", "folder", "x.zip"]
    assert not Path("/staxpipe-absolute.csv").exists()


def test_folders_and_notes_are_passed_over(tmp_path: Path) -> None:
    members = {"folder/": b"", "read me.txt": b"hello", "__MACOSX/._cur.csv": b"\x00\x05", "folder/cur.csv": FIRST}
    assert len(rows_of(read(_zip(tmp_path / "x.zip", members), FileFormat.CSV_ZIP))) == 2


@pytest.mark.parametrize("members", [{}, {"read me.txt": b"hello"}, {"folder/": b""}])
def test_an_archive_without_csv_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(PermanentError, match=r"x\.zip has no CSV file in it"):
        read(_zip(tmp_path / "x.zip", members), FileFormat.CSV_ZIP)


@pytest.mark.parametrize("name", ["cur.csv.gz", "cur.csv", "inner.zip"])
def test_an_archive_in_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    inner = _zip(tmp_path / "inner.zip", {"a.csv": FIRST}).read_bytes() if name == "inner.zip" else gzip.compress(FIRST)
    path = _zip(tmp_path / "x.zip", {"a.csv": FIRST, name: inner})
    with pytest.raises(PermanentError, match=rf"x\.zip \(its member {name}\) is packed once more"):
        read(path, FileFormat.CSV_ZIP)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"cur.csv": FIRST})
    body = bytearray(path.read_bytes())
    body[6] |= 1  # the flag in front of the member, and the one in the table
    body[body.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(body))
    with pytest.raises(PermanentError, match=r"its member cur\.csv\) is encrypted"):
        read(path, FileFormat.CSV_ZIP)


def test_another_method_of_packing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="packed by a method that is not read here"):
        read(_zip(tmp_path / "x.zip", {"cur.csv": FIRST}, zipfile.ZIP_BZIP2), FileFormat.CSV_ZIP)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_wrong_checksum_is_noticed(tmp_path: Path, compression: int) -> None:
    text = FIRST + b"".join(b"type %d,%d\n" % (row, row) for row in range(100_000))
    path = _zip(tmp_path / "x.zip", {"cur.csv": text}, compression)
    body = bytearray(path.read_bytes())
    for start in (14, body.index(b"PK\x01\x02") + 16):
        struct.pack_into("<I", body, start, 12345)
    path.write_bytes(bytes(body))
    with pytest.raises(PermanentError, match=r"x\.zip.* is damaged"):
        read(path, FileFormat.CSV_ZIP)


@pytest.mark.parametrize("body", [FIRST, b"PK\x03\x04", gzip.compress(FIRST, mtime=0)])
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(body)
    with pytest.raises(PermanentError, match=r"x\.zip is damaged and cannot be unpacked: File is not a zip file"):
        read(tmp_path / "x.zip", FileFormat.CSV_ZIP)


def test_wherever_an_archive_is_damaged_it_is_told_in_words(tmp_path: Path) -> None:
    good = zipped({"a.csv": FIRST}, zipfile.ZIP_DEFLATED, b"")
    refused = 0
    for place in range(len(good)):
        for value in (0, 0x7F, 0xFF):
            path = tmp_path / "x.zip"
            path.write_bytes(good[:place] + bytes([value]) + good[place + 1 :])
            try:
                reading_bytes.parts_of(path, FileFormat.CSV_ZIP, "x.zip")
            except PermanentError as error:
                refused += "x.zip" in str(error)
    assert refused > 50


def test_an_error_in_one_of_several_members_names_it(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"a.csv": FIRST, "b.csv": FIRST + b"only one\n"})
    with pytest.raises(PermanentError, match=r"x\.zip \(its member b\.csv\): row 3 has 1 fields"):
        read(path, FileFormat.CSV_ZIP)


def test_an_archive_of_very_many_members_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_bytes, "TABLE_BYTES", 5_000)
    path = _zip(tmp_path / "x.zip", {f"{number}.csv": FIRST for number in range(200)})
    with pytest.raises(PermanentError, match="its table of contents has"):
        read(path, FileFormat.CSV_ZIP)


def test_its_columns_are_those_of_the_first_member_and_what_only_later_ones_have(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"cur-1.csv": FIRST, "cur-2.csv": SECOND})
    assert [name for name, _ in read_schema(path, FileFormat.CSV_ZIP, "x").columns] == [
        "lineItem/UsageType",
        "lineItem/UnblendedCost",
        "bill/BillType",
    ]
