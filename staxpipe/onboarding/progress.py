"""How far a linked account's data is: read from the ledger, for the page that the person who linked it looks at.

Reads only. What to say about it is decided in `status`, how it looks in the templates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from staxpipe.db import links
from staxpipe.db.tables import deliveries, delivery_sums, exports, findings, period_sources
from staxpipe.model import BillingPeriod, DeliveryState, Finding, LinkState, Severity

_OF_DELIVERIES = (
    deliveries.c.id,
    deliveries.c.period,
    deliveries.c.export_id,
    deliveries.c.state,
    deliveries.c.bytes,
    deliveries.c.rows_written,
    deliveries.c.attempts,
    deliveries.c.error,
    deliveries.c.final,
    deliveries.c.reconciled,
    deliveries.c.discovered_at,
    deliveries.c.loaded_at,
)
"""Not the manifest, which may name thousands of files."""

_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)
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
    where another export of the same account counts for this month.
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

    @property
    def pending(self) -> bool:
        """Whether it leads to a loaded month by itself."""
        return self.state in DONE_SHARE


@dataclass(frozen=True)
class Progress:
    """A link and its months, the newest first. `findings` are about the account as a whole; `stopped` says that
    a person stopped reading it.
    """

    link_state: LinkState
    problem: str | None
    linked_at: datetime
    discovered_at: datetime | None
    months: tuple[Month, ...]
    findings: tuple[Finding, ...]
    waits_for_role: bool = False  # see `Link.waits_for_role`

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
    link = links.of_request(connection, request_id)
    if link is None:
        return None
    rows: Sequence[Any] = connection.execute(
        select(*_OF_DELIVERIES, exports.c.name.label("export"))
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(exports.c.link_id == link.id, deliveries.c.state.in_(_shown(link.state)))
        .order_by(deliveries.c.period.desc(), deliveries.c.export_id, deliveries.c.delivered_at, deliveries.c.id)
    ).all()
    by_month: dict[tuple[str, int], list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in rows:
        by_month[row.period, row.export_id].append(row)
    ids = [row.id for row in rows]
    sums, found = _sums(connection, ids), _findings(connection, ids)
    account_findings = connection.execute(
        select(findings).where(findings.c.account_id == link.account_id, findings.c.delivery.is_(None))
    ).all()
    return Progress(
        link_state=link.state,
        problem=link.problem,
        linked_at=link.linked_at,
        discovered_at=link.discovered_at,
        waits_for_role=link.waits_for_role,
        months=tuple(_month(group, sums, found) for group in by_month.values()),
        findings=_sorted(map(_finding, account_findings)),
    )


def _shown(link: LinkState) -> frozenset[DeliveryState]:
    """The deliveries that a page is about: of a link that has ended only what is loaded, for nothing else comes."""
    if link is LinkState.ENDED:
        return frozenset({DeliveryState.LOADED})
    return frozenset(DeliveryState) - {DeliveryState.SUPERSEDED}


def _month(
    group: Sequence[Row[tuple[object, ...]]],
    sums: Mapping[int, tuple[bool, tuple[Total, ...]]],
    found: Mapping[int, tuple[Finding, ...]],
) -> Month:
    newest = group[-1]
    shown = next((row for row in group if row.state == DeliveryState.LOADED), newest)
    is_newer = newest.id != shown.id
    counted, totals = sums.get(shown.id, (True, ()))
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
        totals=totals,
        counted=counted,
        findings=found.get(shown.id, ()),
        newer=DeliveryState(newest.state) if is_newer else None,
        newer_error=newest.error if is_newer else None,
    )


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
