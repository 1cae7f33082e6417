"""Telling people that data is ready or a month failed: rows in the outbox, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from sqlalchemy import Connection, func, select

from staxpipe.db import deliveries as ledger
from staxpipe.db import results
from staxpipe.db.deliveries import PENDING, LedgerEntry
from staxpipe.db.outbox import enqueue
from staxpipe.db.tables import deliveries, exports, links, period_sources
from staxpipe.focus.numbers import exact_add
from staxpipe.model import BillingPeriod, DeliveryState, missing_between
from staxpipe.settings import Settings

GIVE_UP_WAITING = 5
"""Attempts after which a delivery that fails again and again no longer holds back the mail about the others."""


def announce_if_complete(connection: Connection, settings: Settings, account_id: str) -> None:
    """Enqueue "your data is ready" for each link of the account of which nothing is left to load; once for ever."""
    for link in connection.execute(
        select(links).where(links.c.account_id == account_id, links.c.discovered_at.is_not(None))
    ):
        waiting = connection.execute(
            select(func.count())
            .select_from(deliveries.join(exports, exports.c.id == deliveries.c.export_id))
            .where(exports.c.link_id == link.id, deliveries.c.state.in_(PENDING))
            .where(deliveries.c.attempts < GIVE_UP_WAITING)
        ).scalar_one()
        if waiting:
            continue
        told = summary(connection, link.id)
        if told["periods"]:
            payload = {
                "to": recipients(settings, link.contact),
                "account_id": account_id,
                "url": f"{settings.base_url}/requests/{link.request_id}",
                **told,
            }
            enqueue(connection, f"data_ready:{link.id}", "data_ready", payload)


def summary(connection: Connection, link_id: str) -> dict[str, object]:
    """What is loaded for a link: months with totals by currency, gaps, and failures. JSON; money as text."""
    rows = connection.execute(
        select(deliveries)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(exports.c.link_id == link_id, deliveries.c.state != DeliveryState.SUPERSEDED)
        .order_by(deliveries.c.period, deliveries.c.id)
    ).all()
    loaded = [row for row in rows if row.state == DeliveryState.LOADED]
    failed = [row for row in rows if row.state != DeliveryState.LOADED and row.error]
    months: list[dict[str, object]] = []
    for row in loaded:
        totals: dict[str, tuple[int, Decimal, Decimal]] = defaultdict(lambda: (0, Decimal(0), Decimal(0)))
        counted = _accounts_counted(connection, row.export_id, row.period)
        for total in results.sums_of(connection, row.id, "focus"):
            if total.billing_account_id in counted:
                lines, billed, effective = totals[total.currency]
                totals[total.currency] = (
                    lines + total.rows,
                    exact_add(billed, total.billed_cost),
                    exact_add(effective, total.effective_cost or Decimal(0)),
                )
        found = [
            {"code": finding.code, "severity": finding.severity, "message": finding.message}
            for finding in results.findings_of(connection, row.id)
        ]
        months.extend(
            {
                "period": row.period,
                "rows": lines,
                "billed_cost": str(billed),
                "effective_cost": str(effective),
                "currency": currency,
                "provisional": not row.final,
                "findings": found,
            }
            for currency, (lines, billed, effective) in sorted(totals.items())
        )
    return {
        "periods": months,
        "gaps": [str(period) for period in missing_between([BillingPeriod.parse(row.period) for row in rows])],
        "failed": [{"period": row.period, "error": row.error} for row in failed],
    }


def _accounts_counted(connection: Connection, export_id: int, period: str) -> set[str]:
    """The billing accounts whose month comes from this export; what others hold of it is not counted twice."""
    rows = connection.execute(
        select(period_sources.c.billing_account_id).where(
            period_sources.c.export_id == export_id, period_sources.c.period == period
        )
    )
    return set(rows.scalars())


def announce_failure(connection: Connection, settings: Settings, entry: LedgerEntry, reason: str) -> None:
    """Enqueue "a month could not be loaded", once for each delivery, and only for linked accounts."""
    link = connection.execute(
        select(links).join(exports, exports.c.link_id == links.c.id).where(exports.c.id == entry.export_id)
    ).one_or_none()
    if link is None or entry.account_id is None:
        return
    enqueue(
        connection,
        f"ingest_failed:{entry.id}",
        "ingest_failed",
        {
            "to": recipients(settings, link.contact),
            "account_id": entry.account_id,
            "period": str(entry.period),
            "reason": reason,
            "what_to_do": _what_to_do(ledger.has_loaded(connection, entry.export_id, entry.period)),
            "url": f"{settings.base_url}/requests/{link.request_id}",
        },
    )


def recipients(settings: Settings, contact: str) -> list[str]:
    """Who is told: the one who linked (where that is a mail address) and the operator."""
    people = [contact] if "@" in contact else []
    if settings.operator_email and settings.operator_email not in people:
        people.append(settings.operator_email)
    return people


def _what_to_do(readable: bool) -> str:
    state = (
        "What was loaded of this month before is still there."
        if readable
        else "Nothing of this month can be seen until it is loaded."
    )
    return (
        f"{state} Other months and accounts go on. AWS usually delivers the month again within a day, and that "
        "delivery is loaded by itself. Whoever runs staxpipe can also try this one again: in the Dagster UI, "
        "materialise the month."
    )
