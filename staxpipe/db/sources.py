"""Which export counts for a billing account's month, and what the exports that hold it come to.

Queries only; each takes a Connection whose transaction the caller owns. The rule is in `staxpipe.warehouse`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db import results
from staxpipe.db.tables import (
    deliveries,
    delivery_services,
    delivery_sums,
    exports,
    findings,
    period_sources,
)
from staxpipe.model import BillingPeriod, DeliveryState, ExportKind, Finding


@dataclass(frozen=True)
class Holder:
    """One export that holds a billing account's month, and the delivery of it that readers see.

    `owner` is the account that owns the export, `account_id` the linked account; None where that is not known, or
    for files that a person loaded. `columns` are the delivered columns' names, empty where nobody kept them.
    """

    export_id: int
    source: str
    kind: ExportKind
    linked: bool
    owner: str | None
    delivery: int
    account_id: str | None
    delivered_at: datetime
    final: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class CostLine:
    """What a delivery bills an account for one usage account, service and charge category, in one currency.

    `service_name` is None where only the control totals were kept, as for deliveries that were published before there
    was a journal; then nothing is known of usage accounts either.
    """

    sub_account_id: str | None
    service_name: str | None
    charge_category: str
    currency: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal


def lock_account(connection: Connection, account: str) -> None:
    """Wait for, then hold until the transaction ends, the right to elect a billing account's sources."""
    key = f"sources/{account}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def current_delivery(connection: Connection, export_id: int, period: BillingPeriod) -> int | None:
    """The export's delivery of the month that is in the lake: committed last, published already or about to be."""
    return connection.execute(
        select(deliveries.c.id)
        .where(deliveries.c.export_id == export_id, deliveries.c.period == str(period))
        .where(deliveries.c.state.not_in([DeliveryState.SUPERSEDED, DeliveryState.FAILED]))
        .order_by(deliveries.c.committed_at.desc().nulls_last(), deliveries.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def holders(
    connection: Connection,
    account: str,
    period: BillingPeriod,
    publishing: tuple[int, int | None] | None = None,
) -> list[Holder]:
    """The exports whose loaded delivery of the month holds rows of the account, by number.

    Args:
        connection: the caller's.
        account: a billing account.
        period: the month.
        publishing: an export and its delivery that is about to be published: it stands for what is loaded of it.
    """
    current: Any = deliveries.c.state == DeliveryState.LOADED
    if publishing is not None:
        export_id, delivery = publishing
        current = or_(and_(current, deliveries.c.export_id != export_id), deliveries.c.id == delivery)
    sums = delivery_sums.c
    has_rows = exists().where(
        sums.delivery == deliveries.c.id, sums.side == "focus", sums.billing_account_id == account
    )
    rows = connection.execute(
        select(
            deliveries.c.id,
            deliveries.c.account_id,
            deliveries.c.delivered_at,
            deliveries.c.final,
            deliveries.c.columns_read,
            deliveries.c.manifest["columns"].label("columns_named"),
            exports.c.id.label("export_id"),
            exports.c.source,
            exports.c.kind,
            exports.c.link_id,
            exports.c.owner,
        )
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(deliveries.c.period == str(period), current, has_rows)
        .order_by(exports.c.id)
    )
    return [
        Holder(
            export_id=row.export_id,
            source=row.source,
            kind=ExportKind(row.kind),
            linked=row.link_id is not None,
            owner=row.owner,
            delivery=row.id,
            account_id=row.account_id,
            delivered_at=row.delivered_at,
            final=bool(row.final),
            columns=_column_names(row.columns_read) or _column_names(row.columns_named),
        )
        for row in rows
    ]


def _column_names(kept: object) -> tuple[str, ...]:
    """Names of a delivery's columns, kept as a list of names or of (name, type)."""
    if not isinstance(kept, list):
        return ()
    return tuple(str(item[0]) if isinstance(item, list) and item else str(item) for item in kept)


def months(connection: Connection, account: str) -> list[BillingPeriod]:
    """The months of which some export holds rows of the account, oldest first."""
    rows = connection.execute(
        select(deliveries.c.period)
        .distinct()
        .join(delivery_sums, delivery_sums.c.delivery == deliveries.c.id)
        .where(deliveries.c.state == DeliveryState.LOADED, delivery_sums.c.side == "focus")
        .where(delivery_sums.c.billing_account_id == account)
        .order_by(deliveries.c.period)
    )
    return [BillingPeriod.parse(period) for period in rows.scalars()]


def cost_lines(connection: Connection, account: str, of: Collection[int]) -> dict[int, tuple[CostLine, ...]]:
    """What deliveries bill the account: by usage account and service where the journal tells, else by category."""
    lines: dict[int, list[CostLine]] = defaultdict(list)
    kept = delivery_services.c
    for row in connection.execute(
        select(delivery_services).where(kept.delivery.in_(of), kept.billing_account_id == account)
    ).mappings():
        values = {name: row[name] for name in CostLine.__dataclass_fields__}
        lines[row["delivery"]].append(CostLine(**values))
    sums = delivery_sums.c
    for row in connection.execute(
        select(delivery_sums)
        .where(sums.delivery.in_(set(of) - set(lines)), sums.side == "focus", sums.billing_account_id == account)
        .order_by(sums.currency, sums["class"])
    ).mappings():
        effective = row["effective_cost"] if row["effective_cost"] is not None else Decimal(0)
        category, currency = row["class"], row["currency"]
        line = CostLine(None, None, category, currency, row["rows"], row["billed_cost"], effective)
        lines[row["delivery"]].append(line)
    return {delivery: tuple(found) for delivery, found in lines.items()}


def elected(connection: Connection, account: str, period: BillingPeriod) -> int | None:
    """The export that counts for the account's month now."""
    return connection.execute(
        select(period_sources.c.export_id).where(_month(period_sources, account, str(period)))
    ).scalar_one_or_none()


def counted_from(connection: Connection, export_id: int, period: BillingPeriod) -> set[str]:
    """The billing accounts whose month this export counts for."""
    rows = connection.execute(
        select(period_sources.c.billing_account_id).where(
            period_sources.c.export_id == export_id, period_sources.c.period == str(period)
        )
    )
    return set(rows.scalars())


def set_elected(connection: Connection, account: str, period: BillingPeriod, export_id: int, reason: str) -> None:
    """Make the export count for the account's month. The time of its election changes only with the export."""
    statement = upsert(period_sources).values(
        billing_account_id=account, period=str(period), export_id=export_id, reason=reason
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["billing_account_id", "period"],
            set_={"export_id": statement.excluded.export_id, "elected_at": func.now()},
            where=period_sources.c.export_id != statement.excluded.export_id,
        )
    )
    connection.execute(
        period_sources.update().where(_month(period_sources, account, str(period))).values(reason=reason)
    )


def remove_elected(connection: Connection, account: str, period: BillingPeriod) -> None:
    """Nothing counts for the account's month: no export holds it any more."""
    connection.execute(delete(period_sources).where(_month(period_sources, account, str(period))))


def export_source(connection: Connection, export_id: int) -> str | None:
    """Where an export is delivered, or None for an unknown number."""
    return connection.execute(select(exports.c.source).where(exports.c.id == export_id)).scalar_one_or_none()


def replace_findings(
    connection: Connection,
    account: str,
    period: BillingPeriod,
    about: Iterable[Holder],
    codes: Collection[str],
    found: Mapping[int, Iterable[Finding]],
) -> None:
    """Write findings about deliveries in the place of earlier ones of these codes about the same account.

    A delivery may hold several billing accounts: the first example of each such finding is the account.
    """
    holding = {holder.delivery: holder for holder in about}
    connection.execute(
        delete(findings).where(
            findings.c.delivery.in_(holding),
            findings.c.code.in_(codes),
            findings.c.examples[0].astext == account,
        )
    )
    for delivery, told in sorted(found.items()):
        for finding in told:
            results.add_finding(
                connection, finding, delivery=delivery, account_id=holding[delivery].account_id, period=period
            )


def _month(table: Any, account: str, period: str) -> Any:
    return and_(table.c.billing_account_id == account, table.c.period == period)
