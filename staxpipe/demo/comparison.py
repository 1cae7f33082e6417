"""What staxpipe shows against what the generator knows: to the last digit, by month and charge category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from staxpipe.model import BillingPeriod
from staxpipe.query.connection import Connection
from staxpipe.synthetic.books import Sums
from staxpipe.synthetic.month import Month

Totals = Mapping[tuple[str, str], Sums]
"""By month (YYYY-MM) and charge category."""

_LAKE = """
    SELECT strftime(BillingPeriodStart, '%Y-%m') AS period, ChargeCategory AS category, count(*) AS rows,
           sum(BilledCost) AS billed, sum(EffectiveCost) AS effective, sum(ListCost) AS list
    FROM line_items GROUP BY ALL
"""
_MARTS = """
    SELECT period, charge_category AS category, sum(line_items)::BIGINT AS rows,
           sum(billed_cost) AS billed, sum(effective_cost) AS effective, sum(list_cost) AS list
    FROM daily_costs GROUP BY ALL
"""
_BY_SERVICE = """
    SELECT service_name AS service, period, sum(billed_cost) AS billed, sum(effective_cost) AS effective
    FROM daily_costs GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class MonthComparison:
    """One month: what the generator expects, and what line items and daily costs come to."""

    period: BillingPeriod
    expected: Sums
    lake: Sums
    marts: Sums
    differing: tuple[str, ...]  # "marts Usage": where a category's rows or costs are not as expected

    @property
    def agrees(self) -> bool:
        """Whether every category is as expected in both, to the last digit."""
        return not self.differing


@dataclass(frozen=True)
class ServiceCost:
    """A service's cost in a month."""

    service: str
    period: str
    billed: Decimal
    effective: Decimal


def lake_totals(connection: Connection, account: str) -> Totals:
    """Sums of the line items."""
    return _totals(connection, _LAKE, account)


def marts_totals(connection: Connection, account: str) -> Totals:
    """Sums of the daily costs."""
    return _totals(connection, _MARTS, account)


def cost_by_service(connection: Connection, account: str) -> list[ServiceCost]:
    """What each service costs each month."""
    rows = connection.arrow(_BY_SERVICE, account=account).to_pylist()
    return [ServiceCost(row["service"], row["period"], row["billed"], row["effective"]) for row in rows]


def compare(months: Sequence[Month], lake: Totals, marts: Totals) -> list[MonthComparison]:
    """Compare each month, category by category."""
    return [_compare(month, lake, marts) for month in months]


def _compare(month: Month, lake: Totals, marts: Totals) -> MonthComparison:
    period = str(month.period)
    expected = {(period, category): sums for category, sums in month.expected.focus_by_category.items()}
    sides = {
        name: {key: sums for key, sums in totals.items() if key[0] == period}
        for name, totals in (("line items", lake), ("daily costs", marts))
    }
    differing = tuple(
        f"{name}, {key[1]}"
        for name, side in sides.items()
        for key in sorted(expected.keys() | side.keys())
        if side.get(key) != expected.get(key)
    )
    return MonthComparison(
        month.period, _sum(expected), _sum(sides["line items"]), _sum(sides["daily costs"]), differing
    )


def _sum(totals: Totals) -> Sums:
    return sum(totals.values(), Sums())


def _totals(connection: Connection, query: str, account: str) -> Totals:
    rows = connection.arrow(query, account=account).to_pylist()
    return {
        (row["period"], row["category"]): Sums(row["rows"], row["billed"], row["effective"], row["list"])
        for row in rows
    }
