"""Reading a CSV text, wherever it is packed, into record batches of text.

Every field stays the text that the file holds: nothing is guessed to be a number, a date or a null but the
empty field. The order and number of columns are the file's own affair: each text is read by its header.
What both readers refuse a text for stands in `reading_refusals.py`.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from staxpipe.errors import PermanentError
from staxpipe.focus import reading_refusals as refusals
from staxpipe.focus.names import choose_columns
from staxpipe.focus.reading_bytes import DAMAGE, Blocks, Part, damaged
from staxpipe.focus.reading_text import TEXT

HEADER_BYTES = 1 << 20
"""The longest header that is believed to be one; 1,000 columns take about 40 KB."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE_BREAK = re.compile(rb"[\r\n]")
_OPENING_QUOTE = re.compile(rb'[,\r\n]"')


@dataclass(frozen=True)
class Header:
    """The names of a text's columns as written, at which byte the rows begin, and whether there are any."""

    names: tuple[str, ...]
    rows_at: int
    rows_follow: bool


def read_header(part: Part) -> Header | None:
    """The first record that is not an empty line; None where there is none.

    Raises:
        PermanentError: the text does not begin with a header.
    """
    file = part.name
    with part.blocks() as blocks:
        head = blocks.read(2 * HEADER_BYTES)
    whole = len(head) < 2 * HEADER_BYTES
    if not _LINE_BREAK.search(head, 0, HEADER_BYTES) and len(head) > HEADER_BYTES:
        raise PermanentError(f"{file} does not begin with a CSV header: its first line is longer than 1 MiB.")
    start = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
    text = io.StringIO(head[start:].decode(errors="surrogateescape"), newline="")
    try:
        names = next((row for row in csv.reader(text, strict=True) if row), None)
    except csv.Error as error:
        raise PermanentError(f"The header of {file} is not CSV: {error}.") from None
    try:
        "".join(names or ()).encode()  # the header alone is to be checked here, not what comes after it
    except UnicodeEncodeError:
        raise PermanentError(f"{file} does not begin with a CSV header in UTF-8.") from None
    rest = text.read().encode(errors="surrogateescape")
    if not rest and not whole:
        raise PermanentError(f"{file} does not begin with a CSV header of less than 1 MiB.")
    if not whole and not rest.strip(b"\r\n"):
        raise PermanentError(f"{file} has nothing but empty lines after its header, as far as was looked.")
    if rest.startswith(BYTE_ORDER_MARK):  # which Arrow would drop without a word
        raise PermanentError(f"{file}: its first row begins with a byte order mark, as if two files had been joined.")
    return Header(tuple(names), len(head) - len(rest), bool(rest)) if names else None


