"""CUR batches for tests: by hand as dictionaries, or generated with hypothesis, all line-item types mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
from hypothesis import strategies as st

from staxpipe.focus.mapping import MappingContext, Normalised, normalise

Row = dict[str, str | None]

CONTEXT = MappingContext(export_id="7", delivery_id="assembly-1", line_item_ids=True)

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")

USAGE: Row = {
    "bill_payer_account_id": "001234567890",
    "bill_billing_period_start_date": "2026-10-01T00:00:00Z",
    "bill_billing_period_end_date": "2026-11-01T00:00:00Z",
    "bill_bill_type": "Anniversary",
    "bill_billing_entity": "AWS",
    "bill_invoice_id": "1234",
    "bill_invoicing_entity": "Amazon Web Services, Inc.",
    "identity_line_item_id": "abc",
    "line_item_legal_entity": "Amazon Web Services, Inc.",
    "line_item_usage_account_id": "009876543210",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-10-03T05:00:00Z",
    "line_item_usage_end_date": "2026-10-03T06:00:00Z",
    "line_item_product_code": "AmazonEC2",
    "line_item_usage_type": "BoxUsage:m5.large",
    "line_item_operation": "RunInstances",
    "line_item_availability_zone": "us-east-1a",
    "line_item_resource_id": "i-1",
    "line_item_usage_amount": "2",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "0.25",
    "line_item_line_item_description": "An hour",
    "pricing_public_on_demand_cost": "0.3",
    "pricing_public_on_demand_rate": "0.15",
    "pricing_rate_code": "SKU1.TERM",
    "pricing_unit": "Hrs",
    "product_region_code": "us-east-1",
    "product_sku": "SKU1",
    "product_servicecode": "AmazonEC2",
}

PLAN = "arn:aws:savingsplans::001234567890:savingsplan/1"
CAPACITY = "arn:aws:ec2:us-east-1:001234567890:capacity-reservation/cr-1"
RESERVATION = "arn:aws:ec2:us-east-1:001234567890:reserved-instances/1"


def row(**changes: str | None) -> Row:
    """A usage row with changes."""
    return {**USAGE, **changes}


def batch(rows: Sequence[Mapping[str, str | None]], columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """Rows as the reader hands them over: every column dictionary<int32, string>."""
    names = list(columns) if columns is not None else list(dict.fromkeys(name for item in rows for name in item))
    arrays = [
        pa.array([item.get(name) for item in rows], pa.string())
        .dictionary_encode()
        .cast(pa.dictionary(pa.int32(), pa.string()))
        for name in names
    ]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def mapped(*rows: Row, context: MappingContext = CONTEXT) -> Normalised:
    """Map rows written by hand."""
    return normalise(batch(rows), context)


def one(*rows: Row, context: MappingContext = CONTEXT) -> dict[str, object]:
    """The only FOCUS row of these source rows."""
    (only,) = mapped(*rows, context=context).rows.to_pylist()
    found: dict[str, object] = only
    return found


def costs(found: dict[str, object]) -> tuple[object, ...]:
    """A FOCUS row's four costs."""
    return tuple(found[name] for name in COSTS)


def money(*texts: str) -> tuple[Decimal, ...]:
    """Amounts, to compare costs with."""
    return tuple(Decimal(text) for text in texts)


AMOUNTS = st.one_of(
    st.sampled_from(["0", "0.0", "0.0000000000", "1.81E-8", "1e-07", "-0", "12.5", "+3", ".5", "7."]),
    st.decimals(min_value=-(10**6), max_value=10**6, places=10, allow_nan=False).map(lambda value: f"{value:f}"),
    st.floats(min_value=-1000, max_value=1000, allow_nan=False, width=64).map(repr),
)
SIZES = st.one_of(
    st.sampled_from(["0", "0.0", "1", "24", "1e-07"]),
    st.decimals(min_value=0, max_value=10**6, places=8, allow_nan=False).map(lambda value: f"{value:f}"),
)

TYPES = [
    "Usage",
    "Usage",
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanUpfrontFee",
    "SavingsPlanRecurringFee",
    "RIFee",
    "Fee",
    "Tax",
    "Credit",
    "Refund",
    "Discount",
    "BundledDiscount",
    "EdpDiscount",
    "PrivateRateDiscount",
    "RiVolumeDiscount",
    "SppDiscount",
    "FlatRateSubscription",
    "BrandNewType",
]

