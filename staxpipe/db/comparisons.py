"""Comparisons with what AWS says elsewhere: what is to be compared, what came of it, and what was asked at a price.

Queries only; each takes a Connection whose transaction the caller owns. What a refusal or a charged request is, the
audit log keeps: both are acts in a customer's account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select

from staxpipe.comparison.due import REQUEST_COST, CountedMonth, LastTime
from staxpipe.comparison.verdicts import Against, Comparison, Reason, codes, detail, finding, gravest
from staxpipe.db import audit_log as audit
from staxpipe.db import results
from staxpipe.db.tables import audit_log, comparisons, deliveries, exports, findings, links, period_sources
from staxpipe.model import BillingPeriod, DeliveryState, LinkState

WE = "staxpipe"
ASKED, REFUSED, NOT_GRANTED, FAILED = "asked", "refused", "not-granted", "failed"
_COSTS = "cost-explorer.request"
_COMPARED = "month.compared"


@dataclass(frozen=True)
class Compared:
    """One row of what was compared: a month, a currency, and both sides."""

    account: str
    period: str
    against: Against
    currency: str
    theirs: Decimal
    ours: Decimal
    detail: dict[str, Any]
    compared_at: datetime

    @property
    def reason(self) -> Reason | None:
        """Why the sides differ; None where they are equal."""
        said = self.detail.get("reason")
        return Reason(said) if said else None


@dataclass(frozen=True)
class Refusal:
    """When a comparison was refused, and why in words."""

    at: datetime
    why: str


def counted_months(
    connection: Connection, account: str | None = None, period: BillingPeriod | None = None
) -> list[CountedMonth]:
    """Every counted and loaded month of an account whose own role is linked and active, the newest month first.

    A member account's month is billed to its payer, whose invoices the member's role cannot see: it is left out.
    """
    statement = (
        select(
            exports.c.link_id,
            period_sources.c.billing_account_id,
            period_sources.c.period,
            deliveries.c.export_id,
            deliveries.c.id,
            deliveries.c.delivery_id,
            deliveries.c.loaded_at,
            func.coalesce(deliveries.c.final, False).label("final"),
        )
        .join(
            deliveries,
            and_(
                deliveries.c.export_id == period_sources.c.export_id,
                deliveries.c.period == period_sources.c.period,
                deliveries.c.state == DeliveryState.LOADED,
            ),
        )
        .join(exports, exports.c.id == deliveries.c.export_id)
        .join(links, links.c.id == exports.c.link_id)
        .where(links.c.state == LinkState.ACTIVE, links.c.account_id == period_sources.c.billing_account_id)
        .where(deliveries.c.loaded_at.is_not(None))
        .order_by(period_sources.c.billing_account_id, period_sources.c.period.desc())
    )
    if account is not None:
        statement = statement.where(period_sources.c.billing_account_id == account)
    if period is not None:
        statement = statement.where(period_sources.c.period == str(period))
    return [
        CountedMonth(
            row.link_id,
            row.billing_account_id,
            BillingPeriod.parse(row.period),
            row.export_id,
            row.id,
            row.delivery_id,
            row.loaded_at,
            row.final,
        )
        for row in connection.execute(statement)
    ]


def last_times(connection: Connection, against: Against) -> dict[tuple[str, BillingPeriod], LastTime]:
    """Account and month → when it was compared last, and what came of it."""
    found: dict[tuple[str, BillingPeriod], LastTime] = {}
    for row in compared(connection):
        if row.against is against:
            key = (row.account, BillingPeriod.parse(row.period))
            before = found.get(key)
            reason = gravest((row.reason, before.reason if before else None))
            found[key] = LastTime(row.compared_at, str(row.detail.get("delivery", "")), reason)
    return found


def compared(connection: Connection, account: str | None = None, period: BillingPeriod | None = None) -> list[Compared]:
    """Every comparison that is kept, by account, the newest month first."""
    statement = select(comparisons).order_by(
        comparisons.c.billing_account_id, comparisons.c.period.desc(), comparisons.c.against, comparisons.c.currency
    )
    if account is not None:
        statement = statement.where(comparisons.c.billing_account_id == account)
    if period is not None:
        statement = statement.where(comparisons.c.period == str(period))
    return [
        Compared(
            row.billing_account_id,
            row.period,
            Against(row.against),
            row.currency,
            row.theirs,
            row.ours,
            row.detail,
            row.compared_at,
        )
        for row in connection.execute(statement)
    ]


def keep(
    connection: Connection, month: CountedMonth, against: Against, found: Sequence[Comparison], now: datetime
) -> bool:
    """Put a month's comparison in the place of the one before, as rows and as findings of its delivery.

    False, and nothing is kept, when another delivery is what readers see by now.
    """
    state = select(deliveries.c.state).where(deliveries.c.id == month.delivery).with_for_update()
    if connection.execute(state).scalar_one_or_none() != DeliveryState.LOADED:
        return False
    of_month = and_(
        comparisons.c.billing_account_id == month.account,
        comparisons.c.period == str(month.period),
        comparisons.c.against == against,
    )
    connection.execute(delete(comparisons).where(of_month))
    of_account = and_(findings.c.delivery == month.delivery, findings.c.account_id == month.account)
    connection.execute(delete(findings).where(of_account, findings.c.code.in_(codes(against))))
    for comparison in found:
        connection.execute(
            insert(comparisons).values(
                billing_account_id=month.account,
                period=str(month.period),
                against=against,
                currency=comparison.currency,
                theirs=comparison.theirs,
                ours=comparison.ours,
                detail={**detail(comparison), "delivery": month.delivery_id},
                compared_at=now,
            )
        )
        results.add_finding(
            connection,
            finding(comparison, month.account, month.period),
            delivery=month.delivery,
            account_id=month.account,
            period=month.period,
        )
    return True


def claim_request(connection: Connection, month: CountedMonth) -> bool:
    """Count a request to Cost Explorer before it is made; False when this delivery has had its one.

    Commit before asking: a process that is killed in between must not ask, and have charged, a second time.
    """
    lock = select(deliveries.c.id).where(deliveries.c.id == month.delivery).with_for_update()
    connection.execute(lock)  # two at once: the second sees the first's request
    outcomes = select(audit_log.c.result, func.count()).where(
        audit_log.c.action == _COSTS, audit_log.c.subject == _subject(month)
    )
    times = {row[0]: row[1] for row in connection.execute(outcomes.group_by(audit_log.c.result))}
    if times.get(ASKED, 0) > times.get(REFUSED, 0):
        return False
    _record_request(connection, month, ASKED)
    return True


def give_back_request(connection: Connection, month: CountedMonth) -> None:
    """AWS refused a request (denied or throttled): it does not count."""
    _record_request(connection, month, REFUSED)


def _record_request(connection: Connection, month: CountedMonth, result: str) -> None:
    about = {"account": month.account, "period": str(month.period), "usd": str(REQUEST_COST)}
    audit.record(connection, WE, _COSTS, _subject(month), result, detail=about)


def _subject(month: CountedMonth) -> str:
    return f"delivery:{month.delivery}"


def record_denied(connection: Connection, month: CountedMonth, against: Against, why: str, now: datetime) -> None:
    """The link's role does not allow this comparison, of whatever month."""
    _record_refusal(connection, month, f"link:{month.link_id}", against, NOT_GRANTED, why, now)


