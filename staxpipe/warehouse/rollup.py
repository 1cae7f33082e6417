"""From line items to daily costs: exact sums by day and dimension, made while the rows stream by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.columns import MOMENT

WIDE = pa.decimal128(38, 18)
"""What sums of decimal(30, 18) are, so that no sum overflows."""

HELD_ROWS = 65_536
"""Sums of batches are merged when they are more than this many; and merged ones are handed over when they are."""

_DAY_TICKS = 86_400_000_000  # microseconds, which MOMENT counts
_WIDEST = 2**62  # keys of combinations are below it: they fit an int64

_Codes = npt.NDArray[np.int32]
_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Dimension:
    name: str  # in the mart
    source: str  # in the lake


_DIMENSIONS = (
    _Dimension("billing_account_id", "BillingAccountId"),
    _Dimension("sub_account_id", "SubAccountId"),
    _Dimension("service_name", "ServiceName"),
    _Dimension("service_category", "ServiceCategory"),
    _Dimension("region_id", "RegionId"),
    _Dimension("charge_category", "ChargeCategory"),
    _Dimension("pricing_category", "PricingCategory"),
    _Dimension("usage_type", "SkuMeter"),
    _Dimension("currency", "BillingCurrency"),
)
_SUMS = (
    _Dimension("billed_cost", "BilledCost"),
    _Dimension("effective_cost", "EffectiveCost"),
    _Dimension("list_cost", "ListCost"),
    _Dimension("contracted_cost", "ContractedCost"),
    _Dimension("consumed_quantity", "ConsumedQuantity"),
)
_DAY = _Dimension("day", "ChargePeriodStart")
_ROWS = "line_items"
SPLIT = "x_SplitParentResourceId"

ROLLUP_SCHEMA: pa.Schema = pa.schema(
    [pa.field(dimension.name, pa.string()) for dimension in _DIMENSIONS]
    + [pa.field(_DAY.name, pa.date32())]
    + [pa.field(total.name, WIDE) for total in _SUMS]
    + [pa.field(_ROWS, pa.int64())]
)
"""A rollup's columns. A sum is null where no row of the group had the number."""

_KEYS = [dimension.name for dimension in _DIMENSIONS] + [_DAY.name]
_AGGREGATES = [(name, "sum") for name in [total.name for total in _SUMS] + [_ROWS]]


class Rollup:
    """Sums line items by day and dimension, in memory that grows neither with the rows nor with the groups.

    What is summed is handed over in tables of ROLLUP_SCHEMA, one row a combination of dimensions, in no particular
    order. Where there are more groups than are held at once, there are several, and `Merged` puts them together.

    The sums are exact, so it does not matter how rows are spread over batches and rollups, or in which order they
    come. One thread at a time may use a rollup: several threads have one each, and merge them in the end.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (*(part.source for part in (*_DIMENSIONS, _DAY, *_SUMS)), SPLIT)

    def __init__(self, hand_over: Callable[[pa.Table], None], held_rows: int = HELD_ROWS) -> None:
        """Make one that calls `hand_over` when it holds more than so many merged sums, and by `finish`."""
        self._hand_over = hand_over
        self._held_rows = held_rows
        self._merged = ROLLUP_SCHEMA.empty_table()
        self._partial: list[pa.Table] = []
        self._partial_rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add line items; text columns may be dictionary-coded; other columns than COLUMNS are ignored.

        Split cost allocation rows are left out: the instance that they share has a row of its own.
        """
        batch = batch.select(list(self.COLUMNS))
        if batch.column(SPLIT).null_count < batch.num_rows:
            batch = batch.filter(pc.is_null(batch.column(SPLIT)))
        if batch.num_rows:
            self._take(_sums_of(batch))

    def merge(self, other: Rollup) -> None:
        """Add what another rollup holds; that one stays as it is."""
        for sums in (other._merged, *other._partial):
            self._take(sums)

    def finish(self) -> None:
        """Hand over what is held."""
        self._merge()
        self._empty()

    def _empty(self) -> None:
        if self._merged.num_rows:
            self._hand_over(self._merged)
            self._merged = ROLLUP_SCHEMA.empty_table()

    def _take(self, sums: pa.Table) -> None:
        self._partial.append(sums)
        self._partial_rows += sums.num_rows
        if self._partial_rows > self._held_rows:
            self._merge()
            if self._merged.num_rows > self._held_rows:
                self._empty()

    def _merge(self) -> None:
        if self._partial:
            self._merged = _grouped(pa.concat_tables([self._merged, *self._partial]))
            self._partial = []
            self._partial_rows = 0


