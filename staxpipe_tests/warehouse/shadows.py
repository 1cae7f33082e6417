"""Exports that hold a billing account's month, for tests: as values, and as rows that a publish leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, delete, insert

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, results
from staxpipe.db.results import SumRow
from staxpipe.db.sources import CostLine, Holder
from staxpipe.db.tables import delivery_services
from staxpipe.model import AccountId, BillingPeriod, Delivery, DeliveryState, Export, ExportKind, FileFormat
from staxpipe.warehouse.holdings import Holding

OCTOBER = BillingPeriod(2026, 10)
PAYER, ANN, BEN = "111111111111", "222222222222", "333333333333"
CLOSED = datetime(2026, 11, 6, tzinfo=UTC)  # after the month's end


def line(
    billed: str,
    *,
    sub_account: str | None = ANN,
    service: str | None = "Amazon EC2",
    category: str = "Usage",
    currency: str = "USD",
    rows: int = 10,
    effective: str | None = None,
) -> CostLine:
    """What one usage account and service cost; effective as billed where it is not given."""
    return CostLine(
        sub_account,
        service,
        category,
        currency,
        rows,
        Decimal(billed),
        Decimal(billed if effective is None else effective),
    )


def holding(
    *lines: CostLine,
    export_id: int = 1,
    kind: ExportKind = ExportKind.LEGACY_CUR,
    owner: str | None = None,
    delivered_at: datetime = CLOSED,
    final: bool = True,
    columns: tuple[str, ...] = (),
) -> Holding:
    """An export of PAYER's month as a value."""
    source = f"s3://bucket/export-{export_id}"
    holder = Holder(export_id, source, kind, True, owner, 10 * export_id, None, delivered_at, final, columns)
    return Holding(holder, PAYER, lines)


def as_known_without_a_journal(held: Holding) -> Holding:
    """The same, published before there was a journal: control totals only."""
    return replace(held, lines=tuple(replace(part, sub_account_id=None, service_name=None) for part in held.lines))


def recorded(
    connection: Connection,
    name: str,
    lines: Sequence[CostLine],
    *,
    period: BillingPeriod = OCTOBER,
    delivery_id: str = "d1",
    delivered_at: datetime = CLOSED,
    kind: ExportKind = ExportKind.LEGACY_CUR,
    owner: str | None = None,
    link_id: str | None = None,
    final: bool = False,
    account: str = PAYER,
    journal: bool = True,
) -> tuple[int, int]:
    """Record a delivery and what it comes to, committed and not published yet; returns export and delivery."""
    export = Export(f"s3://bucket/{name}", name, kind, AccountId(owner) if owner else None)
    delivery = Delivery(export, period, delivery_id, delivered_at, (), FileFormat.PARQUET)
    export_id = exports.record(connection, export, link_id)
    ledger.record_delivery(connection, export_id, None, delivery)
    entry = ledger.find(connection, export_id, delivery)
    results.replace_results(connection, entry, list(_sums(account, lines)), (), (), None)
    ledger.mark(connection, entry.id, DeliveryState.COMMITTED, committed_at=datetime.now(UTC), final=final)
    connection.execute(delete(delivery_services).where(delivery_services.c.delivery == entry.id))
    if journal and lines:
        rows = [{"delivery": entry.id, "billing_account_id": account, **vars(part)} for part in lines]
        connection.execute(insert(delivery_services), rows)
    return export_id, entry.id


def _sums(account: str, lines: Iterable[CostLine]) -> Iterable[SumRow]:
    by_category: dict[tuple[str, str], SumRow] = {}
    for part in lines:
        empty = SumRow("focus", account, part.currency, part.charge_category, 0, Decimal(0), Decimal(0))
        before = by_category.get((part.currency, part.charge_category), empty)
        by_category[part.currency, part.charge_category] = replace(
            before,
            rows=before.rows + part.rows,
            billed_cost=before.billed_cost + part.billed_cost,
            effective_cost=(before.effective_cost or Decimal(0)) + part.effective_cost,
        )
    return by_category.values()


def days(count: int) -> timedelta:
    """So many days."""
    return timedelta(days=count)
