"""How a bare data file begins: its header as written, and its first row, as far as they can be read.

For telling what a file is before it is read, or although it cannot be. Reading it is `staxpipe.focus.reading`'s, and
so is saying what is wrong with it: here a damaged file simply tells less.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from staxpipe.focus.reading_bytes import DAMAGE, is_folder
from staxpipe.model import FileFormat

BYTES = 1 << 20
"""As much of a file as is looked at, unpacked: a header of 1,000 columns has about 40 KB."""


@dataclass(frozen=True)
class Beginning:
    """Column names as written, and the first row's fields; both empty where they cannot be read."""

    header: tuple[str, ...] = ()
    first_row: tuple[str, ...] = ()


def beginning(path: Path, format: FileFormat) -> Beginning:
    """How a data file begins. Of Parquet files there is no first row: a damaged one has none that can be read."""
    if format is FileFormat.PARQUET:
        try:
            return Beginning(tuple(pq.read_schema(path).names))
        except (pa.ArrowException, OSError):
            return Beginning()
    text = _start(path, format).decode("utf-8-sig", errors="replace")
    try:
        rows = (tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row)
        return Beginning(next(rows, ()), next(rows, ()))
    except csv.Error:
        return Beginning()


def _start(path: Path, format: FileFormat) -> bytes:
    """As much of a file's beginning as can be unpacked before it breaks off."""
    start = b""
    try:
        with _opened(path, format) as raw:
            while len(start) < BYTES and (piece := raw.read(4096)):
                start += piece
    except (OSError, *DAMAGE):
        pass
    return start


@contextmanager
def _opened(path: Path, format: FileFormat) -> Iterator[IO[bytes]]:
    match format:
        case FileFormat.CSV_GZIP:
            with gzip.open(path) as unpacked:
                yield cast(IO[bytes], unpacked)
        case FileFormat.CSV_ZIP:
            with zipfile.ZipFile(path) as archive:
                member = next((item for item in archive.infolist() if not is_folder(item)), None)
                if member is None:
                    yield io.BytesIO()
                else:
                    with archive.open(member) as raw:
                        yield raw
        case _:
            with path.open("rb") as raw:
                yield raw
