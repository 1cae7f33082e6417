from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from staxpipe.comparison.billed import COLUMNS, Billed, sum_billed
from staxpipe.focus.columns import MONEY

AWS = "Amazon Web Services, Inc."


def batch(*rows: tuple[str | None, str, str, str, str], issuer: str = AWS) -> pa.RecordBatch:
    """Rows of (invoice, currency, category, service, cost), text as the lake gives it."""
    columns = {
        "InvoiceId": [row[0] for row in rows],
        "InvoiceIssuerName": [issuer for _ in rows],
        "BillingCurrency": [row[1] for row in rows],
        "ChargeCategory": [row[2] for row in rows],
        "ServiceName": [row[3] for row in rows],
    }
    arrays = [pa.array(values, pa.string()).dictionary_encode() for values in columns.values()]
    arrays.append(pa.array([Decimal(row[4]) for row in rows], MONEY))
    return pa.RecordBatch.from_arrays(arrays, names=list(COLUMNS))


def test_sums_by_invoice_and_currency_over_batches() -> None:
    batches = [
        batch(
            ("A1", "USD", "Usage", "EC2", "1.000000000000000001"),
            ("A1", "USD", "Tax", "EC2", "0.19"),
            (None, "USD", "Usage", "S3", "2"),
        ),
        batch(),
        batch(
            (None, "USD", "Usage", "S3", "3"),
            ("A1", "USD", "Credit", "EC2", "-0.5"),
            ("A1", "USD", "Usage", "EC2", "1"),
            ("I1", "INR", "Usage", "EC2", "80"),
        ),
    ]
    assert sum_billed(batches) == (
        Billed("", "USD", AWS, Decimal(5), rows=2, lines=1),
        Billed(
            "A1",
            "USD",
            AWS,
            Decimal("1.690000000000000001"),
            tax=Decimal("0.19"),
            credit=Decimal("-0.5"),
            rows=4,
            lines=3,
        ),
        Billed("I1", "INR", AWS, Decimal(80)),
    )


def test_an_empty_month_has_no_sums() -> None:
    assert sum_billed([]) == ()
    assert sum_billed([batch()]) == ()
