"""How long it takes yet: bounds that hold the truth, and silence where nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from staxpipe.model import BillingPeriod, DeliveryState, LinkState
from staxpipe.onboarding.estimate import Estimate, remaining
from staxpipe.onboarding.progress import Month, Progress
from staxpipe_tests.onboarding.ledger import NOW

MINUTE = timedelta(minutes=1)


def month(minutes: float | None, size: int = 1_000, state: DeliveryState = DeliveryState.DISCOVERED) -> Month:
    """A month, found at NOW and loaded so many minutes later, or not yet."""
    return Month(
        period=BillingPeriod(2026, 10),
        export="cur",
        state=state if minutes is None else DeliveryState.LOADED,
        bytes=size,
        rows=1,
        attempts=0,
        error=None,
        provisional=False,
        reconciled=True,
        discovered_at=NOW,
        loaded_at=None if minutes is None else NOW + minutes * MINUTE,
    )


def after(minutes: float, *months: Month) -> Estimate | None:
    progress = Progress(LinkState.ACTIVE, None, NOW, NOW, months, ())
    return remaining(progress, NOW + minutes * MINUTE)


def test_nobody_can_tell_before_two_months_are_loaded() -> None:
    assert after(5, month(None), month(None)) is None
    assert after(5, month(4), month(None)) is None
    assert after(5, month(2), month(4), month(None)) is not None


def test_when_all_is_loaded_there_is_nothing_to_estimate() -> None:
    assert after(5, month(2), month(4)) is None


def test_an_even_pace_lies_between_the_bounds_which_close_in_as_months_are_loaded() -> None:
    widths = []
    for loaded in (2, 4, 9, 16):
        months = [*(month(number) for number in range(1, loaded + 1)), *(month(None) for _ in range(10))]
        estimate = after(loaded, *months)
        assert estimate is not None
        assert estimate.least < 10 * MINUTE < estimate.most
        widths.append(estimate.most - estimate.least)
    assert widths == sorted(widths, reverse=True)


def test_small_months_behind_and_a_large_one_ahead_make_the_bounds_wide() -> None:
    small = [month(number, size=10) for number in range(1, 5)]
    estimate = after(4, *small, month(None, size=1_000))
    assert estimate is not None
    assert estimate.least < 2 * MINUTE  # if a month takes its minute, whatever its size
    assert estimate.most > 100 * MINUTE  # if each byte takes its time


def test_a_pace_that_slows_down_is_believed_of_late() -> None:
    slowing = after(20, month(1), month(2), month(10), month(20), month(None), month(None))
    even = after(20, month(5), month(10), month(15), month(20), month(None), month(None))
    assert slowing is not None
    assert even is not None
    assert slowing.most > even.most


def test_a_standstill_makes_it_longer() -> None:
    months = (month(1), month(2), month(None))
    soon, later = after(2, *months), after(60, *months)
    assert soon is not None
    assert later is not None
    assert later.least > soon.least
    assert later.most > soon.most


@pytest.mark.parametrize("state", [DeliveryState.LANDED, DeliveryState.COMMITTED])
def test_what_is_done_of_a_month_is_not_to_be_done_again(state: DeliveryState) -> None:
    begun, waiting = after(4, month(2), month(4), month(None, state=state)), after(4, month(2), month(4), month(None))
    assert begun is not None
    assert waiting is not None
    assert begun.most < waiting.most


def test_what_was_loaded_long_ago_says_nothing_of_a_new_export() -> None:
    old = [
        replace(month(number), discovered_at=NOW - timedelta(days=30), loaded_at=NOW - timedelta(days=30))
        for number in range(5)
    ]
    assert after(4, *old, month(3), month(None)) is None
    estimate = after(4, *old, month(2), month(4), month(None))
    assert estimate is not None
    assert estimate.most < 10 * MINUTE
