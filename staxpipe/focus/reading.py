"""From a data file to record batches under canonical names: one way in for every format.

What is common to all formats; `reading_csv.py`, `reading_native.py` and `reading_parquet.py` know their own,
`reading_bytes.py` unpacks and `reading_maps.py` makes columns of maps. Nothing here knows what a column means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from staxpipe.errors import MemoryShortageError, PermanentError, TransientError
from staxpipe.focus.reading_bytes import parts_of
from staxpipe.focus.reading_csv import read_csv
from staxpipe.focus.reading_maps import MapExpander
from staxpipe.focus.reading_native import read_csv_natively
from staxpipe.focus.reading_parquet import read_parquet
from staxpipe.focus.reading_rows import rows_of
from staxpipe.focus.reading_text import compact
from staxpipe.model import FileFormat
from staxpipe.scan.choice import CsvReader, chosen_reader

BATCH_ROWS = 131_072
"""Rows of a batch: enough that rules on distinct values cost little a row, few enough that several fit into memory."""


@dataclass(frozen=True)
class SourceBatch:
    """Some rows of one file, in the file's order.

    Every column is ``dictionary<int32, string>`` under its canonical name; missing and empty are both null, and no
    value is twice in a dictionary, so that a rule on the dictionary runs once a value. A map is there as one column a
    key (see `staxpipe.focus.reading_maps`), so batches of one file may have different columns.
    `first_row` is the number of the batch's first row in the file: 1 is the first row after the header. The members
    of an archive count on, one after the other.
    """

    rows: pa.RecordBatch
    file: str
    first_row: int


def read_source(
    path: Path,
    format: FileFormat,
    *,
    file: str,
    wanted: Callable[[str], bool],
    batch_rows: int = BATCH_ROWS,
    reader: CsvReader | None = None,
) -> Iterator[SourceBatch]:
    """Read the wanted columns of one data file, batch by batch, in memory that does not grow with the file.

    Values are text: in CSV as written, in Parquet numbers in their shortest form that reads back equal and times
    as ``YYYY-MM-DDTHH:MM:SSZ``. A file without rows (AWS overwrites the surplus files of a shrunken report so) gives
    no batch; but one of 0 bytes is neither gzip, ZIP nor Parquet, so it is cut.

    A column that is there twice gives ``name`` and ``name#2``. A column whose type differs between the files of a
    delivery is no matter: it is text in all of them.

    Args:
        path: where the file lies.
        format: how it is written.
        file: how to name it to people.
        wanted: which canonical names are to be read. See `staxpipe.focus.names`. A map is read if its own name
            (``resource_tags``) is wanted, and of its keys those whose name (``resource_tags/user:team``) is wanted
            too; what of it is unreadable (``resource_tags/#unreadable``) always comes with it.
        batch_rows: the most rows of one batch. All batches but the last have at least half of it, unless there are more
            columns, or keys of maps, than an ordinary report has (see `rows_of`), or very long values.
        reader: what reads CSV; None takes what the setting csv_reader says. Both give the same.

    Raises:
        PermanentError: the file is cut, damaged, malformed or not a cost report; it names file and row.
        MemoryShortageError: there is no more memory to read it with.
        TransientError: this machine could not read it (a disk's error).
    """
    try:
        if path.stat().st_size == 0:
            if format is FileFormat.CSV:
                return
            raise PermanentError(f"{file} is cut: it has 0 bytes. It must be delivered or copied again.")
        first_row = 1
        for batches in _tables(path, format, file, wanted, batch_rows, reader):
            expander = MapExpander(file, wanted, batch_rows)
            for whole in batches:
                for rows in expander.expand(whole):
                    yield SourceBatch(rows, file, first_row)
                    first_row += rows.num_rows
    except MemoryError as error:
        raise MemoryShortageError(file) from error
    except OSError as error:
        if error.errno is None:  # Arrow's word for contents that it cannot decode
            raise PermanentError(f"{file} is damaged and cannot be read: {_first_line(error)}.") from None
        raise TransientError(
            f"{file} could not be read from {path}: {error.strerror}. It will be tried again."
        ) from None


def _tables(
    path: Path,
    format: FileFormat,
    file: str,
    wanted: Callable[[str], bool],
    batch_rows: int,
    reader: CsvReader | None,
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of each table in a file; only an archive has several."""
    if format is FileFormat.PARQUET:
        yield _in_batches(read_parquet(path, file, wanted, batch_rows), batch_rows)
        return
    natively = (reader or chosen_reader()) is CsvReader.NATIVE
    for part in parts_of(path, format, file):
        if natively:
            yield read_csv_natively(part, wanted, batch_rows)
        else:
            yield _in_batches(read_csv(part, wanted), batch_rows)


def _in_batches(pieces: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Join and cut pieces to batches of `rows_of` rows, so that rules run on few, well-filled dictionaries."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for piece in pieces:
        most = rows_of(batch_rows, piece.num_columns)
        if not waiting and most <= 2 * piece.num_rows <= 2 * most:
            yield piece  # well filled already: joining and cutting would cost as much as reading
            continue
        waiting.append(piece)
        rows += piece.num_rows
        if rows >= most:
            joined = _joined(waiting)
            whole = rows - rows % most
            for start in range(0, whole, most):
                yield compact(joined, start, most)
            waiting = [compact(joined, whole, rows - whole)] if rows > whole else []
            rows -= whole
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)


def _first_line(error: OSError) -> str:
    return (str(error).splitlines() or ["unknown"])[0].rstrip(".")
