"""Files that were made to burst their reader fail as that one file: soon, in words, and in little memory."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_refusals
from staxpipe.model import FileFormat
from staxpipe_tests.focus.test_reading import read

pytestmark = pytest.mark.usefixtures("csv_reader")

MIB = 1 << 20
HEADER = b"lineItem/UsageType,lineItem/UnblendedCost\n"
ROW = b"a usage type that is always the same; " * 25 + b",0.0000000000\n"

READING = """
import pathlib, resource, sys
from staxpipe.errors import PermanentError
from staxpipe.focus.reading import read_source
from staxpipe.model import FileFormat

rows = 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for batch in read_source(pathlib.Path(sys.argv[1]), FileFormat(sys.argv[2]), file="bomb", wanted=bool):
        rows += batch.rows.num_rows
    words = "loaded"
except PermanentError as error:
    words = str(error)
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, words, sep="|")
"""


def _gzip(path: Path, *starts: bytes, chunk: bytes, mib: int) -> Path:
    """A file of many gzip members, each of 64 MiB of the same: gigabytes in no time."""
    member = gzip.compress(chunk * (64 * MIB // len(chunk)), 9)
    with path.open("wb") as file:
        for start in starts:
            file.write(gzip.compress(start))
        for _ in range(mib // 64):
            file.write(member)
    return path


def _read_elsewhere(path: Path, format: FileFormat) -> tuple[int, int, str]:
    """Rows, memory that reading took (MiB), and what was said: in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", READING, path, format],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    rows, memory, words = done.stdout.strip().split("|")
    return int(rows), int(memory), words


@pytest.mark.parametrize(
    ("starts", "chunk", "words"),
    [
        ((HEADER,), b"x", "a record is longer than 2 MiB"),
        ((HEADER, b"a,1\n"), b"x", "a record is longer than 2 MiB"),
        ((HEADER,), b"\0", "a record is longer than 2 MiB"),
        ((HEADER,), b'"', "a record is longer than 2 MiB"),
        ((HEADER, b'a,"'), b"x\n", "a record is longer than 2 MiB"),
        ((), b"x", "its first line is longer than 1 MiB"),
        ((b'"',), b"x\n", "The header of bomb is not CSV"),
        ((), b"\n", "does not begin with a CSV header"),
        ((HEADER,), b"\n", "nothing but empty lines after its header"),
        ((HEADER, b"a,1\n"), b"\r\n", "bytes of empty lines"),
        ((HEADER,), b",\n", "unpacks to far more than any cost report does"),
    ],
)  # fmt: skip
def test_two_gigabytes_of_one_thing_are_refused(
    tmp_path: Path, starts: tuple[bytes, ...], chunk: bytes, words: str
) -> None:
    path = _gzip(tmp_path / "bomb.csv.gz", *starts, chunk=chunk, mib=2048)
    assert path.stat().st_size < 20 * MIB
    _, memory, said = _read_elsewhere(path, FileFormat.CSV_GZIP)
    assert words in said
    assert "bomb" in said
    assert memory < 300


def test_a_gigabyte_of_constant_rows_is_no_bomb(tmp_path: Path) -> None:
    path = _gzip(tmp_path / "wide.csv.gz", HEADER, chunk=ROW, mib=1024)
    assert path.stat().st_size < 4 * MIB
    rows, memory, words = _read_elsewhere(path, FileFormat.CSV_GZIP)
    assert (rows, words) == (16 * (64 * MIB // len(ROW)), "loaded")
    assert memory < 300


def test_beyond_what_any_file_may_unpack_to_the_ratio_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_refusals, "PLAUSIBLE_BYTES", 16 * MIB)
    path = _gzip(tmp_path / "bomb.csv.gz", HEADER, chunk=ROW, mib=128)
    with pytest.raises(PermanentError, match=r"bomb\.csv\.gz unpacks to far more than any cost report does"):
        read(path, FileFormat.CSV_GZIP)
    text = "".join(f"{value:x},{value * value:x}\n" for value in range(700_000))
    path.write_bytes(gzip.compress(HEADER + text.encode(), 1))  # as long, and packed no more than such rows can be
    assert sum(batch.rows.num_rows for batch in read(path, FileFormat.CSV_GZIP)) == 700_000


def test_members_of_an_archive_are_measured_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_refusals, "PLAUSIBLE_BYTES", 100 * MIB)
    text = HEADER + ROW * (32 * MIB // len(ROW))
    for members, burst in ((2, False), (4, True)):
        path = tmp_path / f"{members}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for number in range(members):
                archive.writestr(f"{number}.csv", text)
        if burst:
            with pytest.raises(PermanentError, match=r"4\.zip .*unpacks to far more"):
                read(path, FileFormat.CSV_ZIP)
        else:
            read(path, FileFormat.CSV_ZIP)
