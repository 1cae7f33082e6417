"""The rows that go with a link: deleted in one transaction, and counted again by the same conditions.

What stays is what an audit needs and what holds no data: the link with its request, the audit log, and the receipt.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, tuple_, union

from staxpipe.db import sources
from staxpipe.db.tables import (
    comparisons,
    deliveries,
    delivery_identities,
    delivery_services,
    delivery_sums,
    doctor_reports,
    exports,
    findings,
    outbox,
    period_sources,
    quarantine,
    reconciliations,
    source_choices,
)
from staxpipe.model import BillingPeriod
from staxpipe.unlinking.scope import Scope
from staxpipe.warehouse.election import reelect
from staxpipe.warehouse.tables import daily_costs_all

RECEIPT_KIND = "data_deleted"
"""The kind of message that tells of a deletion: of all messages about the link, it stays."""

_OF_DELIVERIES = (
    quarantine,
    delivery_services,
    delivery_sums,
    delivery_identities,
    reconciliations,
)


def lock_accounts(connection: Connection, link_id: str) -> None:
    """Hold the right to elect sources for every billing account that a link's exports have, before anything is locked.

    Always in the same order, and before rows: whoever publishes a month does it so, too.
    """
    for account in sorted({account for account, _ in _held_months(connection, exports.c.link_id == link_id)}):
        sources.lock_account(connection, account)


def delete_rows(connection: Connection, scope: Scope, actor: str) -> dict[str, int]:
    """Delete every row of the scope, and have other exports counted in its place; returns how many, by table."""
    own = exports.c.id.in_(scope.exports)
    months = sorted(_held_months(connection, own))
    deleted: dict[str, int] = {}
    for table, condition in _belongings(scope):
        if table is exports:  # no month may be counted from an export that is gone
            for account, period in months:
                reelect(connection, account, BillingPeriod.parse(period), actor)
        gone = connection.execute(delete(table).where(condition)).rowcount
        deleted[table.name] = deleted.get(table.name, 0) + gone
    return deleted


def count_rows(connection: Connection, scope: Scope) -> dict[str, int]:
    """How many rows of the scope there are, by table."""
    found: dict[str, int] = {}
    for table, condition in _belongings(scope):
        rows = connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
        found[table.name] = found.get(table.name, 0) + rows
    return found


def _belongings(scope: Scope) -> list[tuple[Table, ColumnElement[bool]]]:
    """Each table with what is true of the scope's rows, in an order in which they can be deleted."""
    own = deliveries.c.export_id.in_(scope.exports)
    ids = select(deliveries.c.id).where(own)
    decided = datetime.fromisoformat(scope.decided_at)
    compared = tuple_(comparisons.c.billing_account_id, comparisons.c.period).in_(scope.months)
    told: ColumnElement[bool] = outbox.c.payload["url"].astext.endswith(
        f"/requests/{scope.request_id}", autoescape=True
    )
    noted: ColumnElement[bool] = findings.c.delivery.in_(ids)
    if scope.alone:
        of_account = outbox.c.payload["account_id"].astext == scope.account_id
        told = or_(told, and_(outbox.c.key.startswith("run_failed:"), of_account))
        noted = or_(
            noted,
            and_(
                findings.c.delivery.is_(None),
                findings.c.account_id == scope.account_id,
                findings.c.found_at <= decided,
            ),
        )
    return [
        (daily_costs_all, daily_costs_all.c.export_id.in_(scope.exports)),
        (findings, noted),
        *((table, table.c.delivery.in_(ids)) for table in _OF_DELIVERIES),
        (comparisons, and_(compared, comparisons.c.compared_at <= decided)),
        (outbox, and_(told, outbox.c.kind != RECEIPT_KIND, outbox.c.created_at <= decided)),
        (doctor_reports, doctor_reports.c.request_id == scope.request_id),
        (source_choices, source_choices.c.export_id.in_(scope.exports)),
        (deliveries, own),
        (exports, exports.c.id.in_(scope.exports)),
    ]


def _held_months(connection: Connection, of_exports: ColumnElement[bool]) -> set[tuple[str, str]]:
    """The billing accounts and months that exports have rows of, or are counted for."""
    with_rows = (
        select(delivery_sums.c.billing_account_id, deliveries.c.period)
        .join(deliveries, deliveries.c.id == delivery_sums.c.delivery)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(of_exports)
    )
    counted = (
        select(period_sources.c.billing_account_id, period_sources.c.period)
        .join(exports, exports.c.id == period_sources.c.export_id)
        .where(of_exports)
    )
    rows = connection.execute(union(with_rows, counted))
    return {(row.billing_account_id, row.period) for row in rows}
