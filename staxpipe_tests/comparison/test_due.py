from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.comparison.due import CountedMonth, LastTime, is_due
from staxpipe.comparison.verdicts import Against, Reason
from staxpipe.model import BillingPeriod

LOADED = datetime(2026, 10, 4, 9, tzinfo=UTC)
NOW = datetime(2026, 10, 5, 8, tzinfo=UTC)
MONTH = CountedMonth("link-1", "111122223333", BillingPeriod(2026, 9), 1, 7, "assembly-1", LOADED, final=True)
BOTH = pytest.mark.parametrize("against", list(Against))


def last(at: datetime, reason: Reason | None = None, delivery: str = "assembly-1") -> LastTime:
    return LastTime(at, delivery, reason)


@BOTH
def test_a_finished_month_is_compared_once_for_each_delivery(against: Against) -> None:
    assert is_due(against, MONTH, None, NOW)
    assert not is_due(against, MONTH, last(LOADED + timedelta(minutes=1)), NOW)
    assert is_due(against, MONTH, last(LOADED - timedelta(minutes=1)), NOW), "loaded again since"
    assert is_due(against, MONTH, last(NOW, delivery="assembly-0"), NOW), "another export counts now"
    assert is_due(against, MONTH, last(LOADED + timedelta(minutes=1)), NOW, again=True)


@BOTH
def test_a_month_that_is_not_over_is_never_compared(against: Against) -> None:
    assert not is_due(against, replace(MONTH, period=BillingPeriod(2026, 10)), None, NOW, again=True)


def test_a_month_that_aws_has_not_invoiced_is_looked_at_every_day_for_two_months() -> None:
    waits = last(NOW - timedelta(days=1), Reason.NOT_FINAL)
    assert is_due(Against.INVOICES, MONTH, replace(waits, at=NOW - timedelta(hours=23)), NOW)
    assert not is_due(Against.INVOICES, MONTH, replace(waits, at=NOW - timedelta(hours=1)), NOW)
    assert not is_due(Against.INVOICES, MONTH, last(NOW - timedelta(hours=23), Reason.UNEXPLAINED), NOW)
    much_later = datetime(2026, 12, 5, tzinfo=UTC)
    assert not is_due(Against.INVOICES, MONTH, replace(waits, at=much_later - timedelta(days=1)), much_later)


def test_waiting_costs_no_request_to_cost_explorer() -> None:
    waits = last(LOADED + timedelta(minutes=1), Reason.NOT_FINAL)
    assert not is_due(Against.COST_EXPLORER, MONTH, waits, NOW + timedelta(days=3))


def test_cost_explorer_is_not_paid_for_a_provisional_month() -> None:
    provisional = replace(MONTH, final=False)
    assert is_due(Against.INVOICES, provisional, None, NOW)
    assert not is_due(Against.COST_EXPLORER, provisional, None, NOW, again=True)
    assert is_due(Against.COST_EXPLORER, provisional, None, datetime(2026, 10, 16, tzinfo=UTC)), "long enough"


def test_cost_explorer_is_not_asked_about_what_it_has_forgotten() -> None:
    old = replace(MONTH, period=BillingPeriod(2025, 8))
    assert not is_due(Against.COST_EXPLORER, old, None, NOW, again=True)
    assert is_due(Against.COST_EXPLORER, replace(MONTH, period=BillingPeriod(2025, 10)), None, NOW)
    assert is_due(Against.INVOICES, old, None, NOW)
