"""Dictionary-coded text columns as numpy codes: what every rule of the mapping works on.

A CUR column has few distinct values and many rows, so a rule runs on the values and the rows only carry
codes. Nothing in here knows what a column means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coded:
    """A text column: `codes` point into `values`, and -1 is null. `values` are unique, without nulls or ''."""

    codes: Codes
    values: pa.Array

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def present(self) -> Mask:
        """Which rows have a value; not to be written to."""
        present = self.codes >= 0
        present.flags.writeable = False
        return present

    @cached_property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return len(self.values) == 0 or int(self.codes.max(initial=-1)) < 0

    def take(self, rows: Rows) -> Coded:
        """The rows at these positions, in this order."""
        return Coded(self.codes.take(rows), self.values)

    def where(self, mask: Mask) -> Coded:
        """The same column, null where the mask does not hold."""
        return Coded(np.where(mask, self.codes, np.int32(-1)), self.values)

    def compact(self) -> Coded:
        """The same column with only the values that occur: for rules that cost more than a lookup."""
        found, table = _numbered(self.codes, len(self.values))
        if len(found) == len(self.values):
            return self
        return Coded(_looked_up(table, self.codes), self.values.take(pa.array(found)))

    def array(self) -> pa.DictionaryArray:
        """As Arrow's dictionary<int32, string>, with nulls in the indices."""
        absent = self.codes < 0
        indices = pa.array(self.codes, mask=absent) if absent.any() else pa.array(self.codes)
        return pa.DictionaryArray.from_arrays(indices, self.values, safe=False)

    def map(self, rule: Callable[[str], str | None]) -> Coded:
        """Apply a rule once to every distinct value."""
        return coded(self.codes, pa.array([rule(value) for value in self.values.to_pylist()], pa.string()))

    def lookup(self, rule: Callable[[str], Any], dtype: Any, absent: Any) -> npt.NDArray[Any]:
        """One number or truth value per row, from a rule run on every distinct value."""
        table = np.empty(len(self.values) + 1, dtype)
        table[-1] = absent
        for code, value in enumerate(self.values.to_pylist()):
            table[code] = rule(value)
        return _looked_up(table, self.codes)


def coded(codes: Codes, values: pa.Array) -> Coded:
    """Make a column from any values: equal ones are united, nulls and '' become null.

    Parquet's dictionary pages and group keys both need unique values.
    """
    encoded = values.dictionary_encode()
    unique = encoded.dictionary
    if encoded.null_count == 0 and len(unique) == len(values):
        new = None
    else:
        new = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    blank = pc.index(unique, pa.scalar("", pa.string())).as_py() if len(unique) else -1
    if blank < 0 and new is None:
        return Coded(codes, values)
    table = np.empty(len(values) + 1, np.int32)
    table[:-1] = np.arange(len(values)) if new is None else new
    table[-1] = -1
    if blank >= 0:
        kept = pc.invert(pc.equal(unique, ""))
        unique = unique.filter(kept)
        table = np.where(table == blank, -1, np.where(table > blank, table - 1, table)).astype(np.int32)
    return Coded(_looked_up(table, codes), unique)


def from_arrow(column: pa.Array) -> Coded:
    """Take over a dictionary<int32, string> column of a batch, whose values are unique as `Coded` wants them.

    A dictionary with more values than the batch has rows (one dictionary for a whole file) is cut to the
    values that occur, so that the cost of a rule is bounded by the rows of the batch.
    """
    if column.null_count == len(column):
        return nothing(len(column))
    indices = column.indices.fill_null(-1) if column.null_count else column.indices
    codes: Codes = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    if pc.index(column.dictionary, pa.scalar("", pa.string())).as_py() >= 0:  # no reader gives it: cheap to be sure
        return coded(codes, column.dictionary)
    read = Coded(codes, column.dictionary)
    return read.compact() if len(read.values) > len(codes) else read


def _looked_up(table: npt.NDArray[Any], codes: Codes) -> npt.NDArray[Any]:
    """What the table has for each code; code -1 reads its last element. (Twice as fast as `table[codes]`.)"""
    return table.take(codes, mode="wrap")


def constant(value: str, length: int) -> Coded:
    """The same value in every row."""
    return Coded(np.zeros(length, np.int32), pa.array([value], pa.string()))


def nothing(length: int) -> Coded:
    """Null in every row."""
    return Coded(np.full(length, -1, np.int32), pa.array([], pa.string()))


def coalesce(columns: Sequence[Coded]) -> Coded:
    """The first value that is not null, row by row."""
    first, *others = columns
    for other in others:
        missing = np.flatnonzero(first.codes < 0)
        if not len(missing):
            break
        if other.empty:
            continue
        first = other if first.empty else _replaced(first, missing, other)
    return first


