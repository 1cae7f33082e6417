"""Reading a CSV text by the native scanner: the same rows and the same refusals as by Arrow's reader.

What a header is stands in `reading_csv.py`, what is refused in `reading_refusals.py`; how fields are found in
`staxpipe.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_refusals as refusals
from staxpipe.focus.names import choose_columns
from staxpipe.focus.reading_bytes import DAMAGE, Part, damaged
from staxpipe.focus.reading_csv import Header, read_header
from staxpipe.focus.reading_rows import rows_of
from staxpipe.scan.scanner import Said, ScanError, Scanner
from staxpipe.scan.unpacking import Unpacking


def read_csv_natively(part: Part, wanted: Callable[[str], bool], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a CSV text under canonical names, `batch_rows` rows at a time (see `rows_of`).

    Raises:
        PermanentError: naming the file, and the row where one is wrong.
    """
    header = read_header(part)
    if header is None or not header.rows_follow:
        return
    chosen = choose_columns(header.names, wanted, part.name)
    names = list(chosen.values())
    rows = rows_of(batch_rows, len(chosen))
    with part.pieces() as pieces, Scanner(len(header.names), list(chosen), rows, refusals.BLOCK_BYTES) as scan:
        try:
            for piece in _metered(pieces, header.rows_at, part, scan):
                for columns in scan.feed(piece):
                    yield pa.RecordBatch.from_arrays(columns, names=names)
            for columns in scan.feed(b"", last=True):
                yield pa.RecordBatch.from_arrays(columns, names=names)
        except ScanError as error:
            raise PermanentError(_explain(error, part.name, header, list(chosen))) from None


def _metered(pieces: Unpacking, rows_at: int, part: Part, scan: Scanner) -> Iterator[bytes]:
    """The pieces of a text from its first row on, as long as they are no more than a cost report can be."""
    skip = rows_at
    before = 0
    rows = 0
    try:
        for piece in pieces:
            if skip < len(piece):
                yield piece[skip:] if skip else piece
            skip = max(0, skip - len(piece))
            if pieces.packed is not None:
                part.meter.packed += pieces.packed - before
                part.meter.unpacked += len(piece)
                part.meter.rows += scan.rows - rows
                before, rows = pieces.packed, scan.rows
                refusals.require_plausible(part.meter, part.name)
    except DAMAGE as error:
        seen = scan.rows
        raise PermanentError(damaged(f"{part.name}, after row {seen:,}," if seen else part.name, error)) from None


def _explain(error: ScanError, file: str, header: Header, chosen: list[int]) -> str:
    match error.said:
        case Said.RAGGED:
            return refusals.words_of_ragged_row(file, error.row, error.fields, len(header.names))
        case Said.NOT_UTF8:
            column = header.names[chosen[error.column]]
            return refusals.words_of_value(file, error.row - 1, column, "not UTF-8")
        case Said.TOO_LONG:
            return refusals.words_of_long_record(file, error.row - 1)
        case Said.UNCLOSED:
            return refusals.words_of_open_quote(file)
        case Said.EMPTY:
            return refusals.words_of_empty_lines(file)
        case _:
            return f"{file} cannot be read as CSV after row {error.row:,}: {error.said.name.lower()}."
