"""What a row costs after discounts: never subtracted twice, never lost, and the same from 0.0 as from nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe_tests.focus.batches import Row, mapped, one, row
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, RECURRING, RI_FEE


def billed(*rows: Row) -> Decimal:
    return sum(mapped(*rows).rows.column("BilledCost").to_pylist(), Decimal(0))


def test_the_net_cost_is_the_cost_and_its_discounts_are_not_subtracted_again() -> None:
    found = one(
        row(
            line_item_net_unblended_cost="0.2",
            discount_edp_discount="-0.05",
            discount_total_discount="-0.05",
        )
    )
    assert (found["BilledCost"], found["EffectiveCost"]) == (Decimal("0.2"), Decimal("0.2"))
    assert found["x_Discounts"] == [("edp_discount", "-0.05"), ("total_discount", "-0.05")]


def test_without_a_net_column_discounts_are_information_only() -> None:
    found = one(row(discount_edp_discount="-0.05", discount_total_discount="-0.05"))
    assert found["BilledCost"] == Decimal("0.25")
    assert found["x_Discounts"] == [("edp_discount", "-0.05"), ("total_discount", "-0.05")]


def test_discounts_as_rows_count_where_there_is_no_net_column() -> None:
    discount = row(line_item_line_item_type="EdpDiscount", line_item_unblended_cost="-0.05")
    assert billed(row(), discount) == Decimal("0.20")


@pytest.mark.parametrize("nothing", [None, "0", "0.0"])
def test_discounts_as_rows_count_nothing_where_the_net_costs_have_them(nothing: str | None) -> None:
    discount = row(
        line_item_line_item_type="EdpDiscount",
        line_item_unblended_cost="-0.05",
        line_item_net_unblended_cost=nothing,
    )
    assert billed(row(line_item_net_unblended_cost="0.2"), discount) == Decimal("0.20")


def test_a_discount_s_own_net_cost_counts() -> None:
    # As with manual discount compatibility: the rows keep their cost, and the discount has its own.
    discount = row(
        line_item_line_item_type="EdpDiscount",
        line_item_unblended_cost="-0.05",
        line_item_net_unblended_cost="-0.05",
    )
    assert billed(row(line_item_net_unblended_cost="0.25"), discount) == Decimal("0.20")


@pytest.mark.parametrize("nothing", [None, "0", "0.0", "0.0000000000"])
def test_a_net_cost_that_says_nothing_leaves_the_unblended_cost(nothing: str | None) -> None:
    result = mapped(row(line_item_net_unblended_cost="0.2"), row(line_item_net_unblended_cost=nothing))
    assert result.rows.column("BilledCost").to_pylist() == [Decimal("0.2"), Decimal("0.25")]


def test_a_net_cost_of_zero_that_nothing_confirms_is_told() -> None:
    result = mapped(row(line_item_net_unblended_cost="0.0"))
    assert result.tally.net_zero[("001234567890", "USD")].cost == Decimal("0.25")


@pytest.mark.parametrize("nothing", [None, "0.0"])
@pytest.mark.parametrize(
    "proof",
    [
        {"line_item_net_unblended_rate": "0.0"},
        {"discount_total_discount": "-0.25"},
        {"discount_edp_discount": "-0.05", "discount_bundled_discount": "-0.2000000000"},
        {"discount_edp_discount": "-0.05", "discount_total_discount": "-0.25"},
    ],
)
def test_usage_that_a_discount_takes_away_whole_costs_nothing(nothing: str | None, proof: Row) -> None:
    # AWS is known to discount some rows to 0 until an agreement's amount is reached (FOCUS_Spec issue 78).
    result = mapped(row(line_item_net_unblended_cost=nothing, **proof))
    assert result.rows.column("BilledCost").to_pylist() == [Decimal(0)]
    assert result.tally.net_zero == {}


@pytest.mark.parametrize(
    "no_proof", [{"line_item_net_unblended_rate": "0.08"}, {"discount_total_discount": "-0.1"}, {}]
)
def test_less_than_that_does_not(no_proof: Row) -> None:
    assert one(row(line_item_net_unblended_cost="0.0", **no_proof))["BilledCost"] == Decimal("0.25")


@pytest.mark.parametrize("nothing", [None, "0.0"])
def test_every_net_column_falls_back_by_itself(nothing: str | None) -> None:
    covered = {**COVERED, "savings_plan_net_savings_plan_effective_cost": nothing}
    assert one(covered)["EffectiveCost"] == Decimal("0.1")
    assert one({**DISCOUNTED, "reservation_net_effective_cost": nothing})["EffectiveCost"] == Decimal("0.12")
    fee: Row = {
        **RI_FEE,
        "reservation_net_unused_recurring_fee": "0.4",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period": nothing,
    }
    assert mapped(fee).rows.column("EffectiveCost").to_pylist() == [Decimal(0), Decimal("1.65")]
    plan: Row = {
        **RECURRING,
        "savings_plan_recurring_commitment_for_billing_period": "6",
        "savings_plan_amortized_upfront_commitment_for_billing_period": "2",
        "savings_plan_net_recurring_commitment_for_billing_period": "3",
        "savings_plan_net_amortized_upfront_commitment_for_billing_period": nothing,
    }
    # Only the recurring part tells its discount, so it stands for both: half of 1.5.
    assert mapped(plan).rows.column("EffectiveCost").to_pylist() == [Decimal(0), Decimal("0.75")]
