from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.model import BillingPeriod, account_id, missing_between

periods = st.builds(BillingPeriod, st.integers(2000, 2100), st.integers(1, 12))


@pytest.mark.parametrize("text", ["012345678901", "999999999999"])
def test_an_account_id_keeps_its_zeros(text: str) -> None:
    assert account_id(text) == text


@pytest.mark.parametrize("text", ["", "12345678901", "1234567890123", "12345678901a", "123456789012\n", "१२३४५६७८९०१२"])
def test_anything_else_is_no_account_id(text: str) -> None:
    with pytest.raises(ValueError, match="12 digits"):
        account_id(text)


@given(periods)
def test_a_period_survives_its_text(period: BillingPeriod) -> None:
    assert BillingPeriod.parse(str(period)) == period


@given(periods)
def test_the_next_period_begins_where_this_one_ends(period: BillingPeriod) -> None:
    assert period.next().start == period.end
    assert period.next().previous() == period
    assert period < period.next()
    assert BillingPeriod.containing(period.end - timedelta(microseconds=1)) == period


def test_a_period_is_a_month_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert BillingPeriod.containing(datetime(2026, 11, 1, 3, tzinfo=tokyo)) == BillingPeriod(2026, 10)
    assert BillingPeriod(2026, 12).end == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "202610", "2026-10-01", "2026-10\n"])
def test_anything_else_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        BillingPeriod.parse(text)


def test_months_between_that_are_not_there() -> None:
    there = [BillingPeriod(2026, 2), BillingPeriod(2025, 11), BillingPeriod(2025, 12)]
    assert missing_between(there) == [BillingPeriod(2026, 1)]
    assert missing_between(there[1:]) == []
    assert missing_between([]) == []
