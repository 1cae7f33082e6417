"""A month of a legacy Cost and Usage Report with one line item, as AWS delivers it. Pure."""

from __future__ import annotations

import csv
import gzip
import io
import json

from staxpipe.model import BillingPeriod

NAME = "daily"


def delivery(account_id: str, bucket: str, prefix: str, period: BillingPeriod) -> dict[str, bytes]:
    """The objects of one overwriting delivery, by key: a file and its manifest."""
    begin, end = (f"{moment:%Y%m%d}" for moment in (period.start, period.end))
    folder = f"{prefix}/{NAME}/{begin}-{end}"
    file = f"{folder}/{NAME}-1.csv.gz"
    row = _row(account_id, period)
    manifest = {
        "assemblyId": "11111111-2222-3333-4444-555555555555",
        "account": account_id,
        "reportName": NAME,
        "bucket": bucket,
        "reportKeys": [file],
        "billingPeriod": {"start": f"{begin}T000000.000Z", "end": f"{end}T000000.000Z"},
        "contentType": "text/csv",
        "compression": "GZIP",
        "columns": [dict(zip(("category", "name"), column.split("/"), strict=True)) for column in row],
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(row), list(row.values())])
    return {
        file: gzip.compress(text.getvalue().encode()),
        f"{folder}/{NAME}-Manifest.json": json.dumps(manifest).encode(),
    }


def _row(account_id: str, period: BillingPeriod) -> dict[str, str]:
    begin, end = f"{period.start:%Y-%m-%dT%H:%M:%SZ}", f"{period.end:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "identity/LineItemId": "one",
        "identity/TimeInterval": f"{begin}/{begin[:11]}01:00:00Z",
        "bill/InvoiceId": "1",
        "bill/BillingEntity": "AWS",
        "bill/BillType": "Anniversary",
        "bill/PayerAccountId": account_id,
        "bill/BillingPeriodStartDate": begin,
        "bill/BillingPeriodEndDate": end,
        "lineItem/UsageAccountId": account_id,
        "lineItem/LineItemType": "Usage",
        "lineItem/UsageStartDate": begin,
        "lineItem/UsageEndDate": f"{begin[:11]}01:00:00Z",
        "lineItem/ProductCode": "AmazonEC2",
        "lineItem/UsageType": "BoxUsage:m5.large",
        "lineItem/Operation": "RunInstances",
        "lineItem/ResourceId": "i-0123456789abcdef0",
        "lineItem/UsageAmount": "1",
        "lineItem/CurrencyCode": "USD",
        "lineItem/UnblendedRate": "0.096",
        "lineItem/UnblendedCost": "0.096",
        "lineItem/LineItemDescription": "$0.096 per On Demand Linux m5.large Instance Hour",
        "product/ProductName": "Amazon Elastic Compute Cloud",
        "product/servicecode": "AmazonEC2",
        "product/regionCode": "eu-central-1",
        "product/sku": "SKU1",
        "pricing/publicOnDemandCost": "0.096",
        "pricing/publicOnDemandRate": "0.096",
        "pricing/RateCode": "SKU1.TERM",
        "pricing/unit": "Hrs",
    }
