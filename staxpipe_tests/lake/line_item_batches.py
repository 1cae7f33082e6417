"""Line items made for tests: batches as the mapping makes them, with what a test cares about set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT
from staxpipe.model import BillingPeriod

OCTOBER = BillingPeriod(2018, 10)
NOVEMBER = BillingPeriod(2018, 11)
PAYER = "111111111111"
OTHER_PAYER = "222222222222"


def line_items(
    rows: Sequence[Mapping[str, object]],
    *,
    period: BillingPeriod = OCTOBER,
    export_id: int = 1,
    delivery: str = "d1",
) -> pa.RecordBatch:
    """One row a mapping: its values over those of an ordinary hour of EC2."""
    filled = [{**_ordinary(period, export_id, delivery), **row} for row in rows]
    columns = []
    for column in LINE_ITEM_COLUMNS:
        plain = pa.array([row.get(column.name) for row in filled], column.type)
        columns.append(plain.dictionary_encode() if column.type == TEXT else plain)
    fields = [
        pa.field(column.name, array.type, column.nullable)
        for column, array in zip(LINE_ITEM_COLUMNS, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def costs(
    count: int,
    amount: str = "0.1",
    *,
    account: str = PAYER,
    period: BillingPeriod = OCTOBER,
    export_id: int = 1,
    delivery: str = "d1",
) -> pa.RecordBatch:
    """Rows of one account that all cost the same, an hour each from the month's start on."""
    rows: list[dict[str, object]] = [
        {
            "BillingAccountId": account,
            "ChargePeriodStart": period.start + timedelta(hours=hour % 672),
            "ChargePeriodEnd": period.start + timedelta(hours=hour % 672 + 1),
            **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), Decimal(amount)),
        }
        for hour in range(count)
    ]
    return line_items(rows, period=period, export_id=export_id, delivery=delivery)


def _ordinary(period: BillingPeriod, export_id: int, delivery: str) -> dict[str, object]:
    return {
        "BilledCost": Decimal(1),
        "BillingAccountId": PAYER,
        "BillingAccountType": "Payer",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": period.end,
        "BillingPeriodStart": period.start,
        "ChargeCategory": "Usage",
        "ChargeDescription": "$0.10 per hour",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": period.start + timedelta(hours=1),
        "ChargePeriodStart": period.start,
        "ConsumedQuantity": Decimal(1),
        "ConsumedUnit": "Hrs",
        "ContractedCost": Decimal(1),
        "EffectiveCost": Decimal(1),
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": Decimal(1),
        "PricingCategory": "Standard",
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "RegionId": "us-east-1",
        "RegionName": "US East (N. Virginia)",
        "ResourceId": "i-0123456789abcdef0",
        "ServiceCategory": "Compute",
        "ServiceName": "Amazon Elastic Compute Cloud",
        "ServiceSubcategory": "Virtual Machines",
        "SkuMeter": "BoxUsage:m5.large",
        "SubAccountId": "333333333333",
        "Tags": [("user:Team", "storefront")],
        "x_LineItemType": "Usage",
        "x_ExportId": str(export_id),
        "x_DeliveryId": delivery,
    }


def moment(text: str) -> datetime:
    """A UTC moment written YYYY-MM-DDTHH:MM."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
