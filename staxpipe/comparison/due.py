"""Which months are compared now. Pure.

A month is compared once for each delivery that readers see of it, after it is over: an unfinished month has no
invoice, and Cost Explorer and the report are never of the same hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from staxpipe.comparison.verdicts import Against, Reason
from staxpipe.model import BillingPeriod

WAIT_FOR_INVOICES = timedelta(days=60)
"""How long after its end a month that AWS has not invoiced is looked at again every day. It is free of charge."""

AGAIN_AFTER = timedelta(hours=20)
"""Less than a day, so that a daily look that begins a little earlier than the last one does not skip a day."""

SETTLED = timedelta(days=15)
"""After its end, a month's restatements have mostly come; until then only a finished delivery is worth a charge."""

COST_EXPLORER_DAYS = 395
"""Cost Explorer answers for 13 months; a request for an older one would be refused."""

ASK_REFUSED_AGAIN = timedelta(days=7)
"""What was refused is not asked for every day: each refusal is a line in the account's CloudTrail."""

REQUEST_COST = Decimal("0.01")
"""USD for each request to Cost Explorer: https://aws.amazon.com/aws-cost-management/pricing/."""


@dataclass(frozen=True)
class CountedMonth:
    """An account's month as readers see it: its elected export, and the delivery of it that is loaded.

    `delivery` is the ledger's row, `delivery_id` AWS's own id. `final`: every charge has an invoice id.
    """

    link_id: str
    account: str
    period: BillingPeriod
    export_id: int
    delivery: int
    delivery_id: str
    loaded_at: datetime
    final: bool


@dataclass(frozen=True)
class LastTime:
    """When and with which delivery a month was compared last, and what came of it (its currencies' gravest reason)."""

    at: datetime
    delivery_id: str
    reason: Reason | None


def is_due(against: Against, month: CountedMonth, last: LastTime | None, now: datetime, again: bool = False) -> bool:
    """Whether a month is to be compared now. With `again` it is even if nothing new was loaded."""
    if month.period.end > now:
        return False
    if against is Against.COST_EXPLORER:
        settled = month.final or now >= month.period.end + SETTLED
        if not settled or month.period.start < now - timedelta(days=COST_EXPLORER_DAYS):
            return False
    if again or last is None or last.delivery_id != month.delivery_id or last.at < month.loaded_at:
        return True
    waits = last.reason is Reason.NOT_FINAL and now < month.period.end + WAIT_FOR_INVOICES
    return against is Against.INVOICES and waits and now >= last.at + AGAIN_AFTER
