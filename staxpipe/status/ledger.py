"""The reconciliation ledger of loaded months: both sides, identities, what became of every row. Queries and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, select

from staxpipe.db.reconciliations import identities_of, lines_of
from staxpipe.db.results import SumRow, sums_of
from staxpipe.db.tables import comparisons, deliveries, exports, period_sources, reconciliations
from staxpipe.focus.identities import Identity
from staxpipe.focus.reconciliation import LedgerLine, badge_of
from staxpipe.model import DeliveryState


@dataclass(frozen=True)
class Comparison:
    """What AWS says elsewhere about the same month, and what the lake says. `against` names the other place."""

    against: str
    theirs: Decimal
    ours: Decimal
    compared_at: datetime


@dataclass(frozen=True)
class LedgerMonth:
    """One export's month of one billing account in one currency, as readers see it.

    `source` sums the delivered rows by line-item type and outcome, `lake` and `marts` by charge category. `counted`
    says that this export is the one that queries show.
    """

    period: str
    export_id: int
    export: str
    kind: str
    counted: bool
    delivery: int
    delivery_id: str
    delivered_at: datetime
    line: LedgerLine
    identities: tuple[Identity, ...]
    source: tuple[SumRow, ...]
    lake: tuple[SumRow, ...]
    marts: tuple[SumRow, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def badge(self) -> str:
        """The verdict in words."""
        return badge_of(self.line)

    @property
    def line_items(self) -> int:
        """Rows that were written, shares of split rows included: those stand beside the sums."""
        return sum(total.rows for total in self.lake) + self.line.rows_split

    @property
    def rows_added(self) -> int:
        """Line items that no row of the report became: residuals (see `focus.residuals`)."""
        line = self.line
        return self.line_items - (line.rows_read + line.rows_doubled - line.rows_dropped - line.rows_quarantined)


def read_ledger(connection: Connection, account: str | None = None, period: str | None = None) -> list[LedgerMonth]:
    """The ledger of every loaded month, of one billing account or month where asked, by account, month and export."""
    line = reconciliations.c
    statement = (
        select(
            deliveries.c.id,
            deliveries.c.period,
            deliveries.c.delivery_id,
            deliveries.c.delivered_at,
            exports.c.id.label("export_id"),
            exports.c.source,
            exports.c.kind,
            line.billing_account_id,
            line.currency,
            (period_sources.c.export_id == deliveries.c.export_id).label("counted"),
        )
        .join(deliveries, deliveries.c.id == line.delivery)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .outerjoin(
            period_sources,
            and_(
                period_sources.c.billing_account_id == line.billing_account_id,
                period_sources.c.period == deliveries.c.period,
            ),
        )
        .where(deliveries.c.state == DeliveryState.LOADED)
        .order_by(line.billing_account_id, deliveries.c.period, exports.c.id, line.currency)
    )
    if account is not None:
        statement = statement.where(line.billing_account_id == account)
    if period is not None:
        statement = statement.where(deliveries.c.period == period)
    months = []
    for row in connection.execute(statement):
        key = (row.billing_account_id, row.currency)
        months.append(
            LedgerMonth(
                period=row.period,
                export_id=row.export_id,
                export=row.source,
                kind=row.kind,
                counted=bool(row.counted),
                delivery=row.id,
                delivery_id=row.delivery_id,
                delivered_at=row.delivered_at,
                line=next(one for one in lines_of(connection, row.id) if _key(one) == key),
                identities=tuple(one for one in identities_of(connection, row.id) if _key(one) == key),
                source=_side(sums_of(connection, row.id, "source"), key),
                lake=_side(sums_of(connection, row.id, "focus"), key),
                marts=_side(sums_of(connection, row.id, "marts"), key),
                comparisons=_comparisons(connection, *key, row.period),
            )
        )
    return months


def _side(sums: Sequence[SumRow], key: tuple[str, str]) -> tuple[SumRow, ...]:
    return tuple(total for total in sums if _key(total) == key)


def _key(of: SumRow | LedgerLine | Identity) -> tuple[str, str]:
    return of.billing_account_id, of.currency


def _comparisons(connection: Connection, account: str, currency: str, period: str) -> tuple[Comparison, ...]:
    of = comparisons.c
    rows = connection.execute(
        select(comparisons)
        .where(of.billing_account_id == account, of.currency == currency, of.period == period)
        .order_by(of.against)
    )
    return tuple(Comparison(row.against, row.theirs, row.ours, row.compared_at) for row in rows)
