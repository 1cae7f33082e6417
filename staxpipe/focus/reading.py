"""From a data file to record batches under canonical names: one way in for every format.

What is common to all formats; `reading_csv.py` and `reading_parquet.py` know their own. Nothing here
knows what a column means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from staxpipe.errors import PermanentError, TransientError
from staxpipe.focus.reading_csv import read_csv
from staxpipe.focus.reading_parquet import read_parquet
from staxpipe.model import FileFormat


@dataclass(frozen=True)
class SourceBatch:
    """Some rows of one file, in the file's order.

    Every column is ``dictionary<int32, string>`` under its canonical name; missing and empty are both null, and no
    value is twice in a dictionary, so that a rule on the dictionary runs once a value.
    `first_row` is the number of the batch's first row in the file: 1 is the first row after the header.
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
    batch_rows: int = 65_536,
) -> Iterator[SourceBatch]:
    """Read the wanted columns of one data file, batch by batch, in memory that does not grow with the file.

    Values are text: in CSV as written, in Parquet numbers in their shortest form that reads back equal and times
    as ``YYYY-MM-DDTHH:MM:SSZ``. A file without rows (AWS overwrites the surplus files of a shrunken report so) gives
    no batch; but one of 0 bytes is neither gzip nor Parquet, so it is cut.

    Args:
        path: where the file lies.
        format: how it is written.
        file: how to name it to people.
        wanted: which canonical names are to be read. See `staxpipe.focus.names`.
        batch_rows: the most rows of one batch; all batches but the last come close to it.

    Raises:
        PermanentError: the file is cut, damaged, malformed or not a cost report; it names file and row.
        TransientError: this machine could not read it (a disk's error).
    """
    try:
        if path.stat().st_size == 0:
            if format is FileFormat.CSV:
                return
            raise PermanentError(f"{file} is cut: it has 0 bytes. It must be delivered or copied again.")
        match format:
            case FileFormat.CSV_GZIP:
                pieces = read_csv(path, file, wanted, compressed=True)
            case FileFormat.CSV:
                pieces = read_csv(path, file, wanted, compressed=False)
            case FileFormat.PARQUET:
                pieces = read_parquet(path, file, wanted, batch_rows)
        first_row = 1
        for rows in _in_batches(pieces, batch_rows):
            yield SourceBatch(rows, file, first_row)
            first_row += rows.num_rows
    except OSError as error:
        if error.errno is None:  # Arrow's word for contents that it cannot decode
            raise PermanentError(f"{file} is damaged and cannot be read: {_first_line(error)}.") from None
        raise TransientError(
            f"{file} could not be read from {path}: {error.strerror}. It will be tried again."
        ) from None


def _in_batches(pieces: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Join and cut pieces to batches of `batch_rows`, so that rules run on few, well-filled dictionaries."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for piece in pieces:
        waiting.append(piece)
        rows += piece.num_rows
        if rows >= batch_rows:
            joined = _joined(waiting)
            whole = rows - rows % batch_rows
            for start in range(0, whole, batch_rows):
                yield _compact(joined, start, batch_rows)
            waiting = [_compact(joined, whole, rows - whole)] if rows > whole else []
            rows -= whole
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)


def _compact(batch: pa.RecordBatch, start: int, length: int) -> pa.RecordBatch:
    """A slice whose dictionaries hold only the values that its own rows use."""
    if start == 0 and length == batch.num_rows:
        return batch
    columns = []
    for column in batch.slice(start, length).columns:
        codes = column.indices.dictionary_encode()
        columns.append(pa.DictionaryArray.from_arrays(codes.indices, column.dictionary.take(codes.dictionary)))
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _first_line(error: OSError) -> str:
    return (str(error).splitlines() or ["unknown"])[0].rstrip(".")
