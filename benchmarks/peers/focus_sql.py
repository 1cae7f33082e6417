"""The honest core of our mapping as one SQL query, which DuckDB, DataFusion and Polars all understand.

It makes the 57 columns of FOCUS 1.2 and four of ours, by the rules of docs/focus-mapping.md that touch most rows, and
spares the engines what costs them most: amounts are doubles and not exact decimals, net columns and the second row of
fees are left out, nothing is checked, refused or added up, and tags are joined to JSON without escaping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Moment = Callable[[str], str]
"""How an engine reads a time: from an expression of text to one of a timestamp."""


def mapping_sql(header: Sequence[str], moment: Moment, services_first: bool = False) -> str:
    """The query over the tables `cur` (the report, all text) and `services` (services.csv).

    `services_first` is for an engine that holds the first side of a join in memory, whichever is the smaller.
    """
    columns = {
        **_costs(),
        **_kinds(),
        **_accounts(moment),
        **_commitments(),
        **_things(),
        "Tags": _json(header, "resourceTags/"),
        "x_CostCategories": _json(header, "costCategory/"),
        "SkuPriceDetails": _json(header, "product/", ("instanceType", "operatingSystem", "tenancy", "vcpu", "memory")),
    }
    selected = ",\n  ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    tables = "services AS s RIGHT JOIN cur AS c" if services_first else "cur AS c LEFT JOIN services AS s"
    return (
        f"SELECT\n  {selected}\nFROM {tables} ON {_of('lineItem/ProductCode')} = s.code\n"
        f"WHERE {TYPE} <> 'SavingsPlanNegation'"
    )


def _of(name: str) -> str:
    return f'c."{name}"'


def _number(name: str) -> str:
    return f'CAST(c."{name}" AS DOUBLE)'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


TYPE = _of("lineItem/LineItemType")
PLAN, RESERVATION = _of("savingsPlan/SavingsPlanARN"), _of("reservation/ReservationARN")
COVERED = f"{TYPE} = 'SavingsPlanCoveredUsage'"
DISCOUNTED = f"{TYPE} = 'DiscountedUsage'"
PURCHASE = f"{TYPE} IN ('SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee', 'Fee')"
UPFRONT = f"({TYPE} IN ('SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee') OR ({TYPE} = 'Fee' AND {RESERVATION} IS NOT NULL))"  # noqa: E501
CHARGED = _number("lineItem/UnblendedCost")
USAGE = _number("lineItem/UsageAmount")
BILLED = f"CASE WHEN {COVERED} THEN 0.0 ELSE {CHARGED} END"
EFFECTIVE = (
    f"CASE WHEN {COVERED} THEN COALESCE({_number('savingsPlan/SavingsPlanEffectiveCost')}, 0.0) "
    f"WHEN {DISCOUNTED} THEN COALESCE({_number('reservation/EffectiveCost')}, 0.0) "
    f"WHEN {UPFRONT} THEN 0.0 ELSE {CHARGED} END"
)
ON_DEMAND = f"NULLIF({_number('pricing/publicOnDemandCost')}, 0.0)"
LIST = f"CASE WHEN {TYPE} IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') THEN COALESCE({ON_DEMAND}, {CHARGED}) ELSE {CHARGED} END"  # noqa: E501
CONTRACTED = f"CASE WHEN {DISCOUNTED} THEN {LIST} ELSE {CHARGED} END"
TAX = f"{TYPE} = 'Tax'"
CATEGORY = (
    f"CASE WHEN {PURCHASE} THEN 'Purchase' WHEN {TAX} THEN 'Tax' WHEN {TYPE} = 'Credit' THEN 'Credit' "
    f"WHEN {TYPE} IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'Refund', 'Discount', 'EdpDiscount', "
    "'BundledDiscount', 'SppDiscount', 'PrivateRateDiscount', 'RiVolumeDiscount') THEN 'Usage' ELSE 'Adjustment' END"
)
MARKETPLACE = f"{_of('bill/BillingEntity')} = 'AWS Marketplace'"
CURRENCY = _of("lineItem/CurrencyCode")


def _costs() -> dict[str, str]:
    quantity = f"CASE WHEN {TAX} THEN NULL ELSE {USAGE} END"
    list_price = f"CASE WHEN {TAX} THEN NULL ELSE {LIST} / NULLIF({USAGE}, 0.0) END"
    price = f"CASE WHEN {TAX} THEN NULL ELSE {CONTRACTED} / NULLIF({USAGE}, 0.0) END"
    return {
        "BilledCost": BILLED,
        "EffectiveCost": EFFECTIVE,
        "ListCost": LIST,
        "ContractedCost": CONTRACTED,
        "PricingQuantity": quantity,
        "ConsumedQuantity": f"CASE WHEN {CATEGORY} = 'Usage' THEN {USAGE} END",
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": price,
        "CommitmentDiscountQuantity": f"CASE WHEN {COVERED} THEN {EFFECTIVE} WHEN {DISCOUNTED} THEN "
        f"COALESCE({_number('lineItem/NormalizedUsageAmount')}, {USAGE}) END",
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyEffectiveCost": EFFECTIVE,
        "PricingCurrencyListUnitPrice": list_price,
    }


def _kinds() -> dict[str, str]:
    return {
        "ChargeCategory": CATEGORY,
        "ChargeClass": "CAST(NULL AS VARCHAR)",
        "ChargeDescription": f"COALESCE({_of('lineItem/LineItemDescription')}, {_of('lineItem/UsageType')})",
        "ChargeFrequency": f"CASE WHEN {TYPE} IN ('RIFee', 'SavingsPlanRecurringFee') THEN 'Recurring' "
        f"WHEN {CATEGORY} = 'Usage' AND {TYPE} <> 'Refund' THEN 'Usage-Based' ELSE 'One-Time' END",
        "PricingCategory": f"CASE WHEN {COVERED} OR {DISCOUNTED} THEN 'Committed' "
        f"WHEN {TYPE} = 'Usage' AND {_of('lineItem/UsageType')} LIKE '%Spot%' THEN 'Dynamic' "
        f"WHEN {CATEGORY} IN ('Usage', 'Purchase') THEN 'Standard' END",
        "x_LineItemType": TYPE,
        "x_Operation": _of("lineItem/Operation"),
    }


def _accounts(moment: Moment) -> dict[str, str]:
    payer, account = _of("bill/PayerAccountId"), _of("lineItem/UsageAccountId")
    return {
        "BillingAccountId": payer,
        "BillingAccountName": payer,
        "BillingAccountType": "'Payer Account'",
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": moment(_of("bill/BillingPeriodStartDate")),
        "BillingPeriodEnd": moment(_of("bill/BillingPeriodEndDate")),
        "ChargePeriodStart": moment(_of("lineItem/UsageStartDate")),
        "ChargePeriodEnd": moment(_of("lineItem/UsageEndDate")),
        "InvoiceId": _of("bill/InvoiceId"),
        "InvoiceIssuerName": f"COALESCE({_of('bill/InvoicingEntity')}, 'Amazon Web Services, Inc.')",
        "PricingCurrency": f"COALESCE({_of('pricing/currency')}, {CURRENCY})",
        "ProviderName": "'AWS'",
        "PublisherName": f"COALESCE({_of('lineItem/LegalEntity')}, 'Amazon Web Services, Inc.')",
        "SubAccountId": account,
        "SubAccountName": account,
        "SubAccountType": "'Usage Account'",
    }


def _commitments() -> dict[str, str]:
    arn = f"COALESCE({PLAN}, {RESERVATION})"
    return {
        "CommitmentDiscountCategory": f"CASE WHEN {PLAN} IS NOT NULL THEN 'Spend' "
        f"WHEN {RESERVATION} IS NOT NULL THEN 'Usage' END",
        "CommitmentDiscountId": arn,
        "CommitmentDiscountName": "CAST(NULL AS VARCHAR)",
        "CommitmentDiscountStatus": f"CASE WHEN {COVERED} OR {DISCOUNTED} THEN 'Used' END",
        "CommitmentDiscountType": f"CASE WHEN {PLAN} IS NOT NULL THEN 'Savings Plan' "
        f"WHEN {RESERVATION} IS NOT NULL THEN 'Reserved Instances (RI)' END",
        "CommitmentDiscountUnit": f"CASE WHEN {PLAN} IS NOT NULL THEN {CURRENCY} "
        f"WHEN {RESERVATION} IS NOT NULL THEN 'Hours' END",
        "CapacityReservationId": "CAST(NULL AS VARCHAR)",
        "CapacityReservationStatus": "CAST(NULL AS VARCHAR)",
    }


def _things() -> dict[str, str]:
    arn = f"COALESCE({PLAN}, {RESERVATION})"
    resource = (
        f"CASE WHEN {PURCHASE} THEN COALESCE({arn}, {_of('lineItem/ResourceId')}) ELSE {_of('lineItem/ResourceId')} END"
    )
    product = f"COALESCE({_of('product/ProductName')}, {_of('lineItem/ProductCode')})"
    sku = f"CASE WHEN {TAX} THEN NULL ELSE COALESCE({_of('product/sku')}, {_of('lineItem/UsageType')}) END"
    unit = f"COALESCE({_of('pricing/unit')}, 'Units')"
    rate = f"COALESCE({_of('pricing/RateCode')}, {_of('pricing/RateId')})"
    return {
        "AvailabilityZone": _of("lineItem/AvailabilityZone"),
        "RegionId": f"COALESCE({_of('product/regionCode')}, {_of('product/region')})",
        "RegionName": f"COALESCE({_of('product/location')}, {_of('product/regionCode')})",
        "ResourceId": resource,
        "ResourceName": "CAST(NULL AS VARCHAR)",
        "ResourceType": f"CASE WHEN {_of('lineItem/ResourceId')} IS NOT NULL THEN {_of('product/productFamily')} END",
        "ServiceName": f"CASE WHEN {MARKETPLACE} THEN {product} ELSE COALESCE(s.name, {product}) END",
        "ServiceCategory": f"CASE WHEN {MARKETPLACE} THEN 'Other' ELSE COALESCE(s.category, 'Other') END",
        "ServiceSubcategory": f"CASE WHEN {MARKETPLACE} THEN 'Other (Other)' "
        "ELSE COALESCE(s.subcategory, 'Other (Other)') END",
        "x_ServiceCode": f"COALESCE({_of('product/servicecode')}, {_of('lineItem/ProductCode')})",
        "SkuId": sku,
        "SkuMeter": f"CASE WHEN {TAX} THEN NULL ELSE {_of('lineItem/UsageType')} END",
        "SkuPriceId": f"CASE WHEN {TAX} THEN NULL ELSE {rate} END",
        "PricingUnit": f"CASE WHEN {TAX} THEN NULL ELSE {unit} END",
        "ConsumedUnit": f"CASE WHEN {CATEGORY} = 'Usage' THEN {unit} END",
    }


def _json(header: Sequence[str], family: str, only: Sequence[str] | None = None) -> str:
    """A family's columns as one JSON object of those that have a value."""
    members = ", ".join(
        f"CASE WHEN {_of(name)} IS NOT NULL THEN {_text(_key(name, family))} || {_of(name)} || '\"' END"
        for name in header
        if name.startswith(family) and (only is None or name.removeprefix(family) in only)
    )
    return f"'{{' || CONCAT_WS(',', {members}) || '}}'"


def _key(name: str, family: str) -> str:
    return f'"{name.removeprefix(family)}":"'
