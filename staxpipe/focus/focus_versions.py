"""Which version of FOCUS a file of AWS's own is written in, and what a 1.0 row needs to be a 1.2 row.

Sources: AWS Data Exports, "Migrating from FOCUS 1.0 to FOCUS 1.2" (table-dictionary-focus-1-2-migrating) and the two
table dictionaries; FOCUS 1.2, "Columns". What AWS leaves out of its exports in either version is in focus_gaps.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import pyarrow as pa

from staxpipe.focus.coded import Coded, constant
from staxpipe.focus.focus_lines import FocusLines

PRICES_IN_PRICING_CURRENCY = ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice")
"""FOCUS 1.2 has each of these a second time in the pricing currency, named PricingCurrency…."""

SUB_ACCOUNT_TYPE = "Usage Account"
"""What our CUR mapping calls an account that is charged."""


class FocusVersion(StrEnum):
    """The versions that AWS delivers."""

    V1_0 = "1.0"
    V1_2 = "1.2"


ONLY_IN_1_0: frozenset[str] = frozenset({"x_cost_categories", "x_usage_type"})
"""Columns that AWS took out of its 1.2 table: usage type is SkuMeter there, cost categories are among the Tags."""

ONLY_IN_1_2: frozenset[str] = frozenset(
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
"""Columns that FOCUS 1.1 and 1.2 brought."""


def version_of(canonical_names: Iterable[str]) -> FocusVersion | None:
    """The version that a file's columns tell; None where the export's SQL left out all columns that differ.

    Give it the names of a file's header: in batches a map is a column a key, which come and go.
    """
    names = set(canonical_names)
    if names & ONLY_IN_1_2:
        return FocusVersion.V1_2
    return FocusVersion.V1_0 if names & ONLY_IN_1_0 else None


def upgrades(lines: FocusLines) -> dict[str, Coded | pa.Array]:
    """The columns of FOCUS 1.2 that follow from a 1.0 row; those that do not (InvoiceId, say) stay null.

    SkuMeter is x_UsageType, by AWS's own word. It is kept where SkuId is null, though FOCUS asks for null there:
    nothing else would say what was used. PricingCurrency is the billing currency, because all amounts of a 1.0 row
    are in that one.
    """
    count = len(lines)
    columns: dict[str, Coded | pa.Array] = {
        "PricingCurrency": lines.text("BillingCurrency"),
        "SkuMeter": lines.text("x_UsageType"),
        "SubAccountType": constant(SUB_ACCOUNT_TYPE, count).where(lines.text("SubAccountId").present),
    }
    for name in PRICES_IN_PRICING_CURRENCY:
        columns[f"PricingCurrency{name}"] = lines.amount(name)
    return columns
