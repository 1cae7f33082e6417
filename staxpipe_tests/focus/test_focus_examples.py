"""The commitment examples of FOCUS 1.2 and what real reservations add up to."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from staxpipe_tests.focus.batches import PLAN, RESERVATION, mapped, row
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, RECURRING, RI_FEE
from staxpipe_tests.focus.test_real_files import load

pytestmark = pytest.mark.outside_data

UPFRONT = row(
    line_item_line_item_type="SavingsPlanUpfrontFee",
    savings_plan_savings_plan_a_r_n=PLAN,
    line_item_unblended_cost="4380",
)
PARTIAL = {**RECURRING, "line_item_unblended_cost": "0.50", "savings_plan_total_commitment_to_date": "1"}
"""An hour of a plan of 1 USD an hour, half of it paid upfront."""


def examples(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / "focus-1.2-examples" / name
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def same(found: dict[str, object], example: dict[str, str], columns: tuple[str, ...]) -> None:
    for name in columns:
        text = example[name]
        wanted: object = None if text in ("", "null") else text
        value = found[name]
        assert value == (Decimal(text) if isinstance(value, Decimal) else wanted), name


PURCHASE = (
    "ChargeCategory",
    "ChargeFrequency",
    "PricingCategory",
    "BilledCost",
    "EffectiveCost",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
)


def test_a_partial_upfront_purchase_is_two_purchases_that_add_up(outside_data: Path) -> None:
    one_time, recurring, *_ = examples(
        outside_data, "commitment_discount_scenarios/commitment_discount_purchase_scenario_3.csv"
    )
    upfront, fee, _ = mapped(UPFRONT, PARTIAL).rows.to_pylist()
    same(upfront, one_time, PURCHASE)
    same(fee, recurring, PURCHASE)
    assert (fee["ResourceId"], upfront["ResourceId"]) == (PLAN, PLAN)


def test_used_and_unused_parts_of_a_plan(outside_data: Path) -> None:
    used, unused = examples(outside_data, "commitment_discount_scenarios/commitment_discount_usage_scenario_3.csv")
    columns = (
        "ChargeCategory",
        "ChargeFrequency",
        "PricingCategory",
        "BilledCost",
        "EffectiveCost",
        "ConsumedQuantity",
        "CommitmentDiscountQuantity",
        "CommitmentDiscountStatus",
        "CommitmentDiscountUnit",
    )
    covered = {**COVERED, "savings_plan_savings_plan_effective_cost": "0.75", "line_item_usage_amount": "1"}
    rows = mapped(covered, {**PARTIAL, "savings_plan_used_commitment": "0.75"}).rows.to_pylist()
    same(rows[0], used, columns)
    same(rows[2], unused, columns)
    assert rows[2]["ResourceId"] == PLAN


def test_a_flexible_reservation(outside_data: Path) -> None:
    bought, used, *_ = examples(
        outside_data,
        "commitment_discount_flexibility/"
        "one_hundred_percent_utilization_with_commitment_discount_flexibility_with_2_resources.csv",
    )
    columns = (
        "ChargeCategory",
        "ChargeFrequency",
        "PricingCategory",
        "BilledCost",
        "EffectiveCost",
        "CommitmentDiscountCategory",
        "CommitmentDiscountQuantity",
        "CommitmentDiscountStatus",
    )
    fee = {**RI_FEE, "line_item_unblended_cost": "2.00", "reservation_total_reserved_normalized_units": "4"}
    usage = {
        **DISCOUNTED,
        "reservation_effective_cost": "1",
        "line_item_usage_amount": "1",
        "line_item_normalized_usage_amount": "2",
    }
    rows = mapped(fee, usage).rows.to_pylist()
    bought["CommitmentDiscountStatus"] = ""
    same(rows[0], bought, columns)
    same(rows[1], used, (*columns, "PricingQuantity", "ConsumedQuantity"))
    assert {rows[0]["CommitmentDiscountUnit"], rows[1]["CommitmentDiscountUnit"]} == {"Normalized Hours"}
    assert rows[1]["CommitmentDiscountId"] == RESERVATION


@pytest.mark.parametrize(("month", "reservations"), [("Oct", 9), ("Nov", 9)])
def test_what_a_real_reservation_covers_and_leaves_is_what_was_reserved(
    outside_data: Path, month: str, reservations: int
) -> None:
    # Most of these are size-flexible: in plain hours they do not add up.
    table, _, _ = load(outside_data / "workshop-2018" / f"{month}2018-WorkshopCUR-00001.snappy.parquet")
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    names = ("CommitmentDiscountId", "ChargeCategory", "CommitmentDiscountQuantity", "CommitmentDiscountUnit")
    for arn, category, quantity, unit in zip(*(table.column(name).to_pylist() for name in names), strict=True):
        if arn is not None:
            assert unit == "Normalized Hours" or quantity == 0
            sums[arn][category] += quantity
    assert len(sums) == reservations
    for of in sums.values():
        assert abs(of["Usage"] - of["Purchase"]) < Decimal("0.001")