_OPTIONAL: dict[str, st.SearchStrategy[str | None]] = {
    "bill_bill_type": st.sampled_from(["Anniversary", "Purchase", "Refund", None]),
    "bill_billing_entity": st.sampled_from(["AWS", "AWS", "AWS Marketplace", None]),
    "bill_billing_period_end_date": st.sampled_from(["2026-11-01T00:00:00Z", "2026-10-31T23:59:59Z", None]),
    "bill_invoice_id": st.sampled_from(["1", "2", None]),
    "bill_invoicing_entity": st.sampled_from(["Amazon Web Services EMEA SARL", None]),
    "bill_payer_account_name": st.sampled_from(["Payer", None]),
    "identity_line_item_id": st.sampled_from(["a", "b", None]),
    "line_item_availability_zone": st.sampled_from(["us-east-1a", "eu-west-1b", "us-west-2-lax-1a", None]),
    "line_item_legal_entity": st.sampled_from(["Amazon Web Services, Inc.", "Red Hat, Inc.", None]),
    "line_item_line_item_description": st.sampled_from(
        ["An hour", "Refund for one-time fee for Savings Plan ID: 1", None]
    ),
    "line_item_net_unblended_cost": st.one_of(st.none(), AMOUNTS),
    "line_item_operation": st.sampled_from(["RunInstances", "EKSPod-EC2", "ECSTask-EC2", None]),
    "line_item_resource_id": st.sampled_from(
        ["i-1", "arn:aws:s3:::bucket", "arn:aws:ec2:us-east-1:001234567890:instance/i-1", None]
    ),
    "line_item_tax_type": st.sampled_from([None, None, "VAT"]),
    "line_item_usage_account_name": st.sampled_from(["Member", None]),
    "line_item_usage_amount": st.one_of(st.none(), st.just("None"), SIZES),
    "line_item_usage_type": st.sampled_from(
        ["BoxUsage:m5.large", "EU-SpotUsage:c5.large", "DataTransfer-Out-Bytes", "Requests-Tier1", "Weird", None]
    ),
    "pricing_currency": st.sampled_from(["USD", None]),
    "pricing_public_on_demand_cost": st.one_of(st.none(), SIZES, st.just("convertible")),
    "pricing_public_on_demand_rate": st.one_of(st.none(), SIZES, st.sampled_from(["No Upfront", "convertible"])),
    "pricing_rate_code": st.sampled_from(["SKU1.TERM", None]),
    "pricing_rate_id": st.sampled_from(["99", None]),
    "pricing_unit": st.sampled_from(["Hrs", "GB-Mo", None]),
    "product_from_region_code": st.sampled_from(["ap-south-1", None]),
    "product_instance_type": st.sampled_from(["m5.large", None]),
    "product_location": st.sampled_from(["EU (Ireland)", "Somewhere", None]),
    "product_product_family": st.sampled_from(["Compute Instance", None]),
    "product_product_name": st.sampled_from(["Red Hat Enterprise Linux", None]),
    "product_region": st.sampled_from(["eu-west-1", "xx-new-1", None]),
    "product_region_code": st.sampled_from(["us-east-1", None]),
    "product_servicecode": st.sampled_from(["AmazonEC2", None]),
    "product_servicename": st.sampled_from(["A service", None]),
    "product_sku": st.sampled_from(["SKU1", "SKU2", None]),
    "product_vcpu": st.sampled_from(["2", None]),
    "reservation_amortized_upfront_fee_for_billing_period": st.one_of(st.none(), SIZES),
    "reservation_effective_cost": st.one_of(st.none(), SIZES),
    "reservation_net_effective_cost": st.one_of(st.none(), SIZES),
    "reservation_net_unused_amortized_upfront_fee_for_billing_period": st.one_of(st.none(), SIZES),
    "reservation_net_unused_recurring_fee": st.one_of(st.none(), SIZES),
    "reservation_reservation_a_r_n": st.sampled_from([RESERVATION, None, None]),
    "reservation_total_reserved_units": st.one_of(st.none(), SIZES, st.just("Partial Upfront")),
    "reservation_unused_amortized_upfront_fee_for_billing_period": st.one_of(st.none(), SIZES),
    "reservation_unused_quantity": st.one_of(st.none(), SIZES),
    "reservation_unused_recurring_fee": st.one_of(st.none(), SIZES),
    "resource_tags/user:Name": st.sampled_from(["web", "db", None]),
    "resource_tags/user:name": st.sampled_from(["lower", None]),
    "resource_tags/aws:createdBy": st.sampled_from(["me", None, None]),
    "resource_tags/user_Name": st.sampled_from(["under", "web", None]),
    "resource_tags/Name": st.sampled_from(["bare", "web", None]),
    "tags/resourceTags/Name": st.sampled_from(["web", "other", None]),
    "tags/accountTag/Name": st.sampled_from(["account", None]),
    "tags/userAttribute/division": st.sampled_from(["people", None]),
    "tags/costCategory/Team": st.sampled_from(["core", "edge", None]),
    "cost_category/Team": st.sampled_from(["core", None]),
    "discount_edp_discount": st.sampled_from(["-0.05", "-0.0500000000", "0.0", None]),
    "discount_total_discount": st.sampled_from(["-0.05", "-12.5", "-3", "0", "none of it", None]),
    "capacity_reservation_capacity_reservation_a_r_n": st.sampled_from([CAPACITY, None]),
    "capacity_reservation_capacity_reservation_status": st.sampled_from(
        ["Used", "Unused", "Reserved", "Cancelled", None]
    ),
    "line_item_net_unblended_rate": st.sampled_from(["0.0", "0.08", None]),
    "line_item_normalized_usage_amount": st.one_of(st.none(), SIZES),
    "reservation_total_reserved_normalized_units": st.one_of(st.none(), SIZES),
    "reservation_unused_normalized_unit_quantity": st.one_of(st.none(), SIZES),
    "split_line_item_parent_resource_id": st.sampled_from([None, None, None, "i-parent"]),
    "split_line_item_split_cost": st.one_of(st.none(), SIZES, st.just("much")),
    "split_line_item_net_split_cost": st.one_of(st.none(), SIZES),
    "split_line_item_unused_cost": st.one_of(st.none(), SIZES),
    "split_line_item_split_usage_ratio": st.one_of(st.none(), st.just("0.25")),
    "split_line_item_actual_usage": st.one_of(st.none(), SIZES),
    "split_line_item_reserved_usage": st.one_of(st.none(), SIZES),
    "product_sku#2": st.sampled_from(["SKU1", None, None]),
    "line_item_usage_amount#2": st.sampled_from(["1.0", "24", None, None]),
    "savings_plan_amortized_upfront_commitment_for_billing_period": st.one_of(st.none(), SIZES),
    "savings_plan_net_amortized_upfront_commitment_for_billing_period": st.one_of(st.none(), SIZES),
    "savings_plan_net_recurring_commitment_for_billing_period": st.one_of(st.none(), SIZES),
    "savings_plan_net_savings_plan_effective_cost": st.one_of(st.none(), SIZES),
    "savings_plan_recurring_commitment_for_billing_period": st.one_of(st.none(), SIZES),
    "savings_plan_savings_plan_a_r_n": st.sampled_from([PLAN, None, None]),
    "savings_plan_savings_plan_effective_cost": st.one_of(st.none(), SIZES),
    "savings_plan_total_commitment_to_date": st.one_of(st.none(), SIZES),
    "savings_plan_used_commitment": st.one_of(st.none(), SIZES),
}

