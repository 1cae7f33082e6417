"""Our side: what the lake says that a month was billed, invoice by invoice. Sums only; what they mean is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.numbers import exact_sum, widened
from staxpipe.lake.table import Lake
from staxpipe.model import BillingPeriod

_KEYS = ("InvoiceId", "InvoiceIssuerName", "BillingCurrency", "ChargeCategory", "ServiceName")
COLUMNS = (*_KEYS, "BilledCost")


@dataclass(frozen=True)
class Billed:
    """What one month's rows of one invoice and currency come to; `invoice_id` is empty for rows without one.

    `tax` and `credit` are parts of `billed`. `lines` is how many combinations of service and charge category there
    are: about as many lines as the invoice can have.
    """

    invoice_id: str
    currency: str
    issuer: str
    billed: Decimal
    tax: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    rows: int = 1
    lines: int = 1


def read_billed(lake: Lake, export_id: int, account: str, period: BillingPeriod) -> tuple[Billed, ...]:
    """Sum an account's month of one export, as the lake holds it now, in batches."""
    files = [file for file in lake.plan(account=account, period=period) if file.export_id == export_id]
    return sum_billed(lake.read(files, COLUMNS))


def sum_billed(batches: Iterable[pa.RecordBatch]) -> tuple[Billed, ...]:
    """Exact sums of line items by invoice and currency, ordered. Memory grows with invoices and services, not rows."""
    merged: dict[tuple[str, ...], tuple[Decimal, int]] = {}
    for batch in batches:
        for key, cost, rows in _groups(batch):
            before, count = merged.get(key, (Decimal(0), 0))
            merged[key] = exact_sum((before, cost)), count + rows
    invoices: dict[tuple[str, str], list[tuple[str, str, Decimal, int]]] = {}
    for (invoice, issuer, currency, category, _service), (cost, rows) in merged.items():
        invoices.setdefault((invoice, currency), []).append((issuer, category, cost, rows))
    return tuple(_billed(*key, lines) for key, lines in sorted(invoices.items()))


def _groups(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, ...], Decimal, int]]:
    if batch.num_rows == 0:
        return
    columns = [_plain(batch.column(batch.schema.get_field_index(name))) for name in _KEYS]
    cost = widened(batch.column(batch.schema.get_field_index("BilledCost")))
    table = pa.table([*columns, cost], names=[*_KEYS, "cost"])
    sums = table.group_by(list(_KEYS), use_threads=False).aggregate([("cost", "sum"), ([], "count_all")])
    for row in sums.to_pylist():
        yield tuple(row[name] or "" for name in _KEYS), row["cost_sum"] or Decimal(0), row["count_all"]


def _plain(column: pa.Array) -> pa.Array:
    """Text as text: dictionaries differ from batch to batch, and group keys must not."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else pc.cast(column, pa.string())


def _billed(invoice: str, currency: str, lines: list[tuple[str, str, Decimal, int]]) -> Billed:
    return Billed(
        invoice_id=invoice,
        currency=currency,
        issuer=max(issuer for issuer, _, _, _ in lines),
        billed=exact_sum(cost for _, _, cost, _ in lines),
        tax=exact_sum(cost for _, category, cost, _ in lines if category == "Tax"),
        credit=exact_sum(cost for _, category, cost, _ in lines if category == "Credit"),
        rows=sum(rows for _, _, _, rows in lines),
        lines=len(lines),
    )
