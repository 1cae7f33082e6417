"""Whatever bytes a file has: the values that Python's csv module finds, or an error in words. Never anything else."""

import csv
import io
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from staxpipe.errors import StaxpipeError
from staxpipe.focus import reading_refusals
from staxpipe.focus.names import canonical_name
from staxpipe.focus.reading import read_source
from staxpipe.focus.source_schema import read_schema
from staxpipe.model import FileFormat
from staxpipe_tests.focus.packing import packed, zipped

pytestmark = pytest.mark.usefixtures("csv_reader")

Row = tuple[str, ...]

quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

headers = st.sampled_from(
    [
        b"A,B\n",
        b"\xef\xbb\xbfA,B\r\n",
        b"A\n",
        b'"A","B"\n',
        b"\n\r\nA,B\n",
        b"A,B",
        b"\nA\n",
        b'"A\nq",B\r',
        b'A,"B',
        b"",
    ]
)
tokens = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\r\n", b"a", b'""', b" ", b"\0", b"\xef\xbb\xbf", b"\xff", b'b"c', b'"y', "é".encode()]
)
rows = st.sampled_from(
    [
        b"1,2\n",
        b"3,4\r\n",
        b'"a\nb",c\n',
        b"\n",
        b",\n",
        b'"",""\n',
        b'"x""y",z\n',
        b'a"b,c"d\n',
        b'"a"b,c\n',
        b' "q",r\n',
    ]
)
bodies = st.lists(tokens | rows, max_size=30).map(b"".join) | st.binary(max_size=60)


def _read(path: Path, format: FileFormat) -> list[Row] | None:
    """The values of a file; None where it is refused in words."""
    found: list[Row] = []
    try:
        for batch in read_source(path, format, file="x", wanted=bool):
            found += [tuple(value or "" for value in row.values()) for row in batch.rows.to_pylist()]
    except StaxpipeError:
        return None
    return found


def _expected(text: bytes) -> list[Row]:
    """What Python's csv module finds below the header; an empty line is a row only where there is one column."""
    lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    start = next((at for at, line in enumerate(lines) if line), len(lines))
    if start == len(lines):
        return []
    header, below = lines[start], lines[start + 1 :]
    filled = [line or [""] for line in below if line or len(header) == 1]
    assert all(len(line) == len(header) for line in filled)  # a ragged row would have been refused
    named = [at for at, name in enumerate(header) if canonical_name(name)]
    return [tuple(line[at] for at in named) for line in filled]


@quick
@given(headers, bodies, st.sampled_from([64, 2 << 20]))
def test_a_csv_gives_the_values_of_pythons_csv_module_or_an_error(
    tmp_path: Path, header: bytes, body: bytes, block_bytes: int
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(header + body)
    with mock.patch.object(reading_refusals, "BLOCK_BYTES", block_bytes):
        found = _read(path, FileFormat.CSV)
    if found is not None:
        assert found == _expected(header + body)


TEXT = b"A,B\n" + b"".join(b"type %d,%d\n" % (row, row * row) for row in range(300))
PACKED = {
    FileFormat.CSV_GZIP: packed(TEXT, FileFormat.CSV_GZIP),
    FileFormat.CSV_ZIP: zipped({"a.csv": TEXT, "b.csv": TEXT}),
}
GIVEN = {FileFormat.CSV_GZIP: _expected(TEXT), FileFormat.CSV_ZIP: _expected(TEXT) * 2}


@quick
@given(st.sampled_from(list(PACKED)), st.data())
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path, format: FileFormat, data: st.DataObject) -> None:
    whole = PACKED[format]
    path = tmp_path / "cut"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert _read(path, format) is None


@quick
@given(st.sampled_from(list(PACKED)), st.data())
def test_a_damaged_file_gives_every_value_or_an_error(tmp_path: Path, format: FileFormat, data: st.DataObject) -> None:
    whole = bytearray(PACKED[format])
    for at, flip in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), min_size=1, max_size=4)
    ):
        whole[at] ^= flip
    path = tmp_path / "damaged"
    path.write_bytes(bytes(whole))
    assert _read(path, format) in (None, GIVEN[format])


@quick
@given(st.sampled_from(list(FileFormat)), st.binary(max_size=200))
def test_any_bytes_under_any_name_are_rows_or_an_error_in_words(
    tmp_path: Path, format: FileFormat, body: bytes
) -> None:
    path = tmp_path / "any"
    path.write_bytes(body)
    _read(path, format)
    with suppress(StaxpipeError):
        read_schema(path, format, "x")


@pytest.mark.parametrize("format", list(PACKED))
def test_the_files_that_are_cut_and_damaged_here_are_whole_otherwise(tmp_path: Path, format: FileFormat) -> None:
    path = tmp_path / "whole"
    path.write_bytes(PACKED[format])
    assert _read(path, format) == GIVEN[format]
