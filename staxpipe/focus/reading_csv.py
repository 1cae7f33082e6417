"""Reading a CSV data file, plain or in gzip, into record batches of text.

Every field stays the text that the file holds: nothing is guessed to be a number, a date or a null but the
empty field. The order and number of columns are the file's own affair: each file is read by its header.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv

from staxpipe.errors import PermanentError
from staxpipe.focus.names import choose_columns

BLOCK_BYTES = 2 << 20
"""How much is parsed at a time; also the longest record that can be read.

Arrow reads up to 32 blocks ahead of the parser, so that this also bounds memory; larger ones are not faster.
"""

HEADER_BYTES = 1 << 20
"""The longest header line that is believed to be one; 1,000 columns take about 40 KB."""

TEXT = pa.dictionary(pa.int32(), pa.string())


def read_csv(path: Path, file: str, wanted: Callable[[str], bool], *, compressed: bool) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a CSV file under canonical names, a block of text at a time.

    Raises:
        PermanentError: naming the file, and the row where one is wrong.
    """
    header = _read_header(path, file, compressed)
    if header is None:
        return
    chosen = choose_columns(header, wanted, file)
    last = len(header) - 1
    seen = 0
    ending: str | None = None
    try:
        with ExitStack() as stack:
            reader = _open(stack, path, len(header), sorted({*chosen, last}), compressed)
            for block in reader:
                if block.num_rows:
                    ending = block.column(str(last))[-1].as_py()
                    yield block.select([str(position) for position in chosen]).rename_columns(list(chosen.values()))
                    seen += block.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise PermanentError(_explain(error, file, header, seen)) from None
    if ending is not None and (_has_line_break(ending) or not (compressed or _ends_line(path))):
        _check_quotes(path, file, compressed)


def _open(
    stack: ExitStack, path: Path, width: int, positions: list[int], compressed: bool
) -> pa.csv.CSVStreamingReader:
    """Begin to read a file whose columns are called by their position."""
    stream: pa.NativeFile = stack.enter_context(pa.OSFile(str(path)))
    if compressed:
        stream = stack.enter_context(pa.CompressedInputStream(stream, "gzip"))
    names = [str(position) for position in range(width)]
    included = [names[position] for position in positions]
    return stack.enter_context(
        pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(
                # Our own names, since a file's may be there twice; its header row is then the first to skip.
                column_names=names,
                skip_rows_after_names=1,
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
    )


def _read_header(path: Path, file: str, compressed: bool) -> list[str] | None:
    """The names of a file's columns; None where no row follows them."""
    try:
        with _bytes_of(path, compressed) as raw, _text(raw) as text:
            header = next((row for row in csv.reader(_lines(text, file), strict=True) if row), None)
            "".join(header or ()).encode()  # the header alone is to be checked here, not what is buffered after it
            return header if header and text.read(1) else None
    except EOFError:
        raise PermanentError(_cut(file)) from None
    except (gzip.BadGzipFile, zlib.error):
        raise PermanentError(f"{file} is not a gzip file, though its name or its manifest says so.") from None
    except UnicodeEncodeError:
        raise PermanentError(f"{file} does not begin with a CSV header in UTF-8.") from None
    except csv.Error as error:
        raise PermanentError(f"The header of {file} is not CSV: {error}.") from None


def _text(raw: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _lines(text: io.TextIOWrapper, file: str) -> Iterator[str]:
    while line := text.readline(HEADER_BYTES):
        if len(line) >= HEADER_BYTES:
            raise PermanentError(f"{file} does not begin with a CSV header: its first line is longer than 1 MiB.")
        yield line


def _bytes_of(path: Path, compressed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if compressed else path.open("rb")


def _explain(error: Exception, file: str, header: list[str], seen: int) -> str:
    """Arrow's error in words, with the row where it can be found."""
    words = str(error)
    if "Truncated compressed stream" in words:
        return _cut(file)
    if "inflate" in words or isinstance(error, OSError):
        return f"{file} is damaged after row {seen:,}: {words.splitlines()[0]}. It must be delivered or copied again."
    if "straddling" in words:
        return (
            f"{file}: somewhere after row {seen:,} a record is longer than {BLOCK_BYTES >> 20} MiB. "
            "Most likely a quote is opened there and never closed."
        )
    if ragged := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", words):
        row = int(ragged[1]) - 1  # Arrow counts the header
        return f"{file}: row {row:,} has {ragged[3]} fields, and the header has {ragged[2]}."
    if column := re.search(r"In CSV column #(\d+): (.*)", words):
        name = header[int(column[1])] if int(column[1]) < len(header) else f"number {column[1]}"
        reason = "not UTF-8" if "UTF8" in column[2] else column[2]
        return f"{file}: somewhere after row {seen:,} a value of the column {name} is {reason}."
    return f"{file} cannot be read as CSV after row {seen:,}: {words.splitlines()[0]}."


def _check_quotes(path: Path, file: str, compressed: bool) -> None:
    """Refuse a file whose last value is a quote that was opened and never closed.

    Arrow takes the end of the file for the end of the quote, and with it swallows every row between.
    """
    quotes = 0
    with _bytes_of(path, compressed) as raw:
        while block := raw.read(1 << 20):
            quotes += block.count(b'"')
    if quotes % 2:
        raise PermanentError(f"{file}: a quote is opened near its end and never closed. Most likely the file is cut.")


def _has_line_break(value: str) -> bool:
    return "\n" in value or "\r" in value


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() in b"\r\n"


def _cut(file: str) -> str:
    return f"{file} is cut: its gzip stream stops before its end. It must be delivered or copied again."
