"""What every export holds of every billing account's month, and which of them counts: the list that people see.

Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, exists, func, select

from staxpipe.db.source_choices import EVERY_MONTH
from staxpipe.db.tables import deliveries, delivery_sums, exports, period_sources, source_choices
from staxpipe.model import DeliveryState, ExportKind


@dataclass(frozen=True)
class MonthTotal:
    """What one export holds of a billing account's month in one currency, and whether it counts."""

    billing_account_id: str
    period: str
    export_id: int
    source: str
    kind: ExportKind
    counted: bool
    reason: str | None  # of the election, where it counts
    chosen: bool
    delivered_at: datetime
    final: bool
    currency: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal


def month_totals(connection: Connection, account: str | None = None) -> list[MonthTotal]:
    """What every export holds of each account's month, of one account or all; what counts comes first in its month."""
    sums, counted = delivery_sums.c, period_sources.c.export_id == deliveries.c.export_id
    chosen = exists().where(
        source_choices.c.billing_account_id == sums.billing_account_id,
        source_choices.c.export_id == deliveries.c.export_id,
        source_choices.c.period.in_([deliveries.c.period, EVERY_MONTH]),
    )
    statement = (
        select(
            sums.billing_account_id,
            deliveries.c.period,
            deliveries.c.export_id,
            exports.c.source,
            exports.c.kind,
            func.coalesce(func.bool_or(counted), False).label("counted"),
            func.max(period_sources.c.reason).filter(counted).label("reason"),
            func.bool_or(chosen).label("chosen"),
            deliveries.c.delivered_at,
            func.coalesce(deliveries.c.final, False).label("final"),
            sums.currency,
            func.sum(sums.rows).label("rows"),
            func.sum(sums.billed_cost).label("billed_cost"),
            func.coalesce(func.sum(sums.effective_cost), 0).label("effective_cost"),
        )
        .join(deliveries, deliveries.c.id == sums.delivery)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .outerjoin(
            period_sources,
            and_(
                period_sources.c.billing_account_id == sums.billing_account_id,
                period_sources.c.period == deliveries.c.period,
            ),
        )
        .where(deliveries.c.state == DeliveryState.LOADED, sums.side == "focus")
        .group_by(sums.billing_account_id, sums.currency, deliveries.c.id, exports.c.id)
        .order_by(
            sums.billing_account_id,
            deliveries.c.period,
            func.coalesce(func.bool_or(counted), False).desc(),
            deliveries.c.export_id,
            sums.currency,
        )
    )
    if account is not None:
        statement = statement.where(sums.billing_account_id == account)
    return [
        MonthTotal(**{**row, "kind": ExportKind(row["kind"]), "rows": int(row["rows"])})
        for row in connection.execute(statement).mappings()
    ]
