"""The header of AWS's own FOCUS tables, and what the generator needs to know to fill it.

Names in the order of AWS's own SELECT lists (Data Exports, "FOCUS 1.0 with AWS columns" and "FOCUS 1.2 with AWS
columns"), types as AWS documents them. Rows are made in `focus_export`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

FOCUS_1_0 = "1.0"
FOCUS_1_2 = "1.2"

_BOTH = """
    AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
    BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd
    ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName
    CommitmentDiscountStatus CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice
    EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity PricingUnit ProviderName
    PublisherName RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName SkuId
    SkuPriceId SubAccountId SubAccountName Tags x_Discounts x_Operation x_ServiceCode"""
_ONLY_1_0 = "x_CostCategories x_UsageType"
_ONLY_1_2 = """
    BillingAccountType CapacityReservationId CapacityReservationStatus CommitmentDiscountQuantity
    CommitmentDiscountUnit InvoiceId PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
    PricingCurrencyListUnitPrice ServiceSubcategory SkuMeter SkuPriceDetails SubAccountType"""

FOCUS_HEADERS: Mapping[str, tuple[str, ...]] = {
    FOCUS_1_0: tuple(sorted(f"{_BOTH} {_ONLY_1_0}".split())),
    FOCUS_1_2: tuple(sorted(f"{_BOTH} {_ONLY_1_2}".split())),
}
"""48 columns of FOCUS_1_0_AWS, 60 of FOCUS_1_2_AWS."""

MOMENTS = frozenset({"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"})
MAPS: Mapping[str, pa.DataType] = {
    "SkuPriceDetails": pa.map_(pa.string(), pa.string()),
    "Tags": pa.map_(pa.string(), pa.string()),
    "x_CostCategories": pa.map_(pa.string(), pa.string()),
    "x_Discounts": pa.map_(pa.string(), pa.float64()),
}


def focus_type(name: str) -> pa.DataType:
    """The type of a FOCUS column in AWS's Parquet: amounts are doubles."""
    if name in MAPS:
        return MAPS[name]
    if name in MOMENTS:
        return pa.timestamp("ms", tz="UTC")
    return pa.float64() if name.endswith(("Cost", "Price", "Quantity")) else pa.string()


SERVICES: Mapping[str, tuple[str, str]] = {
    "AWSCloudTrail": ("Management and Governance", "Compliance"),
    "AWSConfig": ("Management and Governance", "Compliance"),
    "AWSELB": ("Networking", "Application Networking"),
    "AWSGlue": ("Analytics", "Data Processing"),
    "AWSLambda": ("Compute", "Serverless Compute"),
    "AWSQueueService": ("Integration", "Messaging"),
    "AmazonAthena": ("Analytics", "Analytics Platforms"),
    "AmazonCloudFront": ("Networking", "Content Delivery"),
    "AmazonCloudWatch": ("Management and Governance", "Observability"),
    "AmazonDynamoDB": ("Databases", "NoSQL Databases"),
    "AmazonEC2": ("Compute", "Virtual Machines"),
    "AmazonECS": ("Compute", "Containers"),
    "AmazonEKS": ("Compute", "Containers"),
    "AmazonGuardDuty": ("Security", "Threat Detection and Response"),
    "AmazonRDS": ("Databases", "Relational Databases"),
    "AmazonRoute53": ("Networking", "Network Routing"),
    "AmazonS3": ("Storage", "Object Storage"),
    "AmazonVPC": ("Networking", "Network Infrastructure"),
    "ComputeSavingsPlans": ("Compute", "Other (Compute)"),
    "awskms": ("Security", "Secret Management"),
}
"""Category and subcategory by product code, as AWS-like as the rest; what is not here is Other."""

SKU_DETAILS: Mapping[str, str] = {
    "product/instanceType": "InstanceType",
    "product/operatingSystem": "OperatingSystem",
    "product/vcpu": "CoreCount",
}
"""Product columns that 1.2 has in SkuPriceDetails."""

COST_CATEGORY_PREFIX = "costCategory/"
"""Before the names of cost categories among the Tags of 1.2. AWS says that they are there; the spelling is a guess."""
