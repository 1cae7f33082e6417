"""Balances of Savings Plan covered usage against its negation, in bounded memory.

Covered usage costs its on-demand price in a CUR, and SavingsPlanNegation rows take it away again: one negation for
many covered rows of the same plan, operation, usage type, zone and hour. FOCUS has neither, so what must be proved is
that the two sides are equal; what is left of a key is its residual.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.columns import MOMENT, SCALE

KEYS = ("account", "currency", "plan", "operation", "usage_type", "zone", "hour")
AMOUNT = pa.decimal128(38, SCALE)
SCHEMA = pa.schema(
    [*((name, pa.string()) for name in KEYS[:-1]), ("hour", MOMENT), ("amount", AMOUNT)],
)
COMPACT_ABOVE = 200_000
"""Entries, at some 100 bytes each, that may pile up before they are merged."""


@dataclass
class Balances:
    """Open balances, as small Arrow tables that are merged when they grow.

    A key whose balance is zero is dropped at a merge: adding to it later starts from zero again, so nothing is lost.
    """

    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    compact_above: int = COMPACT_ABOVE
    _open: int = 0

    def add(self, entries: pa.Table) -> None:
        """Add entries of SCHEMA; several may have the same key."""
        if not entries.num_rows:
            return
        merged = _merge([entries])
        self.tables.append(merged)
        self.rows += merged.num_rows
        if self.rows > self.compact_above + 2 * self._open:
            self._compact()

    def merge(self, other: Balances) -> None:
        """Take over the balances of another part of the same delivery."""
        for table in other.tables:
            self.add(table)

    def open(self) -> pa.Table:
        """Every key whose balance is not zero."""
        self._compact()
        return self.tables[0] if self.tables else SCHEMA.empty_table()

    def _compact(self) -> None:
        if not self.tables:
            return
        merged = _merge(self.tables)
        merged = merged.filter(pc.not_equal(merged["amount"], pa.scalar(Decimal(0), AMOUNT)))
        self.tables = [merged] if merged.num_rows else []
        self.rows = self._open = merged.num_rows

    @property
    def plans(self) -> pa.Table:
        """Residuals by account, currency, plan and day, zeros left out."""
        table = self.open()
        days = pc.floor_temporal(table["hour"], unit="day")
        table = table.set_column(table.schema.get_field_index("hour"), "hour", days)
        by_day = _merge([table], ("account", "currency", "plan", "hour"))
        return by_day.filter(pc.not_equal(by_day["amount"], pa.scalar(Decimal(0), AMOUNT))).sort_by(
            [("account", "ascending"), ("currency", "ascending"), ("plan", "ascending"), ("hour", "ascending")]
        )


def _merge(tables: list[pa.Table], keys: tuple[str, ...] = KEYS) -> pa.Table:
    grouped = pa.concat_tables(tables).group_by(list(keys), use_threads=False).aggregate([("amount", "sum")])
    return grouped.rename_columns([*keys, "amount"]).cast(pa.schema([SCHEMA.field(name) for name in (*keys, "amount")]))
