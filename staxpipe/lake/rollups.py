"""The rollup of a month that is kept beside its data files: one small Parquet file in the folder of their delivery.

It is made of the rows on their way into the data files, so that nobody has to read those again to publish the month.
It lives and dies with its folder (`staxpipe.lake.orphans`), and is no part of the table: no snapshot names it, and
whatever is wrong with it, the marts can be made from the data files. What a rollup is, `staxpipe.warehouse` knows; here
it has a day, and what comes in several pieces can be read day by day, so that nobody holds all of a large one.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

_log = logging.getLogger(__name__)

NAME = "rollup.parquet"
DAY = "day"

ONE_PIECE_ROWS = 65_536
"""A rollup of so many rows or fewer is written, and read, in one piece."""


class BrokenRollupError(Exception):
    """A kept rollup turned out to be damaged while it was read."""


class RollupWriter:
    """Keeps a rollup in the folder of the data files whose rows it sums. An exception inside the context removes it.

    Any thread may write. After the first piece, and where that is large, every day is a row group of its own.
    """

    def __init__(self, io: FileIO, folder: str, schema: pa.Schema) -> None:
        self._io = io
        self._path = _path(folder)
        self._schema = schema
        self._lock = threading.Lock()
        self._sink: Any = None  # pyarrow.NativeFile, when there is something to write
        self._parquet: pq.ParquetWriter | None = None
        self._left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:  # after an interrupt a thread may still write
            self._left = True
            if self._sink is None:
                return
            if error is None and self._parquet is not None:
                self._parquet.close()
                self._sink.close()
                return
            for part in (self._parquet, self._sink):
                with contextlib.suppress(OSError, pa.ArrowException):
                    if part is not None:
                        part.close()
            with contextlib.suppress(OSError, pa.ArrowException):
                self._io.delete(self._path)

    def write(self, sums: pa.Table) -> None:
        """Add sums (of the schema), some of which may be of the same day and dimensions as earlier ones."""
        with self._lock:
            if self._left:
                raise ValueError(f"{self._path} was closed")
            first = self._parquet is None
            if self._parquet is None:
                self._sink = self._io.new_output(self._path).create(overwrite=True)
                self._parquet = pq.ParquetWriter(self._sink, self._schema, compression="zstd", write_page_checksum=True)
            for piece in [sums] if first and sums.num_rows <= ONE_PIECE_ROWS else _by_day(sums):
                self._parquet.write_table(piece, row_group_size=max(piece.num_rows, 1))


class KeptRollup:
    """A rollup that was kept. Iterated, as often as wanted, it gives lists of pieces (tables of `schema`).

    All sums of a day are in one list; those of the same dimensions may be in several of its pieces.
    """

    def __init__(self, io: FileIO, path: str) -> None:
        """Open one, which reads only its footer; raises OSError or ArrowException where that cannot be read."""
        self._io = io
        self._path = path
        with self._io.new_input(self._path).open() as file:
            footer = pq.read_metadata(file)
        self.schema: pa.Schema = footer.schema.to_arrow_schema()
        self._parts = _parts(footer)

    def __iter__(self) -> Iterator[list[pa.Table]]:
        """Read it, part by part.

        Raises:
            BrokenRollupError: it is damaged.
        """
        try:
            with self._io.new_input(self._path).open() as file:
                parquet = pq.ParquetFile(file, page_checksum_verification=True)
                for part in self._parts:
                    yield [parquet.read_row_group(number, use_threads=False) for number in part]
        except (OSError, pa.ArrowException) as error:
            raise BrokenRollupError(f"{self._path} cannot be used: {error}") from error


def read_rollup(io: FileIO, folder: str) -> KeptRollup | None:
    """The rollup that was kept in a folder; None if there is none that can be opened."""
    path = _path(folder)
    try:
        return KeptRollup(io, path)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        _log.warning("%s cannot be used: %s", path, error)
        return None


def _path(folder: str) -> str:
    return f"{folder}/{NAME}"


def _by_day(sums: pa.Table) -> list[pa.Table]:
    """The rows of each day, days in their order."""
    column = sums.column(DAY)
    return [
        sums.filter(pc.equal(column, day) if day.is_valid else pc.is_null(column)) for day in pc.unique(column).sort()
    ]


def _parts(footer: pq.FileMetaData) -> list[list[int]]:
    """The numbers of the row groups that have to be read together: those of a day, or all."""
    days = [_day(footer.row_group(number)) for number in range(footer.num_row_groups)]
    if None in days:
        return [list(range(len(days)))]
    parts = defaultdict(list)
    for number, day in enumerate(days):
        parts[day].append(number)
    return list(parts.values())


def _day(group: pq.RowGroupMetaData) -> date | None:
    """The day that all rows of a row group are of, by its statistics; None where there is no such day."""
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema == DAY and column.statistics is not None and column.statistics.has_min_max:
            least, most = column.statistics.min, column.statistics.max
            return least if least == most and not column.statistics.null_count else None
    return None
