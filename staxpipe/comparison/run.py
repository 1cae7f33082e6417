"""Comparing the months whose turn it is, account by account, inside a deadline; one in trouble delays no other.

Thin: which months is decided in `due`, what differs in `invoices` and `costs`. A comparison that fails fails nothing
else: the month stays as it is, and is compared another day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from botocore.exceptions import ClientError
from sqlalchemy import Engine

from staxpipe.comparison.billed import Billed, read_billed
from staxpipe.comparison.costs import Costs, compare_costs
from staxpipe.comparison.due import ASK_REFUSED_AGAIN, REQUEST_COST, CountedMonth, is_due
from staxpipe.comparison.invoices import Invoice, compare_invoices
from staxpipe.comparison.verdicts import Against, Comparison
from staxpipe.db import comparisons, sweep_positions
from staxpipe.db import links as link_queries
from staxpipe.db.links import Link
from staxpipe.errors import NotGrantedError, PermanentError, StaxpipeError, TransientError
from staxpipe.lake.table import Lake
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

logger = logging.getLogger(__name__)

WORKERS = 4
_CURSOR = "comparisons"


class Billing(Protocol):
    """Whom to ask; the real one is `staxpipe.aws.link_billing.LinkBilling`."""

    def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:
        """What AWS invoiced the link's account for a month."""

    def costs(self, link: Link, period: BillingPeriod) -> Costs:
        """What Cost Explorer says that a month of it cost."""


@dataclass
class CompareReport:
    """What one round of comparisons came to. `differing`, `denied` and `unknown` are sentences.

    `requests` are those to Cost Explorer that AWS may charge for.
    """

    compared: int = 0
    differing: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    requests: int = 0

    @property
    def cost(self) -> Decimal:
        """What the requests to Cost Explorer cost, in USD."""
        return REQUEST_COST * self.requests

    def add(self, other: CompareReport) -> None:
        """Take over another part of the same round."""
        self.compared += other.compared
        self.requests += other.requests
        self.differing += other.differing
        self.denied += other.denied
        self.unknown += other.unknown


@dataclass(frozen=True)
class _Turn:
    """One link's months that are to be compared now, the newest first."""

    link: Link
    months: tuple[tuple[CountedMonth, tuple[Against, ...]], ...]

    @property
    def id(self) -> str:
        """For the log."""
        return self.link.id


def compare_months(
    engine: Engine,
    settings: Settings,
    lake: Lake,
    billing: Billing,
    now: datetime,
    *,
    account: str | None = None,
    period: BillingPeriod | None = None,
    again: bool = False,
    seconds: float = 600,
) -> CompareReport:
    """Compare every month whose turn it is, as far as `seconds` allow; the next round goes on where this one stopped.

    Args:
        engine: the metadata database.
        settings: say what is compared with.
        lake: our side.
        billing: their side.
        now: aware.
        account: only this billing account.
        period: only this month.
        again: also months to which nothing happened since, and roles that refused lately. Cost Explorer is still
            asked once only for each delivery.
        seconds: what is not begun by then waits for the next round.
    """
    ends = time.monotonic() + seconds
    turns = _turns(engine, settings, now, account, period, again)
    report = CompareReport()
    begun: set[str] = set()

    def compare(turn: _Turn) -> CompareReport:
        return _compare_link(engine, lake, billing, turn, now, lambda: time.monotonic() >= ends)

    for answered in ask_all(turns, compare, WORKERS, seconds):
        begun.add(answered.item.link.id)
        if isinstance(answered.answer, NoAnswer):
            report.unknown.append(f"{answered.item.link.account_id}: {answered.answer.reason}")
        else:
            report.add(answered.answer)
    if begun and account is None:
        with engine.begin() as connection:
            sweep_positions.move(connection, _CURSOR, [turn.link.id for turn in turns if turn.link.id in begun][-1])
    return report


