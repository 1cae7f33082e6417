"""Reading a CSV text, wherever it is packed, into record batches of text.

Every field stays the text that the file holds: nothing is guessed to be a number, a date or a null but the
empty field. The order and number of columns are the file's own affair: each text is read by its header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from staxpipe.errors import PermanentError
from staxpipe.focus.names import choose_columns
from staxpipe.focus.reading_bytes import Part, Unpacked
from staxpipe.focus.reading_text import TEXT

BLOCK_BYTES = 2 << 20
"""How much is parsed at a time; also the longest record that can be read, so that an endless line is soon refused.

Arrow reads up to 32 blocks ahead of the parser, so that this also bounds memory; larger ones are not faster.
"""

HEADER_BYTES = 1 << 20
"""The longest header that is believed to be one; 1,000 columns take about 40 KB."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE_BREAK = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Header:
    """The names of a text's columns as written, and whether anything follows them."""

    names: tuple[str, ...]
    rows_follow: bool


def read_header(part: Part) -> Header | None:
    """The header of a CSV text; None where it is empty.

    Raises:
        PermanentError: the text does not begin with a header.
    """
    with part.open() as stream:
        return _take_header(stream, part.name)


def read_csv(part: Part, wanted: Callable[[str], bool]) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a CSV text under canonical names, a block of text at a time.

    Raises:
        PermanentError: naming the file, and the row where one is wrong.
    """
    seen = 0
    ending: str | None = None
    with part.open() as stream:
        header = _take_header(stream, part.name)
        if header is None or not header.rows_follow:
            return
        chosen = choose_columns(header.names, wanted, part.name)
        last = len(header.names) - 1
        names = list(chosen.values())
        try:
            with _parser(stream, len(header.names), sorted({*chosen, last})) as reader:
                for block in reader:
                    if block.num_rows:
                        ending = block.column(str(last))[-1].as_py()
                        yield block.select([str(position) for position in chosen]).rename_columns(names)
                        seen += block.num_rows
        except pa.ArrowInvalid as error:
            raise PermanentError(_explain(str(error), part.name, header.names, seen)) from None
        ends_line = stream.ends_line
    if ending is not None and (_has_line_break(ending) or not ends_line):
        _check_quotes(part)


def _parser(stream: Unpacked, width: int, positions: list[int]) -> pa.csv.CSVStreamingReader:
    """Begin to parse rows whose columns are called by their position."""
    names = [str(position) for position in range(width)]
    included = [names[position] for position in positions]
    return pa.csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pa.csv.ReadOptions(
            column_names=names,  # our own, since a file's may be there twice
            block_size=BLOCK_BYTES,
            # Unpacking goes on beside it all the same; a second parser thread gains nothing (measured), and
            # Arrow knows the number of a wrong row only so.
            use_threads=False,
        ),
        # In a file of one column an empty line is a row.
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=width > 1),
        convert_options=pa.csv.ConvertOptions(
            include_columns=included,
            column_types=dict.fromkeys(included, TEXT),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _take_header(stream: Unpacked, file: str) -> Header | None:
    """Take the first record that is not an empty line; the rows after it stay in the stream."""
    head = _read_whole(stream, HEADER_BYTES)
    whole = len(head) < HEADER_BYTES
    if not whole and not _LINE_BREAK.search(head):
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
    if names is None:
        if not whole:
            raise PermanentError(f"{file} does not begin with a CSV header but with 1 MiB of empty lines.")
        return None
    rest = text.read().encode(errors="surrogateescape")
    if not rest and not whole:
        raise PermanentError(f"{file} does not begin with a CSV header: its first record is longer than 1 MiB.")
    stream.unread(rest)
    return Header(tuple(names), bool(rest))


def _read_whole(stream: Unpacked, size: int) -> bytes:
    blocks: list[bytes] = []
    while size > 0 and (block := stream.read(size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _explain(words: str, file: str, header: tuple[str, ...], seen: int) -> str:
    """Arrow's error in words, with the row where it can be found."""
    if "straddling" in words:
        return (
            f"{file}: somewhere after row {seen:,} a record is longer than {BLOCK_BYTES >> 20} MiB. "
            "Most likely a quote is opened there and never closed."
        )
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", words):
        return f"{file}: row {int(ragged[1]):,} has {ragged[3]} fields, and the header has {ragged[2]}."
    if column := re.search(r"In CSV column #(\d+): (.*)", words):
        name = header[int(column[1])] if int(column[1]) < len(header) else f"number {column[1]}"
        reason = "not UTF-8" if "UTF8" in column[2] else column[2]
        return f"{file}: somewhere after row {seen:,} a value of the column {name} is {reason}."
    return f"{file} cannot be read as CSV after row {seen:,}: {words.splitlines()[0]}."


def _check_quotes(part: Part) -> None:
    """Refuse a file whose last value is a quote that was opened and never closed.

    Arrow takes the end of the file for the end of the quote, and with it swallows every row between.
    """
    quotes = 0
    with part.open() as stream:
        stream.meter = None  # it was read to its end once
        while block := stream.read(1 << 20):
            quotes += block.count(b'"')
    if quotes % 2:
        raise PermanentError(f"{part.name}: a quote is opened near its end and never closed. Most likely it is cut.")


def _has_line_break(value: str) -> bool:
    return "\n" in value or "\r" in value