def read_csv(part: Part, wanted: Callable[[str], bool]) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a CSV text under canonical names, a block of text at a time, by Arrow's reader.

    Raises:
        PermanentError: naming the file, and the row where one is wrong.
    """
    header = read_header(part)
    if header is None or not header.rows_follow:
        return
    chosen = choose_columns(header.names, wanted, part.name)
    last = str(len(header.names) - 1)
    seen = 0
    ending = b""
    try:
        with ExitStack() as stack:
            for block in _blocks(stack, part, header, list(chosen)):
                if block.num_rows:
                    ending = _bytes(block.column(last)[-1].as_py())
                    yield block.select([str(at) for at in chosen]).rename_columns(list(chosen.values()))
                    seen += block.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise PermanentError(_explain(error, part.name, header.names, seen)) from None
    if seen and _is_doubtful(part, ending):
        _check_quotes(part, header)


def _blocks(stack: ExitStack, part: Part, header: Header, positions: list[int]) -> Iterator[pa.RecordBatch]:
    """The rows of each block of text, in columns that are called by their position."""
    stream, packed = stack.enter_context(part.stream())
    skipped = 0
    while skipped < header.rows_at and (block := stream.read(header.rows_at - skipped)):
        skipped += len(block)
    names = [str(position) for position in range(len(header.names))]
    wanted = [names[position] for position in positions]
    # How the last column ends is needed too, but where nobody wants its values they need not be UTF-8.
    ending = [] if names[-1] in wanted else [names[-1]]
    reader = stack.enter_context(
        pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(
                column_names=names,  # our own, since a file's may be there twice
                block_size=refusals.BLOCK_BYTES,
                # Unpacking goes on beside it all the same; a second parser thread gains nothing (measured), and
                # Arrow knows the number of a wrong row only so.
                use_threads=False,
            ),
            # In a file of one column an empty line is a row.
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) > 1),
            convert_options=pa.csv.ConvertOptions(
                include_columns=[*wanted, *ending],
                column_types=dict.fromkeys(wanted, TEXT) | dict.fromkeys(ending, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    )
    empty = at = 0
    for block in reader:
        empty = 0 if block.num_rows else empty + 1
        if empty > refusals.EMPTY_BLOCKS:
            raise PermanentError(refusals.words_of_empty_lines(part.name))
        if packed is not None:
            before, at = at, packed.tell()
            part.meter.packed += at - before
            part.meter.unpacked += refusals.BLOCK_BYTES
            part.meter.rows += block.num_rows
            refusals.require_plausible(part.meter, part.name)
        yield block


def _explain(error: Exception, file: str, header: tuple[str, ...], seen: int) -> str:
    """Arrow's error in words, with the row where it can be found."""
    words = str(error)
    if "inflate" in words or "Truncated" in words or isinstance(error, OSError):
        return damaged(f"{file}, after row {seen:,}," if seen else file, error)
    if "straddling" in words:
        return refusals.words_of_long_record(file, seen)
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", words):
        return refusals.words_of_ragged_row(file, int(ragged[1]), int(ragged[3]), int(ragged[2]))
    if column := re.search(r"In CSV column #(\d+): (.*)", words):
        name = header[int(column[1])] if int(column[1]) < len(header) else f"number {column[1]}"
        return refusals.words_of_value(file, seen, name, "not UTF-8" if "UTF8" in column[2] else column[2])
    return f"{file} cannot be read as CSV after row {seen:,}: {words.splitlines()[0]}."


def _check_quotes(part: Part, header: Header) -> None:
    """Refuse a file whose last value is a quote that was opened and never closed.

    Arrow takes the end of the file for the end of the quote, and with it swallows every row between.
    """
    with part.blocks() as blocks:
        blocks.read(header.rows_at)
        if _ends_inside_quote(blocks):
            raise PermanentError(refusals.words_of_open_quote(part.name))


def _ends_inside_quote(blocks: Blocks) -> bool:
    inside = False
    text, at = b"\n", 0  # as if a line had ended: the first field begins here
    while block := blocks.read(1 << 20):
        text, at = text[at:] + block, 0
        while True:
            if not inside:
                opening = _OPENING_QUOTE.search(text, at)
                if opening is None:
                    at = max(at, len(text) - 1)  # the next field may begin just after this block
                    break
                inside, at = True, opening.end()
            closing = text.find(b'"', at)
            if closing < 0 or closing + 1 == len(text):  # whether it is doubled tells the next block
                at = len(text) if closing < 0 else closing
                break
            doubled = text[closing + 1 : closing + 2] == b'"'
            inside, at = doubled, closing + 1 + doubled
    return inside and text[at:] != b'"'


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _is_doubtful(part: Part, ending: bytes) -> bool:
    """Whether the last value may be such a quote: a checksum only says that a text is as it was when it was packed."""
    return b"\n" in ending or b"\r" in ending or _last_byte(part) not in b"\r\n"


def _last_byte(part: Part) -> bytes:
    """How a text that is not empty ends. A packed one is unpacked once more, for Arrow's stream does not tell."""
    if part.plain is not None:
        with part.plain.open("rb") as file:
            file.seek(-1, io.SEEK_END)
            return file.read()
    try:
        with part.pieces() as pieces:
            return deque(pieces, maxlen=1)[0][-1:]
    except DAMAGE as error:  # which Arrow has passed over
        raise PermanentError(damaged(part.name, error)) from None
