"""The rules of the mapping, one by one, on rows written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA, TEXT, TEXT_MAP
from staxpipe.focus.mapping import MappingContext, normalise
from staxpipe.focus.source_columns import REQUIRED
from staxpipe.focus.tally import Tally
from staxpipe.model import BillingPeriod
from staxpipe_tests.focus.batches import (
    CONTEXT,
    PLAN,
    RESERVATION,
    Row,
    batch,
    costs,
    cur_rows,
    mapped,
    money,
    one,
    row,
)
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, NEGATION, RECURRING, RI_FEE


def test_the_schema_is_the_lake_s_with_texts_as_dictionaries() -> None:
    rows = mapped(row()).rows
    assert rows.schema.names == LINE_ITEM_SCHEMA.names
    for field in LINE_ITEM_SCHEMA:
        found = rows.column(field.name)
        assert found.type != field.type if field.type in (TEXT, TEXT_MAP) else found.type == field.type
        assert found.cast(field.type).to_pylist() == found.to_pylist()
        assert field.nullable or rows.column(field.name).null_count == 0, field.name


def test_usage_costs_what_it_costs() -> None:
    found = one(row())
    assert costs(found) == money("0.25", "0.25", "0.3", "0.25")
    assert (found["ConsumedQuantity"], found["ConsumedUnit"]) == (Decimal(2), "Hrs")
    assert (found["ListUnitPrice"], found["ContractedUnitPrice"]) == money("0.15", "0.125")
    assert (found["ChargeCategory"], found["ChargeFrequency"], found["PricingCategory"]) == (
        "Usage",
        "Usage-Based",
        "Standard",
    )


def test_spot_usage_is_dynamic_and_its_list_cost_is_never_below_what_it_costs() -> None:
    found = one(
        row(
            line_item_usage_type="EU-SpotUsage:c5.large",
            pricing_public_on_demand_cost="0.0",
            pricing_public_on_demand_rate=None,
        )
    )
    assert found["PricingCategory"] == "Dynamic"
    assert found["ListCost"] == Decimal("0.25")


def test_the_list_cost_is_rate_times_quantity_where_there_is_no_on_demand_cost() -> None:
    assert one(row(pricing_public_on_demand_cost=None))["ListCost"] == Decimal("0.3")
    assert one(row(pricing_public_on_demand_cost="0.0"))["ListCost"] == Decimal("0.3")


def test_covered_usage_bills_nothing_and_is_effective_at_the_plan_s_price() -> None:
    (found,) = mapped(COVERED, NEGATION).rows.to_pylist()
    assert costs(found) == money("0", "0.1", "0.3", "0.25")
    assert (found["CommitmentDiscountStatus"], found["CommitmentDiscountId"]) == ("Used", PLAN)
    assert (found["CommitmentDiscountQuantity"], found["CommitmentDiscountUnit"]) == (Decimal("0.1"), "USD")
    assert (found["CommitmentDiscountCategory"], found["CommitmentDiscountType"]) == ("Spend", "Savings Plan")
    assert found["PricingCategory"] == "Committed"


def test_discounted_usage_is_effective_at_the_reservation_s_price() -> None:
    found = one(DISCOUNTED)
    assert costs(found) == money("0", "0.12", "0.3", "0.3")
    assert (found["CommitmentDiscountStatus"], found["CommitmentDiscountCategory"]) == ("Used", "Usage")
    assert (found["CommitmentDiscountQuantity"], found["CommitmentDiscountUnit"]) == (Decimal(2), "Hours")


def test_discounted_usage_that_costs_something_keeps_its_money_and_is_told() -> None:
    result = mapped({**DISCOUNTED, "line_item_unblended_cost": "0.01"})
    assert result.rows.column("BilledCost").to_pylist() == [Decimal("0.01")]
    (found,) = result.tally.discounted.values()
    assert (found.rows, found.cost) == (1, Decimal("0.01"))


def test_a_reservation_fee_is_a_purchase_and_an_unused_row() -> None:
    fee, unused = mapped(RI_FEE).rows.to_pylist()
    assert costs(fee) == money("22.32", "0", "22.32", "22.32")
    assert costs(unused) == money("0", "1.75", "0", "0")
    assert (fee["ChargeCategory"], fee["ChargeFrequency"], fee["PricingCategory"]) == (
        "Purchase",
        "Recurring",
        "Standard",
    )
    assert (unused["ChargeCategory"], unused["ChargeFrequency"], unused["PricingCategory"]) == (
        "Usage",
        "Usage-Based",
        "Committed",
    )
    assert (fee["CommitmentDiscountStatus"], unused["CommitmentDiscountStatus"]) == (None, "Unused")
    assert (fee["ResourceId"], unused["ResourceId"]) == (RESERVATION, RESERVATION)
    assert (fee["PricingQuantity"], unused["PricingQuantity"]) == money("744", "44")
    assert unused["ConsumedQuantity"] is None
    assert unused["ChargeDescription"] == "An hour (unused)"
    assert fee["ChargePeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)


def test_a_recurring_plan_fee_is_a_purchase_and_the_commitment_that_was_not_used() -> None:
    fee, unused = mapped(RECURRING).rows.to_pylist()
    assert costs(fee) == money("5", "0", "5", "5")
    assert costs(unused) == money("0", "1.5", "0", "0")
    # The fee pays the recurring part; an upfront fee of 3 has the rest of the commitment of 8 in a row of its own.
    assert (fee["CommitmentDiscountQuantity"], unused["CommitmentDiscountQuantity"]) == money("5", "1.5")


def test_the_unused_part_of_a_plan_shrinks_with_its_net_commitment() -> None:
    _, unused = mapped(
        {
            **RECURRING,
            "savings_plan_amortized_upfront_commitment_for_billing_period": "2",
            "savings_plan_recurring_commitment_for_billing_period": "6",
            "savings_plan_net_amortized_upfront_commitment_for_billing_period": "1",
            "savings_plan_net_recurring_commitment_for_billing_period": "5",
        }
    ).rows.to_pylist()
    assert unused["EffectiveCost"] == Decimal("1.125")


@pytest.mark.parametrize(
    "changes",
    [
        {"line_item_line_item_type": "SavingsPlanUpfrontFee", "savings_plan_savings_plan_a_r_n": PLAN},
        {"line_item_line_item_type": "Fee", "reservation_reservation_a_r_n": RESERVATION},
        {
            "line_item_line_item_type": "Refund",
            "savings_plan_savings_plan_a_r_n": PLAN,
            "line_item_line_item_description": "Refund for one-time fee for Savings Plan ID: 1",
        },
    ],
)
def test_upfront_money_is_billed_once_and_effective_never(changes: Row) -> None:
    found = one(row(**changes))
    assert costs(found) == money("0.25", "0", "0.25", "0.25")
    assert (found["ChargeCategory"], found["ChargeFrequency"]) == ("Purchase", "One-Time")


@pytest.mark.parametrize(
    ("line_item_type", "category", "frequency", "pricing"),
    [
        ("Fee", "Purchase", "One-Time", "Standard"),
        ("Tax", "Tax", "One-Time", None),
        ("Credit", "Credit", "One-Time", None),
        ("Refund", "Usage", "One-Time", "Standard"),
        ("Discount", "Usage", "Usage-Based", "Standard"),
        ("BundledDiscount", "Usage", "Usage-Based", "Standard"),
        ("EdpDiscount", "Usage", "Usage-Based", "Standard"),
        ("PrivateRateDiscount", "Usage", "Usage-Based", "Standard"),
        ("RiVolumeDiscount", "Usage", "Usage-Based", "Standard"),
        ("SppDiscount", "Usage", "Usage-Based", "Standard"),
        ("FlatRateSubscription", "Usage", "Recurring", "Standard"),
        ("NeverSeenBefore", "Adjustment", "One-Time", None),
    ],
)
def test_every_other_type_keeps_its_money_in_all_four_costs(
    line_item_type: str, category: str, frequency: str, pricing: str | None
) -> None:
    found = one(
        row(
            line_item_line_item_type=line_item_type,
            line_item_unblended_cost="-1.5",
            pricing_public_on_demand_cost=None,
            pricing_public_on_demand_rate=None,
        )
    )
    assert costs(found) == money("-1.5", "-1.5", "-1.5", "-1.5")
    assert (found["ChargeCategory"], found["ChargeFrequency"], found["PricingCategory"]) == (
        category,
        frequency,
        pricing,
    )
    assert found["x_LineItemType"] == line_item_type
    if category == "Usage" and line_item_type != "FlatRateSubscription":
        assert found["ConsumedQuantity"] == 0  # discounts and refunds consume nothing more
        assert found["ContractedUnitPrice"] == Decimal("0.75")  # money back: negative quantity, positive price


def test_an_unknown_type_is_reported() -> None:
    assert mapped(row(line_item_line_item_type="NeverSeenBefore")).tally.unknown_types == {"NeverSeenBefore": 1}
    assert one(row(line_item_line_item_type=None))["x_LineItemType"] == "Unknown"


def test_a_refund_keeps_the_category_of_what_it_refunds() -> None:
    def category(**changes: str | None) -> object:
        return one(row(line_item_line_item_type="Refund", **changes))["ChargeCategory"]

    assert category() == "Usage"
    assert category(line_item_tax_type="VAT") == "Tax"
    assert category(reservation_reservation_a_r_n=RESERVATION) == "Purchase"


def test_only_a_refund_of_an_earlier_period_is_a_correction() -> None:
    earlier = {"line_item_usage_start_date": "2026-09-03T00:00:00Z"}
    assert one(row(line_item_line_item_type="Refund", **earlier))["ChargeClass"] == "Correction"
    assert one(row(line_item_line_item_type="Refund"))["ChargeClass"] is None
    assert one(row(**earlier))["ChargeClass"] is None


def test_net_costs_go_first_column_by_column_and_row_by_row() -> None:
    assert costs(one(row(line_item_net_unblended_cost="0.2")))[:2] == money("0.2", "0.2")
    rows = mapped(row(line_item_net_unblended_cost="0.2"), row(line_item_net_unblended_cost=None)).rows
    assert rows.column("BilledCost").to_pylist() == [Decimal("0.2"), Decimal("0.25")]
    covered = {**COVERED, "savings_plan_net_savings_plan_effective_cost": "0.08"}
    assert one(covered)["EffectiveCost"] == Decimal("0.08")
    assert one({**DISCOUNTED, "reservation_net_effective_cost": "0.11"})["EffectiveCost"] == Decimal("0.11")
    _, unused = mapped({**RI_FEE, "reservation_net_unused_recurring_fee": "0.4"}).rows.to_pylist()
    assert unused["EffectiveCost"] == Decimal("1.65")


def test_a_missing_arn_makes_no_commitment() -> None:
    found = one(row(savings_plan_savings_plan_a_r_n="", reservation_reservation_a_r_n=None))
    assert {name: value for name, value in found.items() if name.startswith("Commitment") and value is not None} == {}


def test_tax_has_no_price_and_no_sku() -> None:
    found = one(row(line_item_line_item_type="Tax"))
    nothing = ("SkuId", "SkuMeter", "SkuPriceId", "SkuPriceDetails", "PricingQuantity", "PricingUnit", "ListUnitPrice")
    assert {name: found[name] for name in nothing} == dict.fromkeys(nothing)


def test_account_ids_keep_their_zeros() -> None:
    found = one(row())
    assert (found["BillingAccountId"], found["SubAccountId"]) == ("001234567890", "009876543210")


def test_a_region_has_one_name_and_may_come_from_the_zone() -> None:
    nothing: Row = {"product_region_code": None}
    assert (
        one(row(product_location="EU (Ireland)", product_region_code="eu-west-1"))["RegionName"] == "Europe (Ireland)"
    )
    assert one(row(**nothing))["RegionId"] == "us-east-1"
    assert one(row(**nothing, product_region="ap-south-1"))["RegionId"] == "ap-south-1"
    assert one(row(**nothing, line_item_availability_zone=None))["RegionName"] is None
    assert one(row(product_region_code="xx-new-1", product_location="New Place"))["RegionName"] == "New Place"


def test_tags_and_cost_categories_are_maps_without_what_is_not_there() -> None:
    rows = mapped(
        row(**{"resource_tags/user:Name": "web", "resource_tags/aws:createdBy": "me", "cost_category/Team": "core"}),
        row(),
    ).rows
    assert rows.column("Tags").to_pylist() == [[("Name", "web"), ("aws:createdBy", "me")], None]
    assert rows.column("x_CostCategories").to_pylist() == [[("Team", "core")], None]


def test_sku_details_use_focus_names_where_focus_has_one() -> None:
    found = one(row(product_instance_type="m5.large", product_tenancy="Shared"))
    assert found["SkuPriceDetails"] == [("InstanceType", "m5.large"), ("x_Tenancy", "Shared")]


def test_line_item_ids_are_kept_only_when_asked_for() -> None:
    assert one(row())["x_LineItemId"] == "abc"
    assert one(row(), context=MappingContext("7", "assembly-1"))["x_LineItemId"] is None


def test_lineage_is_on_every_row() -> None:
    for found in mapped(row(), RI_FEE).rows.to_pylist():
        assert (found["x_ExportId"], found["x_DeliveryId"]) == ("7", "assembly-1")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("line_item_unblended_cost", "free", "is not a number"),
        ("line_item_unblended_cost", None, "is empty"),
        ("line_item_unblended_cost", "1234567890123", "has more than 12 digits before the decimal point"),
        ("line_item_usage_amount", "much", "is not a number"),
        ("line_item_usage_start_date", "yesterday", "is not a date and time"),
        ("line_item_usage_end_date", None, "is empty"),
        ("bill_payer_account_id", None, "is empty"),
        ("line_item_currency_code", None, "is empty"),
        ("bill_billing_period_start_date", "soon", "is not a date and time"),
    ],
)
def test_a_row_that_cannot_be_mapped_is_refused_with_its_place(column: str, value: str | None, reason: str) -> None:
    result = normalise(batch([row(), row(**{column: value}), row()]), CONTEXT, first_row=101)
    (refused,) = result.rejected
    assert (refused.row, refused.column, refused.value, refused.reason) == (102, column, value or "", reason)
    assert result.rows.num_rows == 2
    assert (result.tally.rows_quarantined, result.tally.rows_written) == (1, 2)


def test_words_in_columns_that_decide_nothing_cost_no_row() -> None:
    odd = row(
        pricing_public_on_demand_cost="convertible",
        pricing_public_on_demand_rate="Partial Upfront",
        reservation_total_reserved_units="No Upfront",
        reservation_effective_cost="Partial Upfront",
        line_item_usage_amount="None",
    )
    result = mapped(odd)
    assert result.rejected == ()
    assert result.rows.column("BilledCost").to_pylist() == [Decimal("0.25")]
    assert result.rows.column("ListCost").to_pylist() == [Decimal("0.25")]
    assert result.tally.rows_unlisted == 1


def test_absent_required_columns_are_all_named() -> None:
    for missing in (REQUIRED, {"line_item_unblended_cost"}):
        columns = sorted(row().keys() - missing)
        with pytest.raises(PermanentError) as error:
            normalise(batch([row()], columns), CONTEXT)
        assert all(name in str(error.value) for name in missing)


def test_the_columns_that_tell_the_amortised_cost_are_required_by_the_rows_that_need_them() -> None:
    columns = sorted(RI_FEE.keys() - {"reservation_unused_recurring_fee"})
    with pytest.raises(PermanentError, match="reservation_unused_recurring_fee"):
        normalise(batch([RI_FEE], columns), CONTEXT)
    assert normalise(batch([row()], sorted(row())), CONTEXT).rows.num_rows == 1


def test_before_2018_reservations_have_no_amortised_cost_and_load() -> None:
    old = {
        name: text
        for name, text in DISCOUNTED.items()
        if name not in ("reservation_effective_cost", "bill_billing_period_end_date")
    } | {"bill_billing_period_start_date": "2017-06-01T00:00:00Z"}
    result = mapped(old)
    assert result.rows.column("EffectiveCost").to_pylist() == [Decimal(0)]
    assert result.tally.rows_unamortised == 1


def test_without_types_nothing_may_be_assumed_of_a_file_with_commitments() -> None:
    columns = sorted(COVERED.keys() - {"line_item_line_item_type"})
    with pytest.raises(PermanentError, match="line_item_line_item_type"):
        normalise(batch([COVERED], columns), CONTEXT)


def test_a_reduced_export_loads_with_its_assumptions_counted() -> None:
    reduced = {name: row()[name] for name in REQUIRED}
    result = mapped(reduced, reduced)
    assert result.tally.assumed == {
        "line_item_line_item_type": 2,
        "line_item_currency_code": 2,
        "bill_billing_period_start_date": 2,
    }
    first = result.rows.to_pylist()[0]
    assert (first["BillingPeriodStart"], first["BillingPeriodEnd"]) == (
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    )
    assert (first["BillingCurrency"], first["x_LineItemType"]) == ("USD", "Usage")


def test_rows_of_other_periods_are_left_out_of_shared_files_and_refused_otherwise() -> None:
    november = row(bill_billing_period_start_date="2026-11-01T00:00:00Z", line_item_unblended_cost="oops")
    shared = MappingContext("7", "d", period=BillingPeriod(2026, 10))
    result = mapped(row(), november, context=shared)
    assert (result.rows.num_rows, result.rejected, result.tally.rows_elsewhere) == (1, (), 1)
    assert result.tally.periods == {BillingPeriod(2026, 10)}
    with pytest.raises(PermanentError, match="2026-10, 2026-11"):
        mapped(row(), november)


def test_an_empty_batch_gives_an_empty_batch() -> None:
    result = normalise(batch([row()]).slice(0, 0), CONTEXT)
    assert (result.rows.num_rows, result.rows.schema.names) == (0, LINE_ITEM_SCHEMA.names)
    assert result.tally.rows_read == 0


def in_any_order(rows: list[dict[str, object]]) -> list[str]:
    return sorted(repr(sorted(found.items())) for found in rows)


@settings(max_examples=60, deadline=None)
@given(cur_rows(), st.integers(0, 12))
def test_splitting_a_batch_anywhere_changes_nothing(data: tuple[list[str], list[Row]], at: int) -> None:
    columns, rows = data
    whole = normalise(batch(rows, columns), CONTEXT)
    parts = [normalise(batch(part, columns), CONTEXT, first) for part, first in ((rows[:at], 1), (rows[at:], at + 1))]
    joined = Tally()
    for part in parts:
        joined.add(part.tally)
    found = [found for part in parts for found in part.rows.to_pylist()]
    assert in_any_order(found) == in_any_order(whole.rows.to_pylist())
    assert tuple(refused for part in parts for refused in part.rejected) == whole.rejected
    left, right = joined.balances.open(), whole.tally.balances.open()
    assert sorted(map(repr, left.to_pylist())) == sorted(map(repr, right.to_pylist()))
    joined.balances = whole.tally.balances
    assert joined == whole.tally


@settings(max_examples=60, deadline=None)
@given(cur_rows())
def test_slices_of_a_batch_map_like_batches_of_their_own(data: tuple[list[str], list[Row]]) -> None:
    columns, rows = data
    sliced = normalise(batch([*rows, *rows], columns).slice(len(rows)), CONTEXT)
    assert sliced.rows.to_pylist() == normalise(batch(rows, columns), CONTEXT).rows.to_pylist()
