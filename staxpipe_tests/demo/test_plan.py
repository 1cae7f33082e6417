"""Which months the demo shows, whatever day it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.demo.plan import plan_months
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.month import generate_month
from staxpipe.synthetic.organisation import Organisation

AFTER_MIDNIGHT = datetime(2026, 11, 1, 0, 20, tzinfo=UTC)


def test_late_in_a_month_the_open_month_goes_on_and_the_last_one_gets_its_refund() -> None:
    now = datetime(2026, 11, 24, 15, tzinfo=UTC)
    months = plan_months(now)
    assert [str(month.period) for month in months] == ["2026-08", "2026-09", "2026-10", "2026-11"]
    assert months[3].first == now - timedelta(days=1)
    assert months[2].first == datetime(2026, 11, 8, tzinfo=UTC)
    assert [month.restated for month in months] == [None, None, now, now]


def test_on_the_first_day_the_open_month_is_delivered_once() -> None:
    now = datetime(2026, 11, 1, 18, tzinfo=UTC)
    months = plan_months(now)
    assert (months[-1].period, months[-1].restated) == (BillingPeriod(2026, 11), None)
    assert months[-2].restated == now


def test_in_the_first_hour_there_is_no_open_month() -> None:
    assert [str(month.period) for month in plan_months(AFTER_MIDNIGHT)] == ["2026-08", "2026-09", "2026-10"]


@pytest.mark.parametrize(
    "now",
    [AFTER_MIDNIGHT + timedelta(hours=7, days=day, minutes=41 * day) for day in range(0, 31, 3)]
    + [AFTER_MIDNIGHT, datetime(2027, 1, 1, 1, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, tzinfo=UTC)],
)
def test_every_day_has_months_in_order_one_of_which_a_later_delivery_changes(now: datetime) -> None:
    plan = plan_months(now)
    periods = [month.period for month in plan]
    assert periods == sorted(set(periods))
    organisation = Organisation.sample(1, periods[0], 0.01)
    changed = []
    for planned in plan:
        assert planned.first <= now
        if planned.restated is not None:
            assert planned.first < planned.restated <= now
            before = generate_month(organisation, planned.period, planned.first, 0.01)
            after = generate_month(organisation, planned.period, planned.restated, 0.01)
            changed.append(before.expected != after.expected)
    assert any(changed)
