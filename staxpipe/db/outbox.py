"""The outbox: messages that must be sent because something was committed.

Enqueue in the transaction whose fact the message tells: either both are kept or neither, and the unique key
makes a repeat do nothing. Queries only; what a message says and how it travels is in `staxpipe.notify`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import outbox

_WAITING = and_(outbox.c.sent_at.is_(None), outbox.c.given_up_at.is_(None))
_DELIVERED_TO = "delivered_to"  # in the payload: recipients who have it already, when others must be tried again
_OPENS = {"invite": "url"}  # what of a payload lets its reader in: of no use once the mail is on its way


@dataclass(frozen=True)
class OutboxEntry:
    """One message that waits. `attempts` counts those that failed; `delivered_to` who has it already."""

    id: int
    key: str
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    created_at: datetime

    @property
    def delivered_to(self) -> frozenset[str]:
        """Recipients that an earlier attempt reached."""
        return frozenset(self.payload.get(_DELIVERED_TO, ()))


def enqueue(connection: Connection, key: str, kind: str, payload: Mapping[str, object]) -> bool:
    """Add a message to be sent after the caller's transaction commits.

    Args:
        connection: inside the transaction that commits what the message tells.
        key: what makes it the same message, as in ``data_ready:123456789012:2026-10:20261001-20261101/abc``.
        kind: one of `staxpipe.notify.messages.KINDS`.
        payload: JSON values only; money as text.

    Returns:
        False when a message with this key is there already, sent or not. Two transactions that enqueue the same
        key at once wait for each other, and exactly one of them gets True.
    """
    added = connection.execute(
        upsert(outbox)
        .values(key=key, kind=kind, payload=dict(payload))
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(outbox.c.id)
    ).first()
    return added is not None


class Fate(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given up"


def fates(connection: Connection, keys: Collection[str]) -> dict[str, Fate]:
    """What became of the messages with these keys, as far as there are any."""
    rows = connection.execute(
        select(outbox.c.key, outbox.c.sent_at, outbox.c.given_up_at).where(outbox.c.key.in_(keys))
    )
    return {row.key: Fate.SENT if row.sent_at else Fate.GIVEN_UP if row.given_up_at else Fate.WAITING for row in rows}


def take_back(connection: Connection, key: str) -> bool:
    """Remove a message that still waits and shall not be sent any more; False when it was sent, or never there."""
    return connection.execute(delete(outbox).where(outbox.c.key == key, _WAITING)).rowcount == 1


def waiting(connection: Connection, now: datetime) -> int:
    """How many messages a drain would find to send."""
    return connection.execute(select(func.count()).select_from(outbox).where(_due(now))).scalar_one()


def claim(connection: Connection, now: datetime) -> OutboxEntry | None:
    """Lock the message that is due for longest, passing over those that others hold; None when there is none.

    The lock lasts as long as the caller's transaction: a sender that dies gives its message back at once.
    """
    row = connection.execute(
        select(outbox)
        .where(_due(now))
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    return OutboxEntry(row.id, row.key, row.kind, row.payload, row.attempts, row.created_at)


def mark_sent(connection: Connection, message: OutboxEntry, now: datetime, note: str | None = None) -> None:
    """The channel took it. `note` keeps what a person should know, such as one recipient who was refused.

    What opens something is in the mail now, and not in copies of the database.
    """
    _change(connection, message, attempts=message.attempts + 1, sent_at=now, error=note, payload=_shut(message))


def mark_failed(
    connection: Connection, message: OutboxEntry, error: str, retry_at: datetime, delivered_to: Collection[str] = ()
) -> None:
    """It did not get through this time; nobody tries again before `retry_at`, and those it reached are spared."""
    payload = {**message.payload, _DELIVERED_TO: sorted({*message.delivered_to, *delivered_to})}
    _change(connection, message, attempts=message.attempts + 1, next_attempt_at=retry_at, error=error, payload=payload)


def mark_given_up(connection: Connection, message: OutboxEntry, error: str, now: datetime) -> None:
    """It will never get through; the row stays, with its reason, for `status` to show."""
    _change(connection, message, attempts=message.attempts + 1, given_up_at=now, error=error, payload=_shut(message))


def _shut(message: OutboxEntry) -> dict[str, object]:
    """The payload without what lets its reader in."""
    return {name: value for name, value in message.payload.items() if name != _OPENS.get(message.kind)}


def _change(connection: Connection, message: OutboxEntry, **values: object) -> None:
    connection.execute(update(outbox).where(outbox.c.id == message.id).values(**values))


def _due(now: datetime) -> ColumnElement[bool]:
    # A first attempt is always due: next_attempt_at is then the database's clock, which may run ahead of ours.
    return and_(_WAITING, or_(outbox.c.attempts == 0, outbox.c.next_attempt_at <= now))
