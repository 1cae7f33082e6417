"""AWS's own FOCUS rows for tests, written by hand as the reader hands them over."""

from __future__ import annotations

from staxpipe.focus.mapping import Normalised
from staxpipe.focus.passthrough import pass_through
from staxpipe_tests.focus.batches import CONTEXT, Row, batch

FOCUS_1_0: Row = {
    "availability_zone": "us-east-1a",
    "billed_cost": "0.25",
    "billing_account_id": "001234567890",
    "billing_account_name": "Payer",
    "billing_currency": "USD",
    "billing_period_end": "2026-11-01T00:00:00.000Z",
    "billing_period_start": "2026-10-01T00:00:00.000Z",
    "charge_category": "Usage",
    "charge_class": None,
    "charge_description": "An hour",
    "charge_frequency": "Usage-Based",
    "charge_period_end": "2026-10-03T06:00:00.000Z",
    "charge_period_start": "2026-10-03T05:00:00.000Z",
    "consumed_quantity": "2",
    "consumed_unit": "Hrs",
    "contracted_cost": "0.28",
    "contracted_unit_price": "0.14",
    "effective_cost": "0.24",
    "invoice_issuer_name": "Amazon Web Services, Inc.",
    "list_cost": "0.3",
    "list_unit_price": "0.15",
    "pricing_category": "Standard",
    "pricing_quantity": "2",
    "pricing_unit": "Hrs",
    "provider_name": "AWS",
    "publisher_name": "Amazon Web Services, Inc.",
    "region_id": "us-east-1",
    "region_name": "US East (N. Virginia)",
    "resource_id": "i-1",
    "resource_type": "instance",
    "service_category": "Compute",
    "service_name": "Amazon Elastic Compute Cloud",
    "sku_id": "SKU1",
    "sku_price_id": "SKU1.TERM",
    "sub_account_id": "009876543210",
    "sub_account_name": "Member",
    "tags/user_Name": "web",
    "x_cost_categories/Team": "core",
    "x_discounts/edp": "-0.03",
    "x_operation": "RunInstances",
    "x_service_code": "AmazonEC2",
    "x_usage_type": "BoxUsage:m5.large",
}
"""A row of FOCUS_1_0_AWS as the reader hands it over."""

FOCUS_1_2: Row = {
    **{name: value for name, value in FOCUS_1_0.items() if not name.startswith(("x_cost_categories", "x_usage_type"))},
    "billing_account_type": "Payer of AWS",
    "capacity_reservation_id": "cr-1",
    "capacity_reservation_status": "Used",
    "commitment_discount_quantity": "1.5",
    "commitment_discount_unit": "Hours",
    "invoice_id": "INV-1",
    "pricing_currency": "EUR",
    "pricing_currency_contracted_unit_price": "0.13",
    "pricing_currency_effective_cost": "0.23",
    "pricing_currency_list_unit_price": "0.14",
    "service_subcategory": "Virtual Machines",
    "sku_meter": "BoxUsage:m5.large",
    "sku_price_details/InstanceType": "m5.large",
    "sub_account_type": "Member of AWS",
}


def focus_row(base: Row, **changes: str | None) -> Row:
    """A row with changes."""
    return {**base, **changes}


def without(base: Row, *names: str) -> Row:
    """A row of a file that lacks these columns."""
    return {name: value for name, value in base.items() if name not in names}


def passed(*rows: Row) -> Normalised:
    """Pass rows that were written by hand."""
    return pass_through(batch(rows), CONTEXT)


def only(*rows: Row) -> dict[str, object]:
    """The only row that these come to."""
    (found,) = passed(*rows).rows.to_pylist()
    row: dict[str, object] = found
    return row