def choose(mask: Mask, yes: Coded, no: Coded) -> Coded:
    """`yes` where the mask holds, `no` elsewhere (nulls of either stay null)."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return no
    if len(rows) == len(mask):
        return yes
    return _replaced(no, rows, yes)


def _replaced(column: Coded, rows: Rows, other: Coded) -> Coded:
    """The column, but at these rows what the other column has there."""
    taken = other.take(rows)
    if len(taken.values) > len(rows):
        taken = taken.compact()
    table = np.full(len(taken.values) + 1, -1, np.int32)
    table[:-1] = _places(taken.values, column.values)
    new = np.flatnonzero(table[:-1] < 0)
    table[new] = np.arange(len(column.values), len(column.values) + len(new))
    codes = column.codes.copy()
    codes[rows] = _looked_up(table, taken.codes)
    return Coded(codes, pa.concat_arrays([column.values, taken.values.take(pa.array(new))]))


def _places(texts: pa.Array, among: pa.Array) -> Codes:
    """Where each of some unique texts is among others, or -1."""
    if len(texts) > len(among):  # the smaller side is the one to be hashed
        places: Codes = pc.index_in(texts, value_set=among).fill_null(-1).to_numpy(zero_copy_only=False)
        return places
    found = pc.index_in(among, value_set=texts)
    places = np.full(len(texts), -1, np.int32)
    if found.null_count < len(found):
        codes = found.fill_null(-1).to_numpy(zero_copy_only=False)
        at = np.flatnonzero(codes >= 0)
        places[codes[at]] = at
    return places


def same_text(left: Coded, right: Coded) -> Mask:
    """Rows on which both columns have a value, and the same one."""
    if left.empty or right.empty:
        return np.zeros(len(left), np.bool_)
    table = np.full(len(left.values) + 1, -2, np.int64)  # so that null matches nothing
    table[:-1] = pc.index_in(left.values, value_set=right.values).fill_null(-2).to_numpy(zero_copy_only=False)
    same: Mask = table[left.codes] == right.codes
    return same


@dataclass(frozen=True)
class Combinations:
    """The distinct combinations of several columns, nulls included.

    `members[i]` are the codes of column i for every combination; `of_row` is each row's combination.
    """

    of_row: Codes
    members: tuple[Codes, ...]

    def __len__(self) -> int:
        return len(self.members[0])


def combinations(columns: Sequence[Codes]) -> Combinations:
    """Find the distinct combinations of codes over the rows, in the order in which they first occur."""
    rows = len(columns[0])
    key = np.zeros(rows, np.int64)
    width = 1
    for codes in columns:
        size = int(codes.max(initial=-1)) + 2
        if size == 1 or not rows or (size == 2 and codes.min() == 0):
            continue  # it is the same everywhere
        if width * size >= 2**62:
            numbers, width = _first_seen(key)
            key = numbers.astype(np.int64)
        if width > 1:
            key *= size
        key += codes  # digits from -1 are as good as digits from 0
        width *= size
    of_row, number = _first_seen(key)
    first = np.empty(number, np.int64)
    first[of_row[::-1]] = np.arange(rows - 1, -1, -1)  # where several are assigned the last one counts
    return Combinations(of_row, tuple(codes[first] for codes in columns))


def _first_seen(keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], int]:
    """Numbers from 0 for the keys, in the order in which they first occur, and how many there are."""
    encoded = pa.array(keys).dictionary_encode()
    return encoded.indices.to_numpy(), len(encoded.dictionary)


def _numbered(codes: Codes, size: int) -> tuple[Codes, Codes]:
    """The codes of `size` possible ones that occur, in order, and a table from each to its place; -1 stays."""
    used = np.zeros(size + 1, np.bool_)
    used[codes] = True
    used[-1] = False
    table = np.cumsum(used, dtype=np.int32) - 1
    table[-1] = -1
    return np.flatnonzero(used).astype(np.int32), table.astype(np.int32, copy=False)


def combined(left: Coded, right: Coded, rule: Callable[[str, str], str]) -> Coded:
    """A rule run once on every distinct pair of values; null where either is null."""
    pairs = combinations([left.codes, right.codes])
    texts = zip(_texts(left, pairs.members[0]), _texts(right, pairs.members[1]), strict=True)
    values = [None if one is None or other is None else rule(one, other) for one, other in texts]
    return coded(pairs.of_row, pa.array(values, pa.string()))


def _texts(column: Coded, codes: Codes) -> list[str | None]:
    values: list[str | None] = [*column.values.to_pylist(), None]
    return [values[code] for code in codes]
