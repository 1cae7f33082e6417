"""Any flat Arrow array as dictionary-coded text: what a CSV of the same rows would hold.

Work is done once a distinct value wherever it can be; rows only carry codes. Which column is which is not known here.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Codes, coded

TEXT = pa.dictionary(pa.int32(), pa.string())
"""The type of every column that a reader gives."""

_ROWS_A_RUN = 8
"""Equal neighbours are coded together where their runs are at least this long on average."""

_ROWS_A_LOOK = 16_384
"""How many rows are searched for values that have not occurred yet, before it is asked whether all have."""


def is_text(type: pa.DataType) -> bool:
    """Whether Parquet's own dictionaries can be taken over for a column of this type."""
    return bool(
        pa.types.is_string(type)
        or pa.types.is_large_string(type)
        or pa.types.is_binary(type)
        or pa.types.is_large_binary(type)
    )


def text_column(column: pa.Array) -> pa.DictionaryArray:
    """Any flat column as a dictionary of distinct texts that all occur; empty texts become nulls.

    Raises:
        pa.ArrowInvalid: the column is a dictionary already, and a code lies beyond it (the file is damaged).
    """
    return TextColumn().read(column)


class TextColumn:
    """Makes text of one column, piece by piece.

    The pieces of a row group have Parquet's dictionary of that row group in common: what was found out about it with
    the first piece is remembered for the next.
    """

    def __init__(self) -> None:
        self._dictionary = pa.array([], pa.string())
        self._texts = _distinct(self._dictionary)

    def read(self, column: pa.Array) -> pa.DictionaryArray:
        """The next piece as `text_column` gives it."""
        if column.null_count == len(column) or pa.types.is_null(column.type):
            return no_text(len(column))
        if _is_wide(column.type):
            return _of_wide(column)
        if not pa.types.is_dictionary(column.type):
            if "view" in str(column.type):
                column = column.cast(pa.string())
            column = column.dictionary_encode()
        indices, dictionary = column.indices, column.dictionary
        used = _used(indices, len(dictionary))
        if len(dictionary) > len(indices):  # too large to look at more of it than these rows use
            codes, dictionary = _narrowed(indices, dictionary, used)
            indices, used = coded_text(codes, dictionary).indices, np.arange(len(used))
        if not dictionary.equals(self._dictionary):
            self._dictionary, self._texts = dictionary, _distinct(_as_text(dictionary))
        return _translated(indices, used, self._texts)


def no_text(rows: int) -> pa.DictionaryArray:
    """A column of nulls."""
    return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))


def coded_text(codes: Codes, values: pa.Array) -> pa.DictionaryArray:
    """A column from codes that are known to lie within `values`; -1 is null."""
    there = codes >= 0
    absent = len(codes) - int(np.count_nonzero(there))
    validity = pa.py_buffer(np.packbits(there, bitorder="little")) if absent else None
    buffers = [validity, pa.py_buffer(np.ascontiguousarray(codes, np.int32))]
    indices = pa.Array.from_buffers(pa.int32(), len(codes), buffers, null_count=absent)
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)


