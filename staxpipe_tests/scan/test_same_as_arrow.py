"""Whatever bytes a file has, both CSV readers give the same rows, or both refuse it."""

import gzip
import zipfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_refusals
from staxpipe.focus.reading import read_source
from staxpipe.model import FileFormat
from staxpipe.scan import unpacking
from staxpipe.scan.choice import CsvReader
from staxpipe_tests.focus.packing import CSV_FORMATS, packed, zipped

Outcome = list[dict[str, str | None]] | str

quick = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HEADERS = [b"A,B\n", b"\xef\xbb\xbfA,B\r\n", b"A\n", b'"A\nq",B\r', b"A,B", b",A,B,\n", b"A,\n", b"A,A,B\n"]
FIELDS = [b"", b'""', b"1", b"a b", b'"a,b"', b'"a\r\nb"', b'"a""b"', b'a"b', b'"a"b""', b"\xc3\x9c", b"x" * 70]
TOKENS = [b'"', b",", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"y']

fields = st.sampled_from(FIELDS)
ends = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])
rows = st.builds(lambda values, end: b",".join(values) + end, st.lists(fields, min_size=2, max_size=2), ends)
bodies = st.lists(rows | rows | rows | st.sampled_from(TOKENS), max_size=25).map(b"".join)


def _outcome(path: Path, format: FileFormat, reader: CsvReader, batch_rows: int = 100) -> Outcome:
    found: list[dict[str, str | None]] = []
    try:
        # Where batches end may differ: Arrow's are joined of what its blocks gave.
        for batch in read_source(path, format, file="x", wanted=bool, batch_rows=batch_rows, reader=reader):
            assert batch.first_row == len(found) + 1
            assert 0 < batch.rows.num_rows <= batch_rows
            found += batch.rows.to_pylist()
    except PermanentError as error:
        return f"refused: {error}"
    return found


def _assert_same(one: Outcome, other: Outcome, *, whole_words: bool = False) -> None:
    # With two mistakes in one file each reader names the one that it meets first.
    if isinstance(one, str) and isinstance(other, str) and not whole_words:
        return
    assert one == other


@pytest.mark.parametrize("format", CSV_FORMATS)
@quick
@given(
    st.sampled_from(HEADERS),
    bodies,
    st.sampled_from([1, 2, 3, 65_536]),
    st.sampled_from([1, 2, 3, 64, 1 << 20]),
    st.sampled_from([64, 2 << 20]),
)
@example(b"A,B\n", b'\xc3\xa9"a"y"\x00,b', 100, 1 << 20, 2 << 20)  # an odd number of quotes, and none is open
@example(b"A,B\n", b'a"b,"c', 100, 1 << 20, 2 << 20)  # an even number, and one is
@example(b"A,B\n", b',"', 100, 1 << 20, 2 << 20)  # one is, with nothing in it
@example(b"A,B\n", b'1,2\n3,"4', 100, 1, 64)  # the last piece is one byte
@example(b"A,B\n", b",\n,\n," + FIELDS[-1] + b"\n", 3, 1, 64)  # Arrow's blocks give batches that end elsewhere
@example(b"A\n", b'1\n"', 100, 1 << 20, 2 << 20)
@example(b"A,B\n", b",\n,\n," + FIELDS[-1] + b"\n", 3, 1, 64)  # Arrow's blocks give batches that end elsewhere
def test_a_text_in_pieces_of_any_size(
    tmp_path: Path, format: FileFormat, header: bytes, body: bytes, batch_rows: int, piece_bytes: int, block_bytes: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(packed(header + body, format))
    with (
        mock.patch.object(reading_refusals, "BLOCK_BYTES", block_bytes),
        mock.patch.object(unpacking, "PIECE_BYTES", piece_bytes),
    ):
        native, arrow = (_outcome(path, format, reader, batch_rows) for reader in CsvReader)
    _assert_same(native, arrow)


@quick
@given(st.sampled_from(CSV_FORMATS), st.sampled_from(HEADERS), st.binary(max_size=80))
def test_any_bytes(tmp_path: Path, format: FileFormat, header: bytes, body: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(packed(header + body, format))
    _assert_same(*(_outcome(path, format, reader) for reader in CsvReader))


@pytest.mark.parametrize("format", CSV_FORMATS)
@pytest.mark.parametrize(
    "body",
    [
        b"1,2\n1\n",
        b"1,2\n\n\r\n3,4,5\n",
        b'"a\nb",1\n"c",2,3',
        b"1," + b"x" * (5 << 20) + b"\n",
        b'1,"open\n',
        b"1,\xff\n",
        b"1,2\n" + b"\n" * (20 << 20),
        b"1,2\r\n" + b"\r\n" * (12 << 20) + b"3,4\r\n",
    ],
)
def test_one_mistake_is_told_in_the_same_words(tmp_path: Path, format: FileFormat, body: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(packed(HEADERS[0] + body, format))
    native, arrow = (_outcome(path, format, reader) for reader in CsvReader)
    assert str(native).startswith("refused")
    _assert_same(native, arrow, whole_words="somewhere after row" not in str(native))


TEXT = b"A,B\n" + b"".join(b'%d,"%d, ""%d"""\r\n' % (row % 7, row, row * row) for row in range(3_000))
GZIP = packed(TEXT, FileFormat.CSV_GZIP)
PACKED = [
    (FileFormat.CSV_GZIP, GZIP),
    (FileFormat.CSV_ZIP, zipped({"a.csv": TEXT, "b.csv": TEXT})),
    (FileFormat.CSV_ZIP, zipped({"a.csv": TEXT, "b.csv": TEXT}, zipfile.ZIP_STORED)),
]


@pytest.mark.parametrize("piece_bytes", [1, 64, 1000, 1 << 20])
@pytest.mark.parametrize(("format", "whole"), PACKED, ids=["gzip", "deflated", "stored"])
def test_packed_files(tmp_path: Path, format: FileFormat, whole: bytes, piece_bytes: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(whole)
    with mock.patch.object(unpacking, "PIECE_BYTES", piece_bytes):
        native, arrow = (_outcome(path, format, reader) for reader in CsvReader)
    assert native == arrow
    assert not isinstance(native, str)
    assert len(native) == (3_000 if format is FileFormat.CSV_GZIP else 6_000)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PACKED), st.data())
def test_damaged_files(tmp_path: Path, file: tuple[FileFormat, bytes], data: st.DataObject) -> None:
    format, whole = file
    damaged = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=0, max_size=2)):
        damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "x"
    path.write_bytes(bytes(damaged[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))]))
    _assert_same(*(_outcome(path, format, reader) for reader in CsvReader))


@pytest.mark.parametrize(
    "after",
    [
        b"",
        gzip.compress(b"", mtime=0),
        gzip.compress(b"1,2\n", mtime=0),
        b"g",
        b"\x1f\x8b",
        b"garbage that is long",
        bytes(1),
        bytes(512),
    ],
)
def test_what_follows_the_first_member_of_a_gzip_file(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(GZIP + after)
    native, arrow = (_outcome(path, FileFormat.CSV_GZIP, reader) for reader in CsvReader)
    assert (native == arrow) if not isinstance(arrow, str) else str(native).split(" is ")[0] == arrow.split(" is ")[0]


@pytest.mark.parametrize("flags", [0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80])
def test_flags_of_a_gzip_header(tmp_path: Path, flags: int) -> None:
    body = bytearray(GZIP)
    body[3] |= flags
    path = tmp_path / "x.csv.gz"
    path.write_bytes(bytes(body))
    _assert_same(*(_outcome(path, FileFormat.CSV_GZIP, reader) for reader in CsvReader))
