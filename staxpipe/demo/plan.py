"""Which months the demo's bucket holds, as of when each is delivered first, and as of when it is restated. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.model import BillingPeriod

CLOSED_MONTHS = 3

_BEFORE_REFUNDS = timedelta(days=7)  # after a month's end: invoiced, support fee added, nothing given back yet
_AFTER_REFUNDS = timedelta(days=12)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class PlannedMonth:
    """A month, the moment that its first delivery speaks of, and that of its restatement, if there is one."""

    period: BillingPeriod
    first: datetime
    restated: datetime | None = None


def plan_months(now: datetime) -> tuple[PlannedMonth, ...]:
    """Closed months and the open one, oldest first; the last closed one and the open one are restated.

    The open month goes on by a day; the last closed one gets its refund, or is closed by a day.
    """
    current = BillingPeriod.containing(now)
    months: list[PlannedMonth] = []
    if now - _DAY >= current.start + _HOUR:
        months.append(PlannedMonth(current, now - _DAY, now))
    elif now >= current.start + _HOUR:
        months.append(PlannedMonth(current, now))
    period = current.previous()
    refunded = now >= period.end + _AFTER_REFUNDS
    months.append(PlannedMonth(period, period.end + _BEFORE_REFUNDS if refunded else now - _DAY, now))
    for _ in range(CLOSED_MONTHS - 1):
        period = period.previous()
        months.append(PlannedMonth(period, now))
    return tuple(reversed(months))
