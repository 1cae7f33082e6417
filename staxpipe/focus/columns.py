"""The FOCUS 1.2 columns and our own ``x_`` columns, declared once.

From these come the lake's schema, the mapping's output, Dagster's column lists and the checks. FOCUS 1.2,
section "Columns": https://focus.finops.org/focus-specification/v1-2/.

Costs are decimal(30, 18). Eighteen decimals hold every amount that AWS prints in CSV (ten decimals, and rates
down to 1E-18) and all but the last digits of its Parquet doubles; twelve integer digits hold a month of any
company in any currency. Precision stays below 38 so that Arrow can add two of them without overflow.
A double with more decimals than that is rounded half-even, which is at most 5E-19 a row: a hundred million
rows cannot move a cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

SCALE = 18
MONEY = pa.decimal128(30, SCALE)
TEXT = pa.string()
MOMENT = pa.timestamp("us", tz="UTC")
TEXT_MAP = pa.map_(pa.string(), pa.string())

# How texts travel inside staxpipe: as codes, with dictionaries of unique texts.
CODED_TEXT = pa.dictionary(pa.int32(), TEXT)
CODED_MAP = pa.map_(CODED_TEXT, CODED_TEXT)
_CODED = {TEXT: CODED_TEXT, TEXT_MAP: CODED_MAP}


@dataclass(frozen=True)
class FocusColumn:
    """One column: FOCUS name, Arrow type, and whether FOCUS 1.2 allows nulls."""

    name: str
    type: pa.DataType
    nullable: bool = True

    @property
    def coded_type(self) -> pa.DataType:
        """Its type inside staxpipe, where texts travel dictionary-coded."""
        return _CODED.get(self.type, self.type)


FOCUS_COLUMNS: tuple[FocusColumn, ...] = (
    FocusColumn("AvailabilityZone", TEXT),
    FocusColumn("BilledCost", MONEY, nullable=False),
    FocusColumn("BillingAccountId", TEXT, nullable=False),
    FocusColumn("BillingAccountName", TEXT),
    FocusColumn("BillingAccountType", TEXT, nullable=False),
    FocusColumn("BillingCurrency", TEXT, nullable=False),
    FocusColumn("BillingPeriodEnd", MOMENT, nullable=False),
    FocusColumn("BillingPeriodStart", MOMENT, nullable=False),
    FocusColumn("CapacityReservationId", TEXT),
    FocusColumn("CapacityReservationStatus", TEXT),
    FocusColumn("ChargeCategory", TEXT, nullable=False),
    FocusColumn("ChargeClass", TEXT),
    FocusColumn("ChargeDescription", TEXT),
    FocusColumn("ChargeFrequency", TEXT, nullable=False),
    FocusColumn("ChargePeriodEnd", MOMENT, nullable=False),
    FocusColumn("ChargePeriodStart", MOMENT, nullable=False),
    FocusColumn("CommitmentDiscountCategory", TEXT),
    FocusColumn("CommitmentDiscountId", TEXT),
    FocusColumn("CommitmentDiscountName", TEXT),
    FocusColumn("CommitmentDiscountQuantity", MONEY),
    FocusColumn("CommitmentDiscountStatus", TEXT),
    FocusColumn("CommitmentDiscountType", TEXT),
    FocusColumn("CommitmentDiscountUnit", TEXT),
    FocusColumn("ConsumedQuantity", MONEY),
    FocusColumn("ConsumedUnit", TEXT),
    FocusColumn("ContractedCost", MONEY, nullable=False),
    FocusColumn("ContractedUnitPrice", MONEY),
    FocusColumn("EffectiveCost", MONEY, nullable=False),
    FocusColumn("InvoiceId", TEXT),
    FocusColumn("InvoiceIssuerName", TEXT, nullable=False),
    FocusColumn("ListCost", MONEY, nullable=False),
    FocusColumn("ListUnitPrice", MONEY),
    FocusColumn("PricingCategory", TEXT),
    FocusColumn("PricingCurrency", TEXT),
    FocusColumn("PricingCurrencyContractedUnitPrice", MONEY),
    FocusColumn("PricingCurrencyEffectiveCost", MONEY),
    FocusColumn("PricingCurrencyListUnitPrice", MONEY),
    FocusColumn("PricingQuantity", MONEY),
    FocusColumn("PricingUnit", TEXT),
    FocusColumn("ProviderName", TEXT, nullable=False),
    FocusColumn("PublisherName", TEXT, nullable=False),
    FocusColumn("RegionId", TEXT),
    FocusColumn("RegionName", TEXT),
    FocusColumn("ResourceId", TEXT),
    FocusColumn("ResourceName", TEXT),
    FocusColumn("ResourceType", TEXT),
    FocusColumn("ServiceCategory", TEXT, nullable=False),
    FocusColumn("ServiceName", TEXT, nullable=False),
    FocusColumn("ServiceSubcategory", TEXT, nullable=False),
    FocusColumn("SkuId", TEXT),
    FocusColumn("SkuMeter", TEXT),
    FocusColumn("SkuPriceDetails", TEXT_MAP),
    FocusColumn("SkuPriceId", TEXT),
    FocusColumn("SubAccountId", TEXT),
    FocusColumn("SubAccountName", TEXT),
    FocusColumn("SubAccountType", TEXT),
    FocusColumn("Tags", TEXT_MAP),
)
"""The 57 columns of FOCUS 1.2 in the specification's order."""

OWN_COLUMNS: tuple[FocusColumn, ...] = (
    FocusColumn("x_CostCategories", TEXT_MAP),
    FocusColumn("x_Discounts", TEXT_MAP),
    FocusColumn("x_Operation", TEXT),
    FocusColumn("x_ServiceCode", TEXT),
    FocusColumn("x_LineItemType", TEXT, nullable=False),  # AWS's own word, lineItem/LineItemType
    FocusColumn("x_LineItemId", TEXT),  # only where the setting asks for it
    FocusColumn("x_ExportId", TEXT, nullable=False),  # which export of the ledger, as decimal text
    FocusColumn("x_DeliveryId", TEXT, nullable=False),  # AWS's assemblyId: lineage from a dollar to its file
    FocusColumn("x_FocusVersion", TEXT),  # of rows that AWS itself delivered as FOCUS: 1.0 or 1.2
    # Split cost allocation: a task's or pod's share of an instance. The four costs of such a row are 0, because the
    # instance has a row of its own. x_SplitParentResourceId is there on these rows and on no other.
    FocusColumn("x_SplitParentResourceId", TEXT),
    FocusColumn("x_SplitCost", MONEY),
    FocusColumn("x_SplitUnusedCost", MONEY),
    FocusColumn("x_SplitUsageRatio", MONEY),
    FocusColumn("x_SplitActualUsage", MONEY),
    FocusColumn("x_SplitReservedUsage", MONEY),
)
"""Columns of our own; FOCUS asks for the x_ prefix (section "Attributes", column naming)."""

LINE_ITEM_COLUMNS: tuple[FocusColumn, ...] = FOCUS_COLUMNS + OWN_COLUMNS

LINE_ITEM_SCHEMA: pa.Schema = pa.schema(
    [pa.field(column.name, column.type, nullable=column.nullable) for column in LINE_ITEM_COLUMNS]
)
"""One row of the lake's table. Inside staxpipe its columns travel as their `coded_type`."""
