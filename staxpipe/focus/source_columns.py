"""Which columns of a CUR the mapping reads, under their canonical (CUR 2.0-like) names.

Only these are parsed: of some 200 columns about 90 are read. What becomes of each is in mapping.py.
"""

from __future__ import annotations

from staxpipe.focus.names import UNREADABLE

REQUIRED: frozenset[str] = frozenset(
    {
        "bill_payer_account_id",
        "line_item_product_code",
        "line_item_unblended_cost",
        "line_item_usage_account_id",
        "line_item_usage_end_date",
        "line_item_usage_start_date",
    }
)
"""Without one of these no row can be placed in an account, a service, a time or an amount.

What is absent beyond them is either nothing (a dimension stays null) or assumed and reported as a finding
(`ASSUMED`), or needed only by some line-item types (`NEEDED_BY_TYPE` in line_item_types.py).
"""

ASSUMED: dict[str, str] = {
    "line_item_line_item_type": "every row is taken for Usage",
    "line_item_currency_code": "amounts are taken for US dollars",
    "bill_billing_period_start_date": "the billing period is taken to be the month of the usage",
}
"""Columns that reduced exports drop, and what is assumed without them. Every assumption becomes a finding."""

COMMITMENT_PREFIXES = ("reservation_", "savings_plan_")
"""With a column of these families in the file, the line-item type may not be assumed: it decides the money."""

_DIMENSIONS = frozenset(
    {
        "bill_bill_type",
        "bill_billing_entity",
        "bill_billing_period_end_date",
        "bill_invoice_id",
        "bill_invoicing_entity",
        "bill_payer_account_name",
        "capacity_reservation_capacity_reservation_a_r_n",
        "capacity_reservation_capacity_reservation_status",
        "identity_line_item_id",
        "line_item_availability_zone",
        "line_item_legal_entity",
        "line_item_line_item_description",
        "line_item_operation",
        "line_item_resource_id",
        "line_item_tax_type",
        "line_item_usage_account_name",
        "line_item_usage_type",
        "pricing_currency",
        "pricing_rate_code",
        "pricing_rate_id",
        "pricing_term",
        "pricing_unit",
        "product_from_region_code",
        "product_location",
        "product_product_family",
        "product_product_name",
        "product_region",
        "product_region_code",
        "product_servicecode",
        "product_servicename",
        "product_sku",
        "reservation_reservation_a_r_n",
        "savings_plan_savings_plan_a_r_n",
        "split_line_item_parent_resource_id",
    }
)

NUMBERS: frozenset[str] = frozenset(
    {
        "line_item_net_unblended_cost",
        "line_item_net_unblended_rate",
        "line_item_normalized_usage_amount",
        "line_item_unblended_cost",
        "line_item_usage_amount",
        "pricing_public_on_demand_cost",
        "pricing_public_on_demand_rate",
        "reservation_amortized_upfront_fee_for_billing_period",
        "reservation_effective_cost",
        "reservation_net_effective_cost",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        "reservation_net_unused_recurring_fee",
        "reservation_total_reserved_normalized_units",
        "reservation_total_reserved_units",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_normalized_unit_quantity",
        "reservation_unused_quantity",
        "reservation_unused_recurring_fee",
        "savings_plan_amortized_upfront_commitment_for_billing_period",
        "savings_plan_net_amortized_upfront_commitment_for_billing_period",
        "savings_plan_net_recurring_commitment_for_billing_period",
        "savings_plan_net_savings_plan_effective_cost",
        "savings_plan_recurring_commitment_for_billing_period",
        "savings_plan_savings_plan_effective_cost",
        "savings_plan_total_commitment_to_date",
        "savings_plan_used_commitment",
        "split_line_item_actual_usage",
        "split_line_item_net_split_cost",
        "split_line_item_net_unused_cost",
        "split_line_item_reserved_usage",
        "split_line_item_split_cost",
        "split_line_item_split_usage_ratio",
        "split_line_item_unused_cost",
    }
)
"""Columns that are parsed as exact decimals."""

SKU_DETAILS: dict[str, str] = {
    "product_instance_type": "InstanceType",
    "product_instance_type_family": "InstanceSeries",
    "product_operating_system": "OperatingSystem",
    "product_storage_class": "StorageClass",
    "product_database_engine": "x_DatabaseEngine",
    "product_deployment_option": "x_DeploymentOption",
    "product_group": "x_Group",
    "product_license_model": "x_LicenseModel",
    "product_memory": "x_Memory",
    "product_pre_installed_sw": "x_PreInstalledSoftware",
    "product_product_family": "x_ProductFamily",
    "product_tenancy": "x_Tenancy",
    "product_transfer_type": "x_TransferType",
    "product_vcpu": "CoreCount",
    "product_volume_api_name": "x_VolumeApiName",
    "product_volume_type": "x_VolumeType",
    "pricing_lease_contract_length": "x_LeaseContractLength",
    "pricing_offering_class": "x_OfferingClass",
    "pricing_purchase_option": "x_PurchaseOption",
}
"""What goes into SkuPriceDetails, and under which key.

FOCUS 1.2 names a few keys (InstanceType, InstanceSeries, OperatingSystem, CoreCount, StorageClass); every
other key must begin with x_. AWS has some hundred product columns; these are the ones by which people split
cost, and each costs time on every row.
"""

TAG_PREFIX = "resource_tags/"
COST_CATEGORY_PREFIX = "cost_category/"
ALL_TAGS_PREFIX = "tags/"  # CUR 2.0's column of every kind of tag; its keys say which kind
DISCOUNT_PREFIX = "discount_"

_MAPS = frozenset({"cost_category", "discount", "product", "resource_tags", "tags"})
"""Map columns of CUR 2.0. The reader asks for each by its name, and then for what it makes of their keys."""

_UNREADABLE_MAPS = frozenset({f"{name}/{UNREADABLE}" for name in _MAPS})
"""Texts of map columns that the reader could not make columns of."""

_WANTED = REQUIRED | ASSUMED.keys() | _DIMENSIONS | NUMBERS | SKU_DETAILS.keys() | _MAPS | _UNREADABLE_MAPS


def wanted(canonical_name: str) -> bool:
    """Whether the mapping reads the column with this canonical name."""
    return canonical_name in _WANTED or canonical_name.startswith(
        (TAG_PREFIX, COST_CATEGORY_PREFIX, ALL_TAGS_PREFIX, DISCOUNT_PREFIX)
    )