def used_only(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same column with a dictionary of the values that occur."""
    used = _used(column.indices, len(column.dictionary))
    if len(used) == len(column.dictionary):
        return column
    return coded_text(*_narrowed(column.indices, column.dictionary, used))


def compact(batch: pa.RecordBatch, start: int, length: int) -> pa.RecordBatch:
    """A slice whose dictionaries hold only the values that its own rows use."""
    if start == 0 and length == batch.num_rows:
        return batch
    columns = [
        used_only(column) if pa.types.is_dictionary(column.type) else column
        for column in batch.slice(start, length).columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def used_codes(codes: npt.NDArray[np.integer], size: int) -> npt.NDArray[np.int64]:
    """Which of the codes 0 … `size` - 1 occur, in order.

    Raises:
        pa.ArrowInvalid: there is one that is none of them.
    """
    if len(codes) and (int(codes.min()) < 0 or int(codes.max()) >= size):
        raise pa.ArrowInvalid("a code lies beyond its dictionary")
    if size > 4 * len(codes):
        return np.unique(codes).astype(np.int64)
    seen = np.zeros(size, np.bool_)
    # Reports are sorted by time, so that most values occur early: then the rest need not be looked at.
    for start in range(0, len(codes), _ROWS_A_LOOK):
        seen |= np.bincount(codes[start : start + _ROWS_A_LOOK], minlength=size) > 0
        if seen.all():
            break
    return np.flatnonzero(seen)


def _used(indices: pa.Array, size: int) -> npt.NDArray[np.int64]:
    """Which codes of a dictionary of `size` values occur."""
    if not indices.null_count:
        return used_codes(indices.to_numpy(), size)
    # One code more stands for the nulls, under which there may be anything.
    used = used_codes(indices.fill_null(size).to_numpy(), size + 1)
    return used[:-1]


def _narrowed(indices: pa.Array, dictionary: pa.Array, used: npt.NDArray[np.int64]) -> tuple[Codes, pa.Array]:
    """Codes (-1 is null) and values without the values that do not occur; those that do keep their order."""
    table = np.zeros(len(dictionary), np.int32)
    table[used] = np.arange(len(used), dtype=np.int32)
    return _looked_up(table, indices), dictionary.take(pa.array(used))


def _looked_up(table: Codes, indices: pa.Array) -> Codes:
    """New codes for old ones, which are known to lie within the table, and -1 for null."""
    old = indices.fill_null(len(table)) if indices.null_count else indices
    new: Codes = np.append(table, np.int32(-1)).take(old.to_numpy())
    return new


def _distinct(texts: pa.Array) -> Coded:
    """The distinct texts without the empty one, and for each of the given ones which it is (-1: none)."""
    return coded(np.arange(len(texts), dtype=np.int32), texts)


def _translated(indices: pa.Array, used: npt.NDArray[np.int64], texts: Coded) -> pa.DictionaryArray:
    """A column from codes and what they mean, of which only `used` occur."""
    if len(used) == len(texts.codes) == len(texts.values):
        return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), texts.values, safe=False)
    meant = np.zeros(len(texts.values) + 1, np.bool_)
    meant[texts.codes[used]] = True  # the last is what -1 writes
    kept = np.flatnonzero(meant[:-1])
    if not len(kept):
        return no_text(len(indices))
    places = np.full(len(meant), -1, np.int32)
    places[kept] = np.arange(len(kept), dtype=np.int32)
    values = texts.values if len(kept) == len(texts.values) else texts.values.take(pa.array(kept))
    return coded_text(_looked_up(places[texts.codes], indices), values)


def _is_wide(type: pa.DataType) -> bool:
    """Whether values have 64 bits, and two that differ in one have two texts (but for NaN)."""
    return bool(pa.types.is_float64(type) or pa.types.is_int64(type) or pa.types.is_timestamp(type))


def _of_wide(column: pa.Array) -> pa.DictionaryArray:
    """Numbers or timestamps, by their bits."""
    filled = column.drop_null() if column.null_count else column
    bits = filled.view(pa.int64()).to_numpy()
    starts = np.flatnonzero(np.concatenate([[True], bits[1:] != bits[:-1]]))
    if len(starts) * _ROWS_A_RUN <= len(bits):
        encoded = pa.array(bits[starts]).view(column.type).dictionary_encode()
        codes = np.repeat(encoded.indices.to_numpy(), np.diff(starts, append=len(bits)))
    else:
        encoded = filled.dictionary_encode()
        codes = encoded.indices.to_numpy()
    if column.null_count:
        every = np.full(len(column), -1, np.int32)
        every[column.is_valid().to_numpy(zero_copy_only=False)] = codes
        codes = every
    texts = _as_text(encoded.dictionary)
    if pa.types.is_floating(column.type) and np.isnan(encoded.dictionary.to_numpy()).any():
        united = coded(codes, texts)  # NaN has many bit patterns and one text
        codes, texts = united.codes, united.values
    return coded_text(codes, texts)


def _as_text(values: pa.Array) -> pa.Array:
    """Values as the text that a CSV would hold.

    Arrow writes a double with the fewest digits that read back as the same double (0.1 is ``0.1``).
    """
    type = values.type
    if pa.types.is_date(type):
        values, type = values.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(type):
        return _moments(values)
    return values.cast(pa.string())


def _moments(values: pa.Array) -> pa.Array:
    """Timestamps as ``YYYY-MM-DDTHH:MM:SSZ``; with fractions only where one of them has any.

    By way of integers, which are UTC whatever the zone is called: no time zone database is needed.
    """
    naive = values.cast(pa.int64()).cast(pa.timestamp(values.type.unit))
    with suppress(pa.ArrowInvalid):  # fractions of seconds would be lost: then they stay
        naive = naive.cast(pa.timestamp("s"))
    return pc.binary_join_element_wise(pc.replace_substring(naive.cast(pa.string()), " ", "T"), "Z", "")
