"""From pieces of a CSV text to batches of dictionary-coded columns, by the native scanner.

Memory: codes are written by the scanner into Arrow's own buffers; dictionaries are the scanner's, and are copied out as
a whole at the end of a batch, so that nothing of a batch hangs on the scanner that made it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from ctypes import byref, c_int64, c_void_p
from enum import IntEnum

import pyarrow as pa

from staxpipe.scan.library import Report, library

DICTIONARY_BYTES_A_ROW = 320
"""A batch whose dictionaries hold more than so many bytes for each row that it may have ends early.

Those of a cost report hold half of that, with line item ids.
"""

EMPTY_BYTES_A_BLOCK = 8
"""So many blocks of empty lines on end are too many."""

_PIECE_BYTES = 64 << 20


class Said(IntEnum):
    """What `staxpipe_new` and `staxpipe_feed` of scanner.c say."""

    MORE = 0
    FULL = 1
    RAGGED = -1
    NOT_UTF8 = -2
    TOO_LONG = -3
    UNCLOSED = -4
    EMPTY = -5
    NO_MEMORY = -6
    TOO_LARGE = -7
    OUT_OF_BOUNDS = -8


class ScanError(Exception):
    """A text is not CSV as it should be.

    `row` is where, counted from 1 (for UNCLOSED and EMPTY: the last row before it); `column` the index of the wrong
    one among those wanted; `fields` how many fields a ragged row has.
    """

    def __init__(self, said: Said, row: int, column: int, fields: int) -> None:
        super().__init__(f"{said.name} in row {row}")
        self.said = said
        self.row = row
        self.column = column
        self.fields = fields


class Scanner:
    """Scans one CSV text without its header. Use as a context manager; from one thread at a time.

    Args:
        fields: how many fields every record has.
        wanted: positions of the columns to read, rising.
        batch_rows: rows of a batch.
        block_bytes: a record that touches three blocks of this size is too long.

    Raises:
        UnavailableError: the scanner is not compiled here.
        ValueError: there can be no scanner with such numbers.
        MemoryError: there is no memory for it.
    """

    def __init__(self, fields: int, wanted: Sequence[int], batch_rows: int, block_bytes: int) -> None:
        self._library = library()
        self._columns = len(wanted)
        self._batch_rows = batch_rows
        self._report = Report()
        self._codes: list[pa.Buffer] = [None] * len(wanted)
        self._scanner = c_void_p()
        said = self._library.staxpipe_new(
            fields,
            (c_int64 * len(wanted))(*wanted),
            len(wanted),
            batch_rows,
            block_bytes,
            EMPTY_BYTES_A_BLOCK * block_bytes,
            DICTIONARY_BYTES_A_ROW * batch_rows,
            int.from_bytes(os.urandom(8), "little"),
            byref(self._scanner),
        )
        if said == Said.OUT_OF_BOUNDS:
            raise ValueError(
                f"nothing scans {len(wanted):,} of {fields:,} columns in batches of {batch_rows:,} rows and blocks of "
                f"{block_bytes:,} bytes"
            )
        if said != Said.MORE:
            raise MemoryError(f"no memory to scan a CSV text of {fields:,} columns")
        try:
            self._begin()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Scanner:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def rows(self) -> int:
        """How many rows were read so far."""
        return self._reported().rows

    def feed(self, piece: bytes, *, last: bool = False) -> Iterator[list[pa.DictionaryArray]]:
        """Read a piece of text, and give every batch that it fills: its columns in the order of `wanted`.

        Args:
            piece: the next bytes; they may end anywhere.
            last: nothing comes after it. Then the batch that is left is given too.

        Raises:
            ScanError: the text is malformed.
            MemoryError: there is no more memory.
            ValueError: the scanner is closed.
        """
        if len(piece) > _PIECE_BYTES:
            for start in range(0, len(piece), _PIECE_BYTES):
                end = start + _PIECE_BYTES
                yield from self.feed(piece[start:end], last=last and end >= len(piece))
            return
        read = c_int64()
        address = ctypes.cast(ctypes.c_char_p(piece), c_void_p).value or 0
        at = 0
        while True:
            said = self._library.staxpipe_feed(
                self._handle(), ctypes.cast(address + at, ctypes.c_char_p), len(piece) - at, last, byref(read)
            )
            at += read.value
            if said == Said.MORE:
                break
            if said != Said.FULL:
                raise self._error(Said(said))
            yield self._take()
        if last and self._reported().batch_rows:
            yield self._take()

    def _handle(self) -> c_void_p:
        """The scanner, for the library: with NULL it would end the process.

        Raises:
            ValueError: it is closed.
        """
        if self._scanner.value is None:
            raise ValueError("the scanner is closed")
        return self._scanner

    def _close(self) -> None:
        scanner, self._scanner = self._scanner, c_void_p()
        self._library.staxpipe_free(scanner)

    def _begin(self) -> None:
        """Begin a batch, with new memory for the codes of every column that took its own with it."""
        size = self._batch_rows * 4
        self._codes = [pa.allocate_buffer(size) if buffer is None else buffer for buffer in self._codes]
        self._library.staxpipe_begin(
            self._handle(), (c_void_p * self._columns)(*(buffer.address for buffer in self._codes))
        )

    def _reported(self) -> Report:
        self._library.staxpipe_report(self._handle(), byref(self._report))
        return self._report

    def _take(self) -> list[pa.DictionaryArray]:
        rows = self._reported().batch_rows
        nothing = _no_text(rows)
        columns = [self._column(at, rows, nothing) for at in range(self._columns)]
        self._begin()
        return columns

    def _column(self, at: int, rows: int, nothing: pa.DictionaryArray) -> pa.DictionaryArray:
        sizes = (c_int64 * 3)()
        self._library.staxpipe_sizes(self._handle(), at, sizes)
        nulls, distinct, size = sizes
        if not distinct:
            return nothing
        offsets = pa.allocate_buffer(4 * (distinct + 1))
        values = pa.allocate_buffer(size)
        validity = pa.allocate_buffer((rows + 7) // 8) if nulls else None
        self._library.staxpipe_take(
            self._handle(), at, offsets.address, values.address, validity.address if validity else None
        )
        codes, self._codes[at] = self._codes[at], None
        indices = pa.Array.from_buffers(pa.int32(), rows, [validity, codes], null_count=nulls)
        dictionary = pa.Array.from_buffers(pa.string(), distinct, [None, offsets, values], null_count=0)
        return pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)

    def _error(self, said: Said) -> Exception:
        if said is Said.NO_MEMORY:
            return MemoryError("no memory to scan a CSV text any further")
        found = self._reported()
        return ScanError(said, found.row, found.column, found.fields)


def _no_text(rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))
