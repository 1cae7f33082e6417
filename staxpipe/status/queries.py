"""Reading the report from the metadata tables, a handful of statements however many accounts there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from staxpipe.db.reconciliations import loaded_lines
from staxpipe.db.tables import (
    deliveries,
    delivery_sums,
    exports,
    findings,
    link_requests,
    links,
    outbox,
    period_sources,
)
from staxpipe.focus.reconciliation import badge_of
from staxpipe.model import DeliveryState, Finding, LinkState, RequestState, Severity
from staxpipe.settings import Settings
from staxpipe.status.report import (
    Attempt,
    LinkStatus,
    Loaded,
    MailStatus,
    MonthStatus,
    Report,
    RequestStatus,
    Total,
    progress,
)

UNFINISHED = (RequestState.DRAFT, RequestState.LISTENING, RequestState.REFUSED)
MAILS_SHOWN = 200
_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def read_report(connection: Connection, settings: Settings, now: datetime) -> Report:
    """What there is, in the caller's transaction; begin it REPEATABLE READ for one moment's truth."""
    found = list(connection.execute(_current_findings()))
    return Report(
        at=now,
        mail_server=settings.smtp_url is not None,
        dagster_url=settings.dagster_url,
        links=_links(connection),
        requests=_requests(connection),
        months=_months(connection, found),
        mails=_mails(connection),
        findings=tuple((row.account_id or "", _finding(row)) for row in found if row.delivery is None),
    )


def _links(connection: Connection) -> tuple[LinkStatus, ...]:
    rows = connection.execute(
        select(*(links.c[name] for name in LinkStatus.__dataclass_fields__))
        .where(links.c.state != LinkState.ENDED)
        .order_by(links.c.account_id, links.c.linked_at)
    ).mappings()
    return tuple(LinkStatus(**{**row, "state": LinkState(row["state"])}) for row in rows)


def _requests(connection: Connection) -> tuple[RequestStatus, ...]:
    rows = connection.execute(
        select(*(link_requests.c[name] for name in RequestStatus.__dataclass_fields__))
        .where(link_requests.c.state.in_(UNFINISHED))
        .order_by(link_requests.c.created_at)
    ).mappings()
    return tuple(RequestStatus(**{**row, "state": RequestState(row["state"])}) for row in rows)


def _months(connection: Connection, found: Iterable[Row[Any]]) -> tuple[MonthStatus, ...]:
    by_month: dict[tuple[int, str], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(
        select(deliveries, exports.c.name, exports.c.source)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .outerjoin(links, links.c.id == exports.c.link_id)
        .where(deliveries.c.state != DeliveryState.SUPERSEDED)
        # Of a link that has ended, what is loaded is still there, and nothing else comes or needs anybody.
        .where(or_(links.c.state.is_distinct_from(LinkState.ENDED), deliveries.c.state == DeliveryState.LOADED))
        .order_by(deliveries.c.account_id.nulls_last(), exports.c.source, deliveries.c.period, deliveries.c.id)
    ):
        by_month[row.export_id, row.period].append(row)
    totals = _totals(connection)
    noted: dict[int, list[Finding]] = defaultdict(list)
    for row in found:
        if row.delivery is not None:
            noted[row.delivery].append(_finding(row))
    return tuple(_month(rows, totals, noted) for rows in by_month.values())


def _month(rows: list[Row[Any]], totals: dict[int, tuple[Total, ...]], noted: dict[int, list[Finding]]) -> MonthStatus:
    loaded = next((row for row in rows if row.state == DeliveryState.LOADED), None)
    coming = next((row for row in reversed(rows) if row.state != DeliveryState.LOADED), None)
    newest = rows[-1]
    return MonthStatus(
        account_id=newest.account_id,
        period=newest.period,
        export=newest.name,
        source=newest.source,
        loaded=_loaded(loaded, totals.get(loaded.id, ()), noted[loaded.id]) if loaded else None,
        coming=_attempt(coming) if coming else None,
    )


def _loaded(row: Row[Any], totals: tuple[Total, ...], noted: list[Finding]) -> Loaded:
    return Loaded(
        delivery_id=row.delivery_id,
        delivered_at=row.delivered_at,
        loaded_at=row.loaded_at,
        files=row.files,
        rows_read=row.rows_read or 0,
        rows_written=row.rows_written or 0,
        rows_quarantined=row.rows_quarantined or 0,
        reconciled=bool(row.reconciled),
        provisional=not row.final,
        totals=totals,
        findings=tuple(sorted(noted, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))),
    )


def _attempt(row: Row[Any]) -> Attempt:
    state = DeliveryState(row.state)
    return Attempt(
        progress=progress(state, row.run_id, row.error),
        step=state,
        delivery_id=row.delivery_id,
        delivered_at=row.delivered_at,
        files=row.files,
        bytes=row.bytes,
        attempts=row.attempts,
        run_id=row.run_id,
        retry_at=row.retry_at,
        error=row.error,
    )


def _totals(connection: Connection) -> dict[int, tuple[Total, ...]]:
    """Control totals of every loaded delivery, and whether its export is the one that counts."""
    sums = delivery_sums.c
    rows = connection.execute(
        select(
            sums.delivery,
            sums.billing_account_id,
            sums.currency,
            func.sum(sums.rows).label("row_count"),
            func.sum(sums.billed_cost).label("billed"),
            func.coalesce(func.sum(sums.effective_cost), Decimal(0)).label("effective"),
            func.coalesce(func.sum(sums.list_cost), Decimal(0)).label("listed"),
            func.coalesce(
                func.bool_or(period_sources.c.export_id == deliveries.c.export_id),
                True,  # a month that no export was elected for yet
            ).label("counted"),
        )
        .join(deliveries, deliveries.c.id == sums.delivery)
        .outerjoin(
            period_sources,
            and_(
                period_sources.c.billing_account_id == sums.billing_account_id,
                period_sources.c.period == deliveries.c.period,
            ),
        )
        .where(deliveries.c.state == DeliveryState.LOADED, sums.side == "focus")
        .group_by(sums.delivery, sums.billing_account_id, sums.currency)
        .order_by(sums.delivery, sums.billing_account_id, sums.currency)
    )
    badges = {
        (delivery, line.billing_account_id, line.currency): badge_of(line)
        for delivery, lines in loaded_lines(connection).items()
        for line in lines
    }
    totals: dict[int, list[Total]] = defaultdict(list)
    for row in rows:
        totals[row.delivery].append(
            Total(
                row.billing_account_id,
                row.currency,
                int(row.row_count),
                row.billed,
                row.effective,
                row.listed,
                row.counted,
                badges.get((row.delivery, row.billing_account_id, row.currency), ""),
            )
        )
    return {delivery: tuple(listed) for delivery, listed in totals.items()}


def _current_findings() -> Any:
    return (
        select(findings)
        .outerjoin(deliveries, deliveries.c.id == findings.c.delivery)
        .where(findings.c.delivery.is_(None) | (deliveries.c.state == DeliveryState.LOADED))
        .order_by(findings.c.id)
    )


def _finding(row: Row[Any]) -> Finding:
    return Finding(row.code, Severity(row.severity), row.message, row._mapping["count"], tuple(row.examples))


def _mails(connection: Connection) -> tuple[MailStatus, ...]:
    rows = connection.execute(
        select(*(outbox.c[name] for name in MailStatus.__dataclass_fields__))
        .where(outbox.c.sent_at.is_(None))
        .order_by(outbox.c.id.desc())
        .limit(MAILS_SHOWN)
    ).mappings()
    return tuple(MailStatus(**row) for row in rows)
