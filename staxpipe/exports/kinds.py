"""Which product of AWS a table is, told by the names of its columns alone.

The names of a manifest or of a file's header. How rows are mapped is never decided by the kind.
"""

from __future__ import annotations

from collections.abc import Iterable

from staxpipe.focus.names import canonical_name
from staxpipe.model import ExportKind

TITLES = {
    ExportKind.LEGACY_CUR: "a legacy Cost and Usage Report",
    ExportKind.CUR_2_0: "CUR 2.0",
    ExportKind.FOCUS_1_0: "FOCUS 1.0",
    ExportKind.FOCUS_1_2: "FOCUS 1.2",
    ExportKind.DATA_EXPORT: "a Data Export",
}
"""What people call each."""

ONLY_FOCUS_1_2 = frozenset(
    {
        "billing_account_type",
        "capacity_reservation_id",
        "capacity_reservation_status",
        "commitment_discount_quantity",
        "commitment_discount_unit",
        "invoice_id",
        "pricing_currency",
        "pricing_currency_contracted_unit_price",
        "pricing_currency_effective_cost",
        "pricing_currency_list_unit_price",
        "service_subcategory",
        "sku_meter",
        "sku_price_details",
        "sub_account_type",
    }
)
"""Columns of FOCUS 1.2 that 1.0 does not have (specifications 1.0 and 1.2, columns)."""

_MAPS = frozenset({"cost_category", "discount", "product", "resource_tags", "tags"})
"""Columns of CUR 2.0 that are maps (Data Exports table dictionary, CUR 2.0); legacy reports have a column a key."""

_ONLY_CUR_2_0 = _MAPS | {"bill_payer_account_name", "line_item_usage_account_name"}

_PRODUCT_OF_CUR_2_0 = frozenset(
    {
        "product_comment",
        "product_fee_code",
        "product_fee_description",
        "product_from_location",
        "product_from_location_type",
        "product_from_region_code",
        "product_instance_family",
        "product_instance_type",
        "product_instancesku",
        "product_location",
        "product_location_type",
        "product_operation",
        "product_pricing_unit",
        "product_product_family",
        "product_region_code",
        "product_servicecode",
        "product_sku",
        "product_to_location",
        "product_to_location_type",
        "product_to_region_code",
        "product_usagetype",
        # Not columns of the table, but what queries of CUR 2.0 call parts of the map `product` again:
        "product_product_name",
        "product_region",
        "product_servicename",
    }
)


def kind_of_table(names: Iterable[str]) -> ExportKind | None:
    """The table of Data Exports whose columns these are; None for those of a table with no costs that are read.

    Args:
        names: column names in any spelling (see `staxpipe.focus.names.canonical_name`).
    """
    canonical = {canonical_name(name) for name in names}
    if any(name.startswith("line_item_") for name in canonical):
        return ExportKind.CUR_2_0
    if "billed_cost" in canonical:
        return ExportKind.FOCUS_1_2 if canonical & ONLY_FOCUS_1_2 else ExportKind.FOCUS_1_0
    return None


def kind_of_header(header: Iterable[str]) -> ExportKind | None:
    """What a data file without a manifest is, by its header as written; None where it is no cost report.

    Legacy reports and CUR 2.0 share most names. A slash (``lineItem/UnblendedCost``) is legacy, a map or an account's
    name is CUR 2.0. Of what is left, legacy Parquet has its tags flattened, and a column for each attribute of any
    product. A header with nothing of all this is taken for CUR 2.0, whose queries may choose a few columns. That is
    a guess, and it only names the export.
    """
    written = [name.removeprefix("\ufeff").strip() for name in header]
    kind = kind_of_table(written)
    if kind is not ExportKind.CUR_2_0:
        return kind
    if any("/" in name for name in written):
        return ExportKind.LEGACY_CUR
    names = {name.lower() for name in written}
    if names & _ONLY_CUR_2_0:
        return ExportKind.CUR_2_0
    flattened = any(name.startswith(("resource_tags_", "cost_category_")) for name in names)
    attributes = any(name.startswith("product_") and name not in _PRODUCT_OF_CUR_2_0 for name in names)
    return ExportKind.LEGACY_CUR if flattened or attributes else ExportKind.CUR_2_0