def _turns(
    engine: Engine,
    settings: Settings,
    now: datetime,
    account: str | None,
    period: BillingPeriod | None,
    again: bool,
) -> list[_Turn]:
    asked = [Against.INVOICES] if settings.compare_invoices else []
    asked += [Against.COST_EXPLORER] if settings.compare_cost_explorer else []
    with engine.connect() as connection:
        active = {link.id: link for link in link_queries.active(connection)}
        last = {against: comparisons.last_times(connection, against) for against in asked}
        refused = comparisons.refusals(connection)
        after = sweep_positions.position(connection, _CURSOR)
        months = comparisons.counted_months(connection, account, period)
    by_link: dict[str, list[tuple[CountedMonth, tuple[Against, ...]]]] = {}
    for month in months:
        due = tuple(
            against
            for against in asked
            if is_due(against, month, last[against].get((month.account, month.period)), now, again)
            and (again or not any(_lately(found, now) for found in comparisons.refusals_of(refused, month, against)))
        )
        if due and month.link_id in active:
            by_link.setdefault(month.link_id, []).append((month, due))
    turns = [_Turn(active[link_id], tuple(due)) for link_id, due in by_link.items()]
    return sorted(turns, key=lambda turn: (turn.link.id <= after, turn.link.id))


def _lately(refusal: comparisons.Refusal, now: datetime) -> bool:
    return now < refusal.at + ASK_REFUSED_AGAIN


def _compare_link(
    engine: Engine, lake: Lake, billing: Billing, turn: _Turn, now: datetime, is_late: Callable[[], bool]
) -> CompareReport:
    report = CompareReport()
    stopped: set[Against] = set()
    for month, due in turn.months:
        for against in due:
            if against in stopped or is_late():
                continue
            where = f"{month.account} {month.period}, {against.words}"
            try:
                _compare_month(engine, lake, billing, turn.link, month, against, now, report)
            except NotGrantedError as error:
                stopped.add(against)  # of the same role, no other month can be asked either
                report.denied.append(f"{month.account}: {error}")
                with engine.begin() as connection:
                    comparisons.record_denied(connection, month, against, str(error), now)
            except PermanentError as error:  # of this month alone: one that is too old for AWS, say
                report.unknown.append(f"{where}: {error}")
                with engine.begin() as connection:
                    comparisons.record_failed(connection, month, against, str(error), now)
            except StaxpipeError as error:
                stopped.add(against)  # throttled, or out of reach: the next month would fare no better
                report.unknown.append(f"{where}: {error}")
    return report


def _compare_month(
    engine: Engine,
    lake: Lake,
    billing: Billing,
    link: Link,
    month: CountedMonth,
    against: Against,
    now: datetime,
    report: CompareReport,
) -> None:
    ours = _ours(lake, month)
    if ours is None:
        return  # another delivery is being published; it has its turn when it is loaded
    if against is Against.INVOICES:
        found = compare_invoices(month.account, ours, billing.invoices(link, month.period))
    else:
        costs = _costs(engine, billing, link, month, report)
        if costs is None:
            return
        found = compare_costs(ours, costs)
    with engine.begin() as connection:
        kept = comparisons.keep(connection, month, against, found, now)
    if kept:
        report.compared += 1
        report.differing += [_sentence(month, comparison) for comparison in found if comparison.needs_a_look]


def _ours(lake: Lake, month: CountedMonth) -> tuple[Billed, ...] | None:
    """Our side; None when the lake does not hold, all the while, the delivery that the month is counted from."""
    if lake.delivery_of(month.export_id, month.period) != month.delivery_id:
        return None
    ours = read_billed(lake, month.export_id, month.account, month.period)
    return ours if lake.delivery_of(month.export_id, month.period) == month.delivery_id else None


def _costs(engine: Engine, billing: Billing, link: Link, month: CountedMonth, report: CompareReport) -> Costs | None:
    """Cost Explorer's answer, at a price; None where this delivery had its request already."""
    with engine.begin() as connection:
        if not comparisons.claim_request(connection, month):
            return None
    report.requests += 1
    try:
        return billing.costs(link, month.period)
    except StaxpipeError as error:
        # AWS refused it for now. An answer that was lost may have been charged, and a wrong question stays wrong.
        if isinstance(error.__cause__, ClientError) and isinstance(error, NotGrantedError | TransientError):
            report.requests -= 1
            with engine.begin() as connection:
                comparisons.give_back_request(connection, month)
        raise


def _sentence(month: CountedMonth, comparison: Comparison) -> str:
    return (
        f"{month.account} {month.period}: {comparison.against.words} {comparison.theirs:.2f}, report "
        f"{comparison.ours:.2f} {comparison.currency} ({comparison.reason})"
    )
