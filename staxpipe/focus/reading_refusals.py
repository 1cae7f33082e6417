"""What a CSV text is refused for, in words, whichever reader meets it; and the bounds beyond which none is read.

A file that was made to burst its reader is refused by three rules, so that memory stays bounded and time short:
no record is longer than a block; no long run of empty lines; and beyond what any file may unpack to, only so many
bytes and rows for a packed byte.
"""

from __future__ import annotations

from staxpipe.errors import PermanentError
from staxpipe.focus.reading_bytes import Meter

BLOCK_BYTES = 2 << 20
"""How much is parsed at a time; also the longest record that can be read.

Arrow reads up to 32 blocks ahead of the parser, so that this also bounds memory; larger ones are not faster.
"""

PLAUSIBLE_BYTES = 2 << 30
"""What any packed file may unpack to: CSV of constant rows comes near deflate's limit of 1,032 bytes a byte."""

PLAUSIBLE_RATIO = 200
"""How many bytes a packed byte may give beyond `PLAUSIBLE_BYTES`. Cost reports reach 10 to 60."""

PLAUSIBLE_ROWS = 20_000_000
"""How many rows any packed file may have; beyond, 20 a packed byte. Cost reports have 0.01 to 0.1."""

EMPTY_BLOCKS = 8
"""How many blocks on end may hold nothing but empty lines."""


def require_plausible(meter: Meter, file: str) -> None:
    """Refuse a file that was made to burst its reader (a "zip bomb")."""
    too_long = meter.unpacked > max(PLAUSIBLE_BYTES, PLAUSIBLE_RATIO * meter.packed)
    if too_long or meter.rows > max(PLAUSIBLE_ROWS, 20 * meter.packed):
        raise PermanentError(
            f"{file} unpacks to far more than any cost report does: {meter.packed:,} bytes gave {meter.rows:,} rows in "
            f"{meter.unpacked:,} bytes so far. It was not read any further."
        )


def words_of_ragged_row(file: str, row: int, fields: int, header: int) -> str:
    """What to say of a row, counted from 1, that has another number of fields than the header."""
    return f"{file}: row {row:,} has {fields} fields, and the header has {header}."


def words_of_value(file: str, seen: int, column: str, reason: str) -> str:
    """What to say of a value that cannot be read, after the rows that were seen."""
    return f"{file}: somewhere after row {seen:,} a value of the column {column} is {reason}."


def words_of_long_record(file: str, seen: int) -> str:
    """What to say of a record that is longer than a block, after the rows that were seen."""
    return (
        f"{file}: somewhere after row {seen:,} a record is longer than {BLOCK_BYTES >> 20} MiB. "
        "Most likely a quote is opened there and never closed."
    )


def words_of_open_quote(file: str) -> str:
    """What to say of a text that ends inside a quote."""
    return f"{file}: a quote is opened near its end and never closed. Most likely it is cut."


def words_of_empty_lines(file: str) -> str:
    """What to say of too many empty lines on end."""
    return f"{file} has more than {EMPTY_BLOCKS * BLOCK_BYTES:,} bytes of empty lines."