@dataclass(frozen=True)
class Merged:
    """A rollup whose sums came in several tables. Iterated, it gives tables with one row a combination of dimensions.

    `parts` are the tables that may have a combination in common; none has one in common with a table of another part.
    """

    parts: Iterable[Sequence[pa.Table]]

    def __iter__(self) -> Iterator[pa.Table]:
        """Merge part by part: no more than one is in memory."""
        for part in self.parts:
            yield _grouped(pa.concat_tables(part)) if len(part) > 1 else part[0]


def _sums_of(batch: pa.RecordBatch) -> pa.Table:
    """One batch's sums. Rows are grouped by one number, made of the dictionaries' codes: no row's text is hashed."""
    keys = [_coded(batch.column(dimension.source)) for dimension in _DIMENSIONS] + [_days(batch.column(_DAY.source))]
    codes = [key.indices.fill_null(len(key.dictionary)).to_numpy() for key in keys]  # null: the code after the last
    groups, first = _groups(codes, [len(key.dictionary) + (key.indices.null_count > 0) for key in keys])
    names = [total.name for total in _SUMS]
    rows = pa.table([groups, *(batch.column(total.source) for total in _SUMS)], names=["group", *names])
    sums = rows.group_by("group", use_threads=False).aggregate([*((name, "sum") for name in names), ([], "count_all")])
    members = first[sums.column("group").to_numpy()]
    columns = [
        key.dictionary.take(pa.array(code[members], mask=code[members] == len(key.dictionary)))
        for key, code in zip(keys, codes, strict=True)
    ]
    columns += [sums.column(f"{name}_sum") for name in names] + [sums.column("count_all")]
    return pa.table(columns, names=ROLLUP_SCHEMA.names).cast(ROLLUP_SCHEMA)


def _groups(columns: list[_Codes], sizes: list[int]) -> tuple[pa.Array, _Rows]:
    """Number the distinct combinations of codes: each row's number, and the first row of each.

    `sizes` are how many codes a column may have: 0, 1, … size - 1.
    """
    key = np.zeros(len(columns[0]), np.int64)
    width = 1
    for codes, size in zip(columns, sizes, strict=True):
        if size == 1:
            continue
        if width * size >= _WIDEST:
            numbered = pa.array(key).dictionary_encode()
            key, width = numbered.indices.to_numpy().astype(np.int64), len(numbered.dictionary)
        key *= size
        key += codes
        width *= size
    groups = pa.array(key).dictionary_encode().indices
    # Numbers are given in the order of first appearance: a group begins where the largest number so far grows.
    first = np.flatnonzero(np.diff(np.maximum.accumulate(groups.to_numpy()), prepend=-1))
    return groups, first


def _coded(column: pa.Array) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode()
    # A null may be written as a code whose dictionary value is null: coded again, there is one way only.
    return column if column.dictionary.null_count == 0 else column.dictionary_decode().dictionary_encode()


def _days(moments: pa.Array) -> pa.DictionaryArray:
    """The UTC days of moments. (Arrow's own cast asks the time zone about every row.)"""
    absent = moments.is_null().to_numpy(zero_copy_only=False) if moments.null_count else None
    ticks = moments.cast(MOMENT).view(pa.int64()).fill_null(0).to_numpy()
    return pa.array((ticks // _DAY_TICKS).astype(np.int32), mask=absent).view(pa.date32()).dictionary_encode()


def _grouped(table: pa.Table) -> pa.Table:
    grouped = table.group_by(_KEYS, use_threads=False).aggregate(_AGGREGATES)
    # Columns by their names and in their order again: aggregate() calls a sum of x `x_sum`.
    named = grouped.rename_columns([name.removesuffix("_sum") for name in grouped.column_names])
    return named.select(ROLLUP_SCHEMA.names).cast(ROLLUP_SCHEMA)
