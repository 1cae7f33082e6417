"""Dictionary-coded text columns as numpy codes: what every rule of the mapping works on.

A CUR column has few distinct values and many rows, so a rule runs on the values and the rows only carry
codes. Nothing in here knows what a column means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

    @property
    def present(self) -> Mask:
        """Which rows have a value."""
        return self.codes >= 0

    @property
    def empty(self) -> bool:
        """Whether no row has a value (cheaper than `present.any()` where there are no values at all)."""
        return len(self.values) == 0 or not self.present.any()

    def take(self, rows: Rows) -> Coded:
        """The rows at these positions, in this order."""
        return Coded(self.codes[rows], self.values)

    def where(self, mask: Mask) -> Coded:
        """The same column, null where the mask does not hold."""
        return Coded(np.where(mask, self.codes, np.int32(-1)), self.values)

    def compact(self) -> Coded:
        """The same column with only the values that occur: for rules that cost more than a lookup."""
        used, inverse = np.unique(self.codes, return_inverse=True)
        below = int(len(used) > 0 and used[0] < 0)
        return Coded((inverse - below).astype(np.int32), self.values.take(pa.array(used[below:])))

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
        table[-1] = absent  # code -1 reads the last element
        for code, value in enumerate(self.values.to_pylist()):
            table[code] = rule(value)
        return table[self.codes]


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
    return Coded(table[codes], unique)


def from_arrow(column: pa.Array) -> Coded:
    """Take over a dictionary<int32, string> column of a batch.

    A dictionary with more values than the batch has rows (one dictionary for a whole file) is cut to the
    values that occur, so that the cost of a rule is bounded by the rows of the batch.
    """
    indices = column.indices.fill_null(-1) if column.indices.null_count else column.indices
    codes: Codes = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    values = column.dictionary
    if len(values) > len(codes):
        compact = Coded(codes, values).compact()
        codes, values = compact.codes, compact.values
    return coded(codes, values)


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
        if other.empty or first.present.all():
            continue
        if first.empty:
            first = other
            continue
        codes = np.where(first.present, first.codes, np.where(other.present, other.codes + len(first.values), -1))
        first = coded(codes.astype(np.int32), pa.concat_arrays([first.values, other.values]))
    return first


def choose(mask: Mask, yes: Coded, no: Coded) -> Coded:
    """`yes` where the mask holds, `no` elsewhere (nulls of either stay null)."""
    if not mask.any():
        return no
    if mask.all():
        return yes
    from_yes = yes.codes
    from_no = np.where(no.present, no.codes + len(yes.values), -1)
    return coded(np.where(mask, from_yes, from_no).astype(np.int32), pa.concat_arrays([yes.values, no.values]))


def same_text(left: Coded, right: Coded) -> Mask:
    """Rows on which both columns have a value, and the same one."""
    if left.empty or right.empty:
        return np.zeros(len(left), np.bool_)
    table = np.full(len(left.values) + 1, -2, np.int64)  # code -1 reads the last element, and matches nothing
    table[:-1] = pc.index_in(left.values, value_set=right.values).fill_null(-2).to_numpy(zero_copy_only=False)
    same: Mask = table[left.codes] == right.codes
    return same


@dataclass(frozen=True)
class Combinations:
    """The distinct combinations of several columns, nulls included.

    `members[i]` are the codes of column i for every combination; `of_row` is each row's combination.
    """

    of_row: Rows
    members: tuple[Codes, ...]

    def __len__(self) -> int:
        return len(self.members[0])


def combinations(columns: Sequence[Codes]) -> Combinations:
    """Find the distinct combinations of codes over the rows."""
    key = np.zeros(len(columns[0]), np.int64)
    width = 1
    for codes in columns:
        size = int(codes.max(initial=-1)) + 2
        if width * size >= 2**62:
            used, key = np.unique(key, return_inverse=True)
            width = len(used)
        key = key * size + (codes.astype(np.int64) + 1)
        width *= size
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    return Combinations(of_row.astype(np.int64), tuple(codes[first] for codes in columns))


def combined(left: Coded, right: Coded, rule: Callable[[str, str], str]) -> Coded:
    """A rule run once on every distinct pair of values; null where either is null."""
    pairs = combinations([left.codes, right.codes])
    texts = zip(_texts(left, pairs.members[0]), _texts(right, pairs.members[1]), strict=True)
    values = [None if one is None or other is None else rule(one, other) for one, other in texts]
    return coded(pairs.of_row.astype(np.int32), pa.array(values, pa.string()))


def _texts(column: Coded, codes: Codes) -> list[str | None]:
    values: list[str | None] = [*column.values.to_pylist(), None]  # code -1 reads the last element
    return [values[code] for code in codes]
