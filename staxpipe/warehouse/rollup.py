"""From line items to daily costs: exact sums by day and dimension, made while the rows stream by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

WIDE = pa.decimal128(38, 18)
"""What decimal(30, 18) is widened to before it is summed, so that no sum overflows."""

MERGE_ROWS = 262_144
"""Partial sums are merged when they are this many more than the groups found so far; this bounds memory."""


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
"""What `Rollup.table` gives. A sum is null where no row of the group had the number."""

_KEYS = [dimension.name for dimension in _DIMENSIONS] + [_DAY.name]
_AGGREGATES = [(name, "sum") for name in [total.name for total in _SUMS] + [_ROWS]]


class Rollup:
    """Sums line items by day and dimension. Memory grows with the groups, not with the rows."""

    COLUMNS: ClassVar[tuple[str, ...]] = (*(part.source for part in (*_DIMENSIONS, _DAY, *_SUMS)), SPLIT)

    def __init__(self) -> None:
        self._merged = ROLLUP_SCHEMA.empty_table()
        self._partial: list[pa.Table] = []
        self._partial_rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add line items; text columns may be dictionary-coded; other columns than COLUMNS are ignored.

        Split cost allocation rows are left out: the instance that they share has a row of its own.
        """
        if batch.column(SPLIT).null_count < batch.num_rows:
            batch = batch.filter(pc.is_null(batch.column(SPLIT)))
        if batch.num_rows == 0:
            return
        partial = _sums_of(batch)
        self._partial.append(partial)
        self._partial_rows += partial.num_rows
        if self._partial_rows > MERGE_ROWS:
            self._merge()

    def table(self) -> pa.Table:
        """The sums so far (ROLLUP_SCHEMA), one row a combination of dimensions, in no particular order."""
        self._merge()
        return self._merged

    def _merge(self) -> None:
        if self._partial:
            self._merged = _grouped(pa.concat_tables([self._merged, *self._partial]))
            self._partial = []
            self._partial_rows = 0


def _sums_of(batch: pa.RecordBatch) -> pa.Table:
    """One batch's sums. It groups by the dictionaries' codes: no string is made or hashed for a row."""
    coded = {dimension.name: _coded(batch.column(dimension.source)) for dimension in _DIMENSIONS}
    columns = [column.indices for column in coded.values()]
    columns.append(batch.column(_DAY.source).cast(pa.date32()))
    columns += [batch.column(total.source).cast(WIDE) for total in _SUMS]
    columns.append(pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows))
    grouped = pa.table(columns, names=ROLLUP_SCHEMA.names).group_by(_KEYS, use_threads=False).aggregate(_AGGREGATES)
    sums = _named(grouped)
    for at, (name, column) in enumerate(coded.items()):
        sums = sums.set_column(at, ROLLUP_SCHEMA.field(name), pc.take(column.dictionary, sums.column(name)))
    return sums.cast(ROLLUP_SCHEMA)


def _coded(column: pa.Array) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode()
    # A null may be written as a code whose dictionary value is null: coded again, there is one way only.
    return column if column.dictionary.null_count == 0 else column.dictionary_decode().dictionary_encode()


def _grouped(table: pa.Table) -> pa.Table:
    return _named(table.group_by(_KEYS, use_threads=False).aggregate(_AGGREGATES)).cast(ROLLUP_SCHEMA)


def _named(grouped: pa.Table) -> pa.Table:
    """Columns by their names and in their order again: aggregate() calls a sum of x `x_sum`."""
    return grouped.rename_columns([name.removesuffix("_sum") for name in grouped.column_names]).select(
        ROLLUP_SCHEMA.names
    )
