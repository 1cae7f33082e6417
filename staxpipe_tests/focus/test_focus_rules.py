"""FOCUS 1.2's rules that concern money and enums, on generated batches of every kind of charge."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.mapping import normalise
from staxpipe_tests.focus.batches import CONTEXT, PLAN, RESERVATION, Row, batch, cur_rows, mapped, row
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, NEGATION, RECURRING, RI_FEE

ENUMS: dict[str, set[object]] = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction", None},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other", None},
    "CommitmentDiscountCategory": {"Spend", "Usage", None},
    "CommitmentDiscountStatus": {"Used", "Unused", None},
}
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@settings(max_examples=150, deadline=None)
@given(cur_rows())
def test_every_row_keeps_the_rules(data: tuple[list[str], list[Row]]) -> None:
    columns, rows = data
    result = normalise(batch(rows, columns), CONTEXT)
    for found in result.rows.to_pylist():
        _enums_and_nulls(found)
        _money(found)
        _commitment(found)
        _quantities(found)


def _enums_and_nulls(found: dict[str, object]) -> None:
    for name, allowed in ENUMS.items():
        assert found[name] in allowed, name
    for column in LINE_ITEM_COLUMNS:
        assert column.nullable or found[column.name] is not None, column.name
        assert found[column.name] != "", column.name
    tax = found["ChargeCategory"] == "Tax"
    for name in ("PricingCategory", "PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "SkuId", "SkuPriceId"):
        assert not tax or found[name] is None, name
    if found["ChargeCategory"] in {"Usage", "Purchase"}:
        assert found["PricingCategory"] is not None
        assert found["PricingQuantity"] is not None
    assert found["ChargeCategory"] != "Purchase" or found["ChargeFrequency"] != "Usage-Based"
    for name, needed in (
        ("SkuMeter", "SkuId"),
        ("SkuPriceDetails", "SkuPriceId"),
        ("ResourceType", "ResourceId"),
        ("RegionName", "RegionId"),
        ("SubAccountName", "SubAccountId"),
    ):
        assert found[needed] is not None or found[name] is None, name
    for both in (("RegionId", "RegionName"), ("ResourceId", "ResourceType"), ("SubAccountId", "SubAccountName")):
        assert (found[both[0]] is None) == (found[both[1]] is None), both


def _money(found: dict[str, object]) -> None:
    if found["CommitmentDiscountStatus"] == "Used" and found["x_LineItemType"] == "SavingsPlanCoveredUsage":
        assert found["BilledCost"] == 0  # rule 1
    future = found["x_LineItemType"] in {"SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee"}
    if future and found["ChargeCategory"] == "Purchase":
        assert found["EffectiveCost"] == 0  # rule 2
        assert found["PricingCategory"] == "Standard"  # rule 5
        assert found["CommitmentDiscountId"] is None or found["ResourceId"] == found["CommitmentDiscountId"]
    if found["ChargeCategory"] in {"Credit", "Tax"}:
        assert len({found[name] for name in COSTS}) == 1  # rule 6
    for name in ("ListUnitPrice", "ContractedUnitPrice"):
        price = found[name]
        assert price is None or (isinstance(price, Decimal) and price >= 0), name
    if found["ChargeClass"] == "Correction":  # rule 8
        assert found["ChargePeriodStart"] < found["BillingPeriodStart"]  # type: ignore[operator]


def _commitment(found: dict[str, object]) -> None:
    there = found["CommitmentDiscountId"] is not None
    assert (found["CommitmentDiscountCategory"] is not None) == there
    assert (found["CommitmentDiscountType"] is not None) == there
    assert there or found["CommitmentDiscountStatus"] is None
    assert (found["CommitmentDiscountQuantity"] is None) == (found["CommitmentDiscountUnit"] is None)


def _quantities(found: dict[str, object]) -> None:
    unused = found["CommitmentDiscountStatus"] == "Unused"
    if found["ChargeCategory"] != "Usage" or unused:
        assert found["ConsumedQuantity"] is None
    assert (found["ConsumedQuantity"] is None) == (found["ConsumedUnit"] is None)
    assert (found["PricingQuantity"] is None) == (found["PricingUnit"] is None)


def test_every_fee_of_a_commitment_has_its_unused_row() -> None:  # rule 4
    rows = mapped(RI_FEE, RECURRING, row()).rows.to_pylist()
    statuses = [(found["CommitmentDiscountId"], found["CommitmentDiscountStatus"]) for found in rows]
    assert statuses == [
        (RESERVATION, None),
        (PLAN, None),
        (None, None),
        (RESERVATION, "Unused"),
        (PLAN, "Unused"),
    ]


def test_what_a_plan_covers_and_leaves_unused_is_what_it_bills() -> None:  # rule 3
    # 6.5 of a commitment of 8 are used, half of it paid upfront and half by the recurring fee.
    covered = {**COVERED, "savings_plan_savings_plan_effective_cost": "6.5", "line_item_unblended_cost": "10"}
    negation = {**NEGATION, "line_item_unblended_cost": "-10"}
    upfront = row(
        line_item_line_item_type="SavingsPlanUpfrontFee",
        savings_plan_savings_plan_a_r_n=PLAN,
        line_item_unblended_cost="3",
    )
    rows = mapped(covered, negation, upfront, RECURRING).rows.to_pylist()
    of_plan = [found for found in rows if found["CommitmentDiscountId"] == PLAN]
    effective = sum(found["EffectiveCost"] for found in of_plan if found["ChargeCategory"] == "Usage")
    billed = sum(found["BilledCost"] for found in of_plan if found["ChargeCategory"] == "Purchase")
    assert effective == billed == Decimal(8)


def test_what_a_reservation_covers_and_leaves_unused_is_what_it_bills_and_amortises() -> None:  # rule 3
    discounted = {**DISCOUNTED, "reservation_effective_cost": "23.57"}
    rows = mapped(discounted, RI_FEE).rows.to_pylist()
    effective = sum(found["EffectiveCost"] for found in rows)
    assert effective == Decimal("22.32") + Decimal(3)


def test_discounts_stay_rows_of_their_own_where_aws_delivers_them_so() -> None:
    # FOCUS (rule 7) would rather have them inside the rows they discount. A CUR does not say which rows those are.
    rows = mapped(row(), row(line_item_line_item_type="EdpDiscount", line_item_unblended_cost="-0.05")).rows
    assert rows.column("BilledCost").to_pylist() == [Decimal("0.25"), Decimal("-0.05")]
