"""How far a linked account's data is: read from the ledger, for the page that the person who linked it looks at.

Reads only. What to say about it is decided in `status`, how it looks in the templates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables import deliveries, delivery_sums, exports, findings, links, period_sources
from staxpipe.model import BillingPeriod, DeliveryState, Finding, LinkState, Severity

_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_COLUMNS = [column for column in deliveries.c if not isinstance(column.type, JSONB)]
"""Not the manifests: they may be large, and a list shows many deliveries."""
DONE_SHARE = {DeliveryState.DISCOVERED: 0.0, DeliveryState.LANDED: 0.4, DeliveryState.COMMITTED: 0.9}
"""How much of the work on a month is done in each state on its way."""


@dataclass(frozen=True)
class Total:
    """What a month, or all of them, cost in one currency."""

    currency: str
    billed: Decimal
    effective: Decimal


@dataclass(frozen=True)
class Month:
    """One month of one export: the delivery that readers see, or the newest one where none is loaded yet.

    `newer` is a later delivery that is on its way, or failed, while an earlier one is loaded. `counted` is False
    where another export of the same account counts for this month. `delivery` is the ledger's number of what is shown.
    """

    period: BillingPeriod
    export: str
    state: DeliveryState
    bytes: int
    rows: int | None
    attempts: int
    error: str | None
    provisional: bool
    reconciled: bool | None
    discovered_at: datetime
    loaded_at: datetime | None
    totals: tuple[Total, ...] = ()
    counted: bool = True
    findings: tuple[Finding, ...] = ()
    newer: DeliveryState | None = None
    newer_error: str | None = None
    delivery: int = 0

    @property
    def pending(self) -> bool:
        """Whether it leads to a loaded month by itself."""
        return self.state in DONE_SHARE


@dataclass(frozen=True)
class Progress:
    """A link and its months, the newest first. `findings` are about the account as a whole."""

    link_state: LinkState
    problem: str | None
    linked_at: datetime
    discovered_at: datetime | None
    months: tuple[Month, ...]
    findings: tuple[Finding, ...]

    @property
    def loaded(self) -> tuple[Month, ...]:
        """Months that readers see."""
        return tuple(month for month in self.months if month.state is DeliveryState.LOADED)

    @property
    def failed(self) -> tuple[Month, ...]:
        """Months that somebody must look after."""
        return tuple(month for month in self.months if month.state is DeliveryState.FAILED)

    @property
    def pending(self) -> tuple[Month, ...]:
        """Months that are on their way."""
        return tuple(month for month in self.months if month.pending)

    @property
    def bytes(self) -> int:
        """Bytes of all months' files."""
        return sum(month.bytes for month in self.months)

    @property
    def rows(self) -> int:
        """Line items that readers see."""
        return sum(month.rows or 0 for month in self.loaded if month.counted)

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1, by bytes; an empty file weighs one."""
        weights = [(max(month.bytes, 1), DONE_SHARE.get(month.state, 1.0)) for month in self.months]
        done = sum(weight * share for weight, share in weights)
        return done / sum(weight for weight, _ in weights) if weights else 0.0

    @property
    def totals(self) -> tuple[Total, ...]:
        """What all loaded months cost together, by currency."""
        return _add(total for month in self.loaded for total in month.totals)


def read_progress(connection: Connection, request_id: str) -> Progress | None:
    """The progress of the link that came of a request; None when there is no link."""
    found = read_outlines(connection, [request_id]).get(request_id)
    if found is None:
        return None
    ids = [month.delivery for month in found.months]
    sums, of_months = _sums(connection, ids), _findings(connection, ids)
    account_findings = connection.execute(
        select(findings)
        .join(links, links.c.account_id == findings.c.account_id)
        .where(links.c.request_id == request_id, findings.c.delivery.is_(None))
    ).all()
    return replace(
        found,
        months=tuple(_told(month, sums, of_months) for month in found.months),
        findings=_sorted(map(_finding, account_findings)),
    )


def read_outlines(connection: Connection, request_ids: Collection[str]) -> dict[str, Progress]:
    """The progress of the links that came of these requests, by request, without sums and findings.

    As many queries for all as for one: for lists.
    """
    found = connection.execute(select(links).where(links.c.request_id.in_(request_ids))).all()
    months = _outlines(connection, {link.id: LinkState(link.state) for link in found})
    return {
        link.request_id: Progress(
            link_state=LinkState(link.state),
            problem=link.problem,
            linked_at=link.linked_at,
            discovered_at=link.discovered_at,
            months=tuple(months[link.id]),
            findings=(),
        )
        for link in found
    }


def _outlines(connection: Connection, states: Mapping[str, LinkState]) -> dict[str, list[Month]]:
    """The months of each link, the newest first."""
    rows = connection.execute(
        select(*_COLUMNS, exports.c.name.label("export"), exports.c.link_id)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(exports.c.link_id.in_(list(states)), deliveries.c.state != DeliveryState.SUPERSEDED)
        .order_by(deliveries.c.period.desc(), deliveries.c.export_id, deliveries.c.delivered_at, deliveries.c.id)
    ).all()
    groups: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
    for row in rows:
        # Of a link that has ended only what is loaded, for nothing else comes.
        if states[row.link_id] is not LinkState.ENDED or row.state == DeliveryState.LOADED:
            groups[row.link_id, row.period, row.export_id].append(row)
    months: dict[str, list[Month]] = defaultdict(list)
    for (link_id, _, _), group in groups.items():
        months[link_id].append(_month(group))
    return months


def _month(group: Sequence[Row[tuple[object, ...]]]) -> Month:
    newest = group[-1]
    shown = next((row for row in group if row.state == DeliveryState.LOADED), newest)
    is_newer = newest.id != shown.id
    return Month(
        period=BillingPeriod.parse(shown.period),
        export=shown.export,
        state=DeliveryState(shown.state),
        bytes=shown.bytes,
        rows=shown.rows_written,
        attempts=shown.attempts,
        error=shown.error,
        provisional=not shown.final,
        reconciled=shown.reconciled,
        discovered_at=shown.discovered_at,
        loaded_at=shown.loaded_at,
        newer=DeliveryState(newest.state) if is_newer else None,
        newer_error=newest.error if is_newer else None,
        delivery=shown.id,
    )


def _told(
    month: Month, sums: Mapping[int, tuple[bool, tuple[Total, ...]]], found: Mapping[int, tuple[Finding, ...]]
) -> Month:
    counted, totals = sums.get(month.delivery, (True, ()))
    return replace(month, totals=totals, counted=counted, findings=found.get(month.delivery, ()))


def _sums(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[bool, tuple[Total, ...]]]:
    """By delivery: whether its export counts for anything in its month, and what it costs as far as it counts."""
    sums = delivery_sums.c
    counts = or_(period_sources.c.export_id.is_(None), period_sources.c.export_id == deliveries.c.export_id)
    rows = connection.execute(
        select(
            sums.delivery,
            sums.currency,
            func.bool_or(counts).label("counted"),
            func.coalesce(func.sum(sums.billed_cost).filter(counts), 0).label("billed"),
            func.coalesce(func.sum(sums.effective_cost).filter(counts), 0).label("effective"),
        )
        .join(deliveries, deliveries.c.id == sums.delivery)
        .outerjoin(
            period_sources,
            and_(
                period_sources.c.billing_account_id == sums.billing_account_id,
                period_sources.c.period == deliveries.c.period,
            ),
        )
        .where(sums.delivery.in_(ids), sums.side == "focus")
        .group_by(sums.delivery, sums.currency)
        .order_by(sums.delivery, sums.currency)
    )
    result: dict[int, tuple[bool, tuple[Total, ...]]] = {}
    for row in rows:
        counted, totals = result.get(row.delivery, (False, ()))
        added = (Total(row.currency, row.billed, row.effective),) if row.counted else ()
        result[row.delivery] = (counted or row.counted, totals + added)
    return result


def _findings(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Finding, ...]]:
    by_delivery: dict[int, list[Finding]] = defaultdict(list)
    for row in connection.execute(select(findings).where(findings.c.delivery.in_(ids)).order_by(findings.c.id)):
        by_delivery[row.delivery].append(_finding(row))
    return {delivery: _sorted(found) for delivery, found in by_delivery.items()}


def _finding(row: Row[tuple[object, ...]]) -> Finding:
    values = row._mapping  # row.count is the method of tuples
    severity = Severity(values["severity"])
    return Finding(values["code"], severity, values["message"], values["count"], tuple(values["examples"]))


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity)))


def _add(totals: Iterable[Total]) -> tuple[Total, ...]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for total in totals:
        billed, effective = sums.get(total.currency, (Decimal(0), Decimal(0)))
        sums[total.currency] = (billed + total.billed, effective + total.effective)
    return tuple(Total(currency, *both) for currency, both in sorted(sums.items()))