_NEEDED = [
    "reservation_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
]

_ALWAYS: dict[str, st.SearchStrategy[str | None]] = {
    "bill_payer_account_id": st.sampled_from(["001234567890", "111111111111"]),
    "bill_billing_period_start_date": st.sampled_from(["2026-10-01T00:00:00Z", "2026-10-01 00:00:00+00:00"]),
    "line_item_line_item_type": st.sampled_from([*TYPES, None]),
    "line_item_currency_code": st.sampled_from(["USD", "USD", "EUR"]),
    "line_item_product_code": st.sampled_from(["AmazonEC2", "AmazonS3", "5hnnev4d0v7mapf09j0v8of0o2", None]),
    "line_item_unblended_cost": st.one_of(AMOUNTS, st.sampled_from(["oops", "1234567890123", None])),
    "line_item_usage_account_id": st.sampled_from(
        ["001234567890", "222222222222", "222222222222", None, "1234567890", "1.23457E+11", "9999999999999"]
    ),
    "line_item_usage_start_date": st.sampled_from(
        ["2026-10-01T00:00:00Z", "2026-10-03 05:00:00+00:00", "2026-09-30T00:00:00.000Z", "never"]
    ),
    "line_item_usage_end_date": st.sampled_from(["2026-10-31T23:59:59Z", "2026-10-03 06:00:00", None]),
}


@st.composite
def cur_rows(draw: st.DrawFn, max_rows: int = 12) -> tuple[list[str], list[Row]]:
    """Column names and rows of a CUR of any shape."""
    chosen = draw(st.sets(st.sampled_from(sorted(_OPTIONAL)))) | set(_NEEDED)
    strategies = {**_ALWAYS, **{name: _OPTIONAL[name] for name in sorted(chosen)}}
    # A column is there twice only where it is there once.
    strategies = {name: found for name, found in strategies.items() if name.partition("#")[0] in strategies}
    rows: list[Row] = draw(st.lists(st.fixed_dictionaries(strategies), max_size=max_rows))
    return list(strategies), rows
