"""Receipts for data that was deleted, and until then the orders to delete it.

Queries only; each takes a Connection whose transaction the caller owns. What is deleted, and how, is in
`staxpipe.unlinking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import deletion_receipts


@dataclass(frozen=True)
class DeletionReceipt:
    """What became of one link's data.

    `scope` says which exports are deleted, once that is decided. `found` counts what there was, `remaining` the same
    afterwards; `finished_at` is set when the second is all zeros. `error` is why the last attempt came to nothing.
    """

    id: int
    link_id: str
    account_id: str
    asked_by: str
    asked_at: datetime
    scope: Mapping[str, Any] | None
    found: Mapping[str, Any] | None
    remaining: Mapping[str, Any] | None
    finished_at: datetime | None
    attempts: int
    error: str | None


def ask(connection: Connection, link_id: str, account_id: str, by: str, now: datetime) -> bool:
    """Order the deletion of a link's data; False when it was ordered before."""
    added = connection.execute(
        upsert(deletion_receipts)
        .values(link_id=link_id, account_id=account_id, asked_by=by, asked_at=now, next_attempt_at=now)
        .on_conflict_do_nothing(index_elements=["link_id"])
        .returning(deletion_receipts.c.id)
    ).first()
    return added is not None


def get(connection: Connection, receipt_id: int) -> DeletionReceipt:
    """One receipt; raises NoResultFound for an unknown number."""
    return _receipt(connection.execute(select(deletion_receipts).where(deletion_receipts.c.id == receipt_id)).one())


def of_link(connection: Connection, link_id: str) -> DeletionReceipt | None:
    """The receipt of a link's data, if its deletion was ordered."""
    row = connection.execute(select(deletion_receipts).where(deletion_receipts.c.link_id == link_id)).first()
    return None if row is None else _receipt(row)


def of_account(connection: Connection, account_id: str) -> list[DeletionReceipt]:
    """All receipts of an account, the oldest first."""
    wanted = select(deletion_receipts).where(deletion_receipts.c.account_id == account_id)
    return [_receipt(row) for row in connection.execute(wanted.order_by(deletion_receipts.c.id))]


def due(connection: Connection, now: datetime) -> list[int]:
    """The orders to be worked on now, the oldest first."""
    rows = connection.execute(
        select(deletion_receipts.c.id)
        .where(deletion_receipts.c.finished_at.is_(None), deletion_receipts.c.next_attempt_at <= now)
        .order_by(deletion_receipts.c.id)
    )
    return list(rows.scalars())


def put_scope(
    connection: Connection, receipt_id: int, scope: Mapping[str, object], found: Mapping[str, object]
) -> None:
    """Which exports are deleted, and what of them was: call it in the transaction that deletes their rows."""
    _change(connection, receipt_id, scope=dict(scope), found=dict(found))


def add_found(connection: Connection, receipt_id: int, found: Mapping[str, object]) -> None:
    """What else there is, counted before it is deleted; the scope is decided by then."""
    _change(connection, receipt_id, found=deletion_receipts.c.found.concat(dict(found)))


def finish(connection: Connection, receipt_id: int, remaining: Mapping[str, object], now: datetime) -> None:
    """All of it is gone, and that was counted."""
    _change(connection, receipt_id, remaining=dict(remaining), finished_at=now, error=None)


def postpone(connection: Connection, receipt_id: int, error: str, until: datetime) -> None:
    """It could not be done now; nobody tries again before `until`."""
    attempts = deletion_receipts.c.attempts + 1
    _change(connection, receipt_id, attempts=attempts, error=error, next_attempt_at=until)


def _change(connection: Connection, receipt_id: int, **values: object) -> None:
    connection.execute(update(deletion_receipts).where(deletion_receipts.c.id == receipt_id).values(**values))


def _receipt(row: Row[Any]) -> DeletionReceipt:
    return DeletionReceipt(**{field.name: row._mapping[field.name] for field in fields(DeletionReceipt)})