def record_failed(connection: Connection, month: CountedMonth, against: Against, why: str, now: datetime) -> None:
    """AWS refuses to answer about this month, and would tomorrow."""
    _record_refusal(connection, month, _subject(month), against, FAILED, why, now)


def _record_refusal(
    connection: Connection,
    month: CountedMonth,
    subject: str,
    against: Against,
    result: str,
    why: str,
    now: datetime,
) -> None:
    about = {
        "account": month.account,
        "period": str(month.period),
        "against": against,
        "why": why,
        "at": now.isoformat(),
    }
    audit.record(connection, WE, _COMPARED, subject, result, detail=about)


def refusals(connection: Connection) -> dict[tuple[str, Against], Refusal]:
    """What was refused last, of a link or of a delivery. It may be allowed since: a later comparison says so."""
    rows = connection.execute(
        select(audit_log.c.subject, audit_log.c.detail).where(audit_log.c.action == _COMPARED).order_by(audit_log.c.id)
    )
    return {
        (row.subject, Against(row.detail["against"])): Refusal(
            datetime.fromisoformat(row.detail["at"]), row.detail["why"]
        )
        for row in rows
    }


def refusals_of(found: Mapping[tuple[str, Against], Refusal], month: CountedMonth, against: Against) -> list[Refusal]:
    """Those that concern a month: its link's, and its delivery's own."""
    keys = ((f"link:{month.link_id}", against), (_subject(month), against))
    return [found[key] for key in keys if key in found]
