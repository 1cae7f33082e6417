"""The mapping with pandas: chunks of 100,000 rows, a column at a time; tags as it is usually written, or with care.

Usually each row's tags become JSON by `DataFrame.apply`. A comprehension over arrays does the same seventeen times as
fast, and few write it; both are measured.

    python -m benchmarks.peers.pandas_chunks usual OUT FILE…      # or: careful
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK_ROWS = 100_000
SERVICES = Path(__file__).resolve().parents[2] / "staxpipe" / "focus" / "services.csv"
ToJson = Callable[[pd.DataFrame], "pd.Series[str]"]

USAGE = ("Usage", "Refund", "Discount", "EdpDiscount", "BundledDiscount", "SppDiscount", "PrivateRateDiscount")
COMMITTED = ("DiscountedUsage", "SavingsPlanCoveredUsage")
PURCHASES = ("SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee", "Fee")


def main(way: str, out: Path, files: Sequence[str]) -> None:
    """Map every file, one after the other, into one Parquet file."""
    services = pd.read_csv(SERVICES, dtype=str).set_index("code")
    writer: pq.ParquetWriter | None = None
    for file in files:
        for chunk in pd.read_csv(file, dtype=str, chunksize=CHUNK_ROWS):
            table = pa.Table.from_pandas(
                mapped(chunk, services, _usual if way == "usual" else _careful), preserve_index=False
            )
            if writer is None:
                writer = pq.ParquetWriter(out / "rows.parquet", _nullable(table.schema), compression="zstd")
            writer.write_table(table.cast(writer.schema))
    if writer is not None:
        writer.close()


def mapped(source: pd.DataFrame, services: pd.DataFrame, to_json: ToJson) -> pd.DataFrame:
    """FOCUS rows of a chunk."""
    source = source[source["lineItem/LineItemType"] != "SavingsPlanNegation"]
    rows = pd.DataFrame(index=source.index)
    _add_costs(rows, source)
    _add_kinds(rows, source)
    _add_texts(rows, source, services)
    rows["Tags"] = to_json(_family(source, "resourceTags/"))
    rows["x_CostCategories"] = to_json(_family(source, "costCategory/"))
    details = ("instanceType", "operatingSystem", "tenancy", "vcpu", "memory")
    rows["SkuPriceDetails"] = to_json(_family(source, "product/", details))
    return rows


def _number(source: pd.DataFrame, name: str) -> pd.Series[float]:
    return pd.to_numeric(source[name])


def _add_costs(rows: pd.DataFrame, source: pd.DataFrame) -> None:
    types, reserved = source["lineItem/LineItemType"], source["reservation/ReservationARN"].notna()
    covered, discounted, tax = types == "SavingsPlanCoveredUsage", types == "DiscountedUsage", types == "Tax"
    upfront = types.isin(PURCHASES[:3]) | ((types == "Fee") & reserved)
    charged, usage = _number(source, "lineItem/UnblendedCost"), _number(source, "lineItem/UsageAmount")
    on_demand = _number(source, "pricing/publicOnDemandCost").replace(0.0, np.nan).fillna(charged)
    rows["BilledCost"] = charged.mask(covered, 0.0)
    rows["EffectiveCost"] = np.select(
        [covered, discounted, upfront],
        [
            _number(source, "savingsPlan/SavingsPlanEffectiveCost").fillna(0.0),
            _number(source, "reservation/EffectiveCost").fillna(0.0),
            0.0,
        ],
        charged,
    )
    rows["ListCost"] = on_demand.where(types.isin(("Usage", *COMMITTED)), charged)
    rows["ContractedCost"] = rows["ListCost"].where(discounted, charged)
    rows["PricingQuantity"] = usage.mask(tax)
    rows["ConsumedQuantity"] = usage.where(types.isin((*USAGE, *COMMITTED)))
    priced = usage.replace(0.0, np.nan).mask(tax)
    rows["ListUnitPrice"] = rows["ListCost"] / priced
    rows["ContractedUnitPrice"] = rows["ContractedCost"] / priced
    normalised = _number(source, "lineItem/NormalizedUsageAmount").fillna(usage)
    rows["CommitmentDiscountQuantity"] = np.select([covered, discounted], [rows["EffectiveCost"], normalised], np.nan)
    for name in ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice"):
        rows[f"PricingCurrency{name}"] = rows[name]


def _add_kinds(rows: pd.DataFrame, source: pd.DataFrame) -> None:
    types, usage_type = source["lineItem/LineItemType"], source["lineItem/UsageType"]
    committed, purchase = types.isin(COMMITTED), types.isin(PURCHASES)
    used = types.isin((*USAGE, *COMMITTED))
    rows["ChargeCategory"] = np.select(
        [purchase, types == "Tax", types == "Credit", used], ["Purchase", "Tax", "Credit", "Usage"], "Adjustment"
    )
    rows["ChargeClass"] = None
    rows["ChargeDescription"] = source["lineItem/LineItemDescription"].fillna(usage_type)
    recurring = types.isin(("RIFee", "SavingsPlanRecurringFee"))
    rows["ChargeFrequency"] = np.select(
        [recurring, used & (types != "Refund")], ["Recurring", "Usage-Based"], "One-Time"
    )
    spot = (types == "Usage") & usage_type.str.contains("Spot", regex=False, na=False)
    pricing = np.select([committed, spot, used | purchase], ["Committed", "Dynamic", "Standard"], "")
    rows["PricingCategory"] = pd.Series(pricing, rows.index).replace("", None)
    rows["x_LineItemType"], rows["x_Operation"] = types, source["lineItem/Operation"]


def _add_texts(rows: pd.DataFrame, source: pd.DataFrame, services: pd.DataFrame) -> None:
    plan, reservation = source["savingsPlan/SavingsPlanARN"], source["reservation/ReservationARN"]
    types, currency, code = (
        source["lineItem/LineItemType"],
        source["lineItem/CurrencyCode"],
        source["lineItem/ProductCode"],
    )
    arn, purchase, tax = plan.fillna(reservation), types.isin(PURCHASES), types == "Tax"
    rows["BillingAccountId"] = rows["BillingAccountName"] = source["bill/PayerAccountId"]
    rows["SubAccountId"] = rows["SubAccountName"] = source["lineItem/UsageAccountId"]
    rows["BillingAccountType"], rows["SubAccountType"], rows["ProviderName"] = "Payer Account", "Usage Account", "AWS"
    rows["BillingCurrency"], rows["PricingCurrency"] = currency, source["pricing/currency"].fillna(currency)
    for name, of in (
        ("BillingPeriodStart", "bill/BillingPeriodStartDate"),
        ("BillingPeriodEnd", "bill/BillingPeriodEndDate"),
        ("ChargePeriodStart", "lineItem/UsageStartDate"),
        ("ChargePeriodEnd", "lineItem/UsageEndDate"),
    ):
        rows[name] = pd.to_datetime(source[of], utc=True)
    rows["InvoiceId"] = source["bill/InvoiceId"]
    rows["InvoiceIssuerName"] = source["bill/InvoicingEntity"].fillna("Amazon Web Services, Inc.")
    rows["PublisherName"] = source["lineItem/LegalEntity"].fillna("Amazon Web Services, Inc.")
    kinds = [plan.notna(), reservation.notna()]
    for name, of_plan, of_reservation in (
        ("CommitmentDiscountCategory", "Spend", "Usage"),
        ("CommitmentDiscountType", "Savings Plan", "Reserved Instances (RI)"),
        ("CommitmentDiscountUnit", currency, "Hours"),
    ):
        rows[name] = pd.Series(np.select(kinds, [of_plan, of_reservation], ""), rows.index).replace("", None)
    rows["CommitmentDiscountId"] = arn
    rows["CommitmentDiscountStatus"] = pd.Series("Used", rows.index).where(types.isin(COMMITTED))
    for name in ("CommitmentDiscountName", "CapacityReservationId", "CapacityReservationStatus", "ResourceName"):
        rows[name] = None
    rows["AvailabilityZone"] = source["lineItem/AvailabilityZone"]
    rows["RegionId"] = source["product/regionCode"].fillna(source["product/region"])
    rows["RegionName"] = source["product/location"].fillna(rows["RegionId"])
    rows["ResourceId"] = arn.where(purchase).fillna(source["lineItem/ResourceId"])
    rows["ResourceType"] = source["product/productFamily"].where(rows["ResourceId"].notna())
    marketplace = source["bill/BillingEntity"] == "AWS Marketplace"
    product = source["product/ProductName"].fillna(code)
    rows["ServiceName"] = code.map(services["name"]).mask(marketplace).fillna(product)
    rows["ServiceCategory"] = code.map(services["category"]).mask(marketplace).fillna("Other")
    rows["ServiceSubcategory"] = code.map(services["subcategory"]).mask(marketplace).fillna("Other (Other)")
    rows["x_ServiceCode"] = source["product/servicecode"].fillna(code)
    rows["SkuId"] = source["product/sku"].fillna(source["lineItem/UsageType"]).mask(tax)
    rows["SkuMeter"] = source["lineItem/UsageType"].mask(tax)
    rows["SkuPriceId"] = source["pricing/RateCode"].fillna(source["pricing/RateId"]).mask(tax)
    unit = source["pricing/unit"].fillna("Units")
    rows["PricingUnit"], rows["ConsumedUnit"] = unit.mask(tax), unit.where(rows["ConsumedQuantity"].notna())


def _family(source: pd.DataFrame, family: str, only: Sequence[str] | None = None) -> pd.DataFrame:
    names = [
        name
        for name in source.columns
        if name.startswith(family) and (only is None or name.removeprefix(family) in only)
    ]
    return source[names].rename(columns=lambda name: name.removeprefix(family))


def _usual(tags: pd.DataFrame) -> pd.Series[str]:
    return tags.apply(
        lambda row: json.dumps({key: value for key, value in row.items() if isinstance(value, str)}), axis=1
    )


def _careful(tags: pd.DataFrame) -> pd.Series[str]:
    keys = list(tags.columns)
    texts = (
        json.dumps({key: value for key, value in zip(keys, row, strict=True) if isinstance(value, str)})
        for row in tags.to_numpy()
    )
    return pd.Series(list(texts), tags.index)


def _nullable(schema: pa.Schema) -> pa.Schema:
    """A chunk without any value of a column has no type for it: text."""
    return pa.schema([field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in schema])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
