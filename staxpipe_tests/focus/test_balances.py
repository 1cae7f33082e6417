from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.balances import SCHEMA, Balances

HOUR = datetime(2026, 10, 1, tzinfo=UTC)
Entry = tuple[str | None, int, Decimal]
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["plan-1", "plan-2", None]),
        st.integers(0, 40),
        st.decimals(min_value=-1000, max_value=1000, places=10),
    ),
    max_size=20,
)


def table(entries: list[Entry]) -> pa.Table:
    rows = [
        {"account": "1", "currency": "USD", "plan": plan, "hour": HOUR + timedelta(hours=hour), "amount": amount}
        for plan, hour, amount in entries
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=6))
def test_what_is_open_is_what_does_not_cancel(parts: list[list[Entry]]) -> None:
    balances = Balances(compact_above=5)  # small, so that it compacts on the way
    expected: dict[tuple[str | None, int], Decimal] = defaultdict(Decimal)
    for part in parts:
        balances.add(table(part))
        for plan, hour, amount in part:
            expected[plan, hour] += amount
    found = {(row["plan"], row["hour"]): row["amount"] for row in balances.open().to_pylist()}
    assert found == {
        (plan, HOUR + timedelta(hours=hour)): amount for (plan, hour), amount in expected.items() if amount
    }


def test_settled_balances_take_no_memory() -> None:
    balances = Balances(compact_above=10)
    for hour in range(100):
        balances.add(table([("plan-1", hour, Decimal("1.1")), ("plan-1", hour, Decimal("-1.1"))]))
    assert balances.rows <= 10
    assert balances.open().num_rows == 0


def test_days_of_a_plan_are_summed_exactly_and_settled_days_left_out() -> None:
    balances = Balances()
    balances.add(
        table([("p", 1, Decimal("0.1")), ("p", 2, Decimal("0.2")), ("p", 25, Decimal(1)), ("p", 26, Decimal(-1))])
    )
    assert [(row["plan"], row["hour"], row["amount"]) for row in balances.plans.to_pylist()] == [
        ("p", HOUR, Decimal("0.3"))
    ]
