"""The restatement journal: which deliveries of a month were published, and what each of them came to.

Queries only; each takes a Connection whose transaction the caller owns. What a delivery's rows were is in the lake, as
long as that holds it; the journal stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, String, cast, delete, exists, func, insert, select, update

from staxpipe.db.results import SumRow, sums_of
from staxpipe.db.tables import deliveries, delivery_services, delivery_sums, exports, period_sources
from staxpipe.model import BillingPeriod, DeliveryState


@dataclass(frozen=True)
class JournalEntry:
    """A delivery, as the journal shows it. `published_at` is None for one that readers never saw."""

    id: int
    export_id: int
    source: str
    kind: str
    period: BillingPeriod
    delivery_id: str
    accounts: tuple[str, ...]  # billing accounts that it has rows of
    delivered_at: datetime
    published_at: datetime | None
    current: bool  # readers see it now
    final: bool  # every charge had an invoice
    snapshot_id: int | None  # of the lake's commit; None for one that was never committed
    expired_at: datetime | None  # since when the lake does not hold it any more


@dataclass(frozen=True)
class ServiceCost:
    """What a delivery came to for one service of one sub-account; costs exact, in the currency."""

    billing_account_id: str
    sub_account_id: str | None
    service_name: str
    charge_category: str
    currency: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal


def published(
    connection: Connection, period: BillingPeriod, billing_account_id: str | None = None
) -> list[JournalEntry]:
    """Every published delivery of a month, or of the exports that have one account's, oldest first.

    Of an export that once had the account's month, deliveries that have it no longer are there, too.
    """
    wanted = _entries().where(deliveries.c.period == str(period), deliveries.c.loaded_at.is_not(None))
    if billing_account_id is not None:
        with_account = (
            select(deliveries.c.export_id)
            .join(delivery_sums, delivery_sums.c.delivery == deliveries.c.id)
            .where(deliveries.c.period == str(period), delivery_sums.c.billing_account_id == billing_account_id)
        )
        wanted = wanted.where(deliveries.c.export_id.in_(with_account))
    return [_entry(row) for row in connection.execute(wanted)]


def named(
    connection: Connection, name: str, period: BillingPeriod | None = None, billing_account_id: str | None = None
) -> list[JournalEntry]:
    """The deliveries that a person may mean: the one of that number in the ledger, else those whose id begins so.

    Of one month or of those that have one account, where asked.
    """
    wanted = _entries()
    if period is not None:
        wanted = wanted.where(deliveries.c.period == str(period))
    if billing_account_id is not None:
        of_account = delivery_sums.c.billing_account_id == billing_account_id
        wanted = wanted.where(exists().where(delivery_sums.c.delivery == deliveries.c.id, of_account))
    numbered = connection.execute(wanted.where(cast(deliveries.c.id, String) == name)).all()
    found = numbered or connection.execute(wanted.where(deliveries.c.delivery_id.startswith(name, autoescape=True)))
    return [_entry(row) for row in found]


def counted_export(connection: Connection, billing_account_id: str, period: BillingPeriod) -> int | None:
    """The export that the account's month is counted from; None if that is not loaded."""
    return connection.execute(
        select(period_sources.c.export_id).where(
            period_sources.c.billing_account_id == billing_account_id, period_sources.c.period == str(period)
        )
    ).scalar_one_or_none()


def counted_months(connection: Connection) -> dict[str, list[str]]:
    """The months that are loaded, by billing account, both in order."""
    months: dict[str, list[str]] = {}
    columns = (period_sources.c.billing_account_id, period_sources.c.period)
    for account, period in connection.execute(select(*columns).order_by(*columns)):
        months.setdefault(account, []).append(period)
    return months


def sums(connection: Connection, delivery: int, billing_account_id: str) -> list[SumRow]:
    """What a delivery came to in the lake, by currency and charge category."""
    return [row for row in sums_of(connection, delivery, "focus") if row.billing_account_id == billing_account_id]


def services(connection: Connection, delivery: int, billing_account_id: str) -> list[ServiceCost]:
    """What a delivery came to, by service; nothing if it was published before there was a journal."""
    names = list(ServiceCost.__dataclass_fields__)
    rows = connection.execute(
        select(*(delivery_services.c[name] for name in names))
        .where(delivery_services.c.delivery == delivery, delivery_services.c.billing_account_id == billing_account_id)
        .order_by(*(delivery_services.c[name] for name in names[:5]))
    )
    return [ServiceCost(**row) for row in rows.mappings()]


def replace_services(connection: Connection, delivery: int, costs: Iterable[ServiceCost]) -> None:
    """Write what a delivery came to by service; what was written of it before goes."""
    connection.execute(delete(delivery_services).where(delivery_services.c.delivery == delivery))
    values = [{"delivery": delivery, **asdict(cost)} for cost in costs]
    if values:
        connection.execute(insert(delivery_services), values)


def committed(connection: Connection) -> list[JournalEntry]:
    """Every delivery that was ever committed to the lake."""
    return [_entry(row) for row in connection.execute(_entries().where(deliveries.c.snapshot_id.is_not(None)))]


def mark_expired(connection: Connection, expired: Collection[int], since: datetime) -> None:
    """These deliveries the lake holds no longer."""
    connection.execute(update(deliveries).where(deliveries.c.id.in_(expired)).values(snapshot_expired_at=since))


def mark_held(connection: Connection, held: Collection[int]) -> None:
    """These deliveries the lake holds (again: one that had expired may be loaded once more)."""
    connection.execute(update(deliveries).where(deliveries.c.id.in_(held)).values(snapshot_expired_at=None))


def _entries() -> Any:
    accounts = (
        select(func.array_agg(delivery_sums.c.billing_account_id.distinct()))
        .where(delivery_sums.c.delivery == deliveries.c.id, delivery_sums.c.side == "focus")
        .scalar_subquery()
    )
    return (
        select(deliveries, exports.c.source, exports.c.kind, accounts.label("accounts"))
        .join(exports, exports.c.id == deliveries.c.export_id)
        .order_by(deliveries.c.delivered_at, deliveries.c.id)
    )


def _entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(
        id=row.id,
        export_id=row.export_id,
        source=row.source,
        kind=row.kind,
        period=BillingPeriod.parse(row.period),
        delivery_id=row.delivery_id,
        accounts=tuple(sorted(row.accounts or ())),
        delivered_at=row.delivered_at,
        published_at=row.loaded_at,
        current=row.state == DeliveryState.LOADED,
        final=bool(row.final),
        snapshot_id=row.snapshot_id,
        expired_at=row.snapshot_expired_at,
    )
