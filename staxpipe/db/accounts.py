"""The accounts of organisations, and what reading them came to. Queries only; the caller owns the transaction.

What an organisation is, is said in `staxpipe.organization`; names join the marts in `staxpipe.warehouse.tables`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import accounts, organization_readings
from staxpipe.organization.due import LastReading, Outcome
from staxpipe.organization.members import LEFT_AFTER, Member, Organization


@dataclass(frozen=True)
class Account:
    """An account as it was seen last. `tags` are None where they were never read; `left_at` where it is still there."""

    account_id: str
    management_account_id: str
    name: str
    status: str
    ou_id: str
    ou_path: str
    tags: Mapping[str, str] | None
    tags_at: datetime | None
    first_seen: datetime
    seen_at: datetime
    left_at: datetime | None

    @property
    def manages(self) -> bool:
        """Whether it is the organisation's management account."""
        return self.account_id == self.management_account_id


def listed(connection: Connection, management_account: str | None = None) -> list[Account]:
    """Every account that was ever seen, by organisation and place in it; of one organisation, where it is named."""
    statement = select(accounts).order_by(accounts.c.management_account_id, accounts.c.ou_path, accounts.c.account_id)
    if management_account is not None:
        statement = statement.where(accounts.c.management_account_id == management_account)
    return [
        Account(**{field.name: row._mapping[field.name] for field in fields(Account)})
        for row in connection.execute(statement)
    ]


def tags_read_at(connection: Connection) -> dict[str, datetime | None]:
    """When the tags of each account were read last."""
    return {
        row.account_id: row.tags_at for row in connection.execute(select(accounts.c.account_id, accounts.c.tags_at))
    }


def keep(connection: Connection, link_id: str, organization: Organization, now: datetime) -> None:
    """Keep an organisation as a link's role read it at `now`; accounts that were not seen for long have left.

    An account is in one organisation: one that moved from another is where it was seen last, and its tags of there,
    which were that one's, stay behind.
    """
    rows = [_row(link_id, organization.management_account, member, now) for member in organization.members]
    if rows:
        statement = upsert(accounts)
        new = statement.excluded
        moved = new.management_account_id != accounts.c.management_account_id
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id"],
                set_={
                    **{name: new[name] for name in ("management_account_id", "link_id", "name", "status")},
                    **{name: new[name] for name in ("ou_id", "ou_path", "seen_at", "left_at")},
                    **{
                        name: case((moved, new[name]), else_=func.coalesce(new[name], accounts.c[name]))
                        for name in ("tags", "tags_at")
                    },
                },
            ),
            rows,
        )
    _leave(connection, organization.management_account, accounts.c.seen_at < now - LEFT_AFTER)


def end(connection: Connection, management_account: str) -> None:
    """An account manages no organisation any more: all that were in it have left."""
    _leave(connection, management_account)


def keep_reading(connection: Connection, account: str, link_id: str, reading: LastReading) -> None:
    """Keep what a reading came to, in the place of the one before."""
    values: dict[str, Any] = {
        "link_id": link_id,
        "at": reading.at,
        "outcome": reading.outcome.value,
        "words": reading.words,
        "accounts": reading.accounts,
    }
    connection.execute(
        upsert(organization_readings)
        .values(account_id=account, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )


def readings(connection: Connection, account_ids: Collection[str] | None = None) -> dict[str, LastReading]:
    """The last reading of every linked account that had one, or of these."""
    statement = select(organization_readings).order_by(organization_readings.c.account_id)
    if account_ids is not None:
        statement = statement.where(organization_readings.c.account_id.in_(account_ids))
    return {
        row.account_id: LastReading(row.at, Outcome(row.outcome), row.words, row.accounts)
        for row in connection.execute(statement)
    }


def _leave(connection: Connection, management_account: str, *conditions: ColumnElement[bool]) -> None:
    here = (accounts.c.management_account_id == management_account, accounts.c.left_at.is_(None))
    connection.execute(update(accounts).where(*here, *conditions).values(left_at=accounts.c.seen_at))


def _row(link_id: str, management_account: str, member: Member, now: datetime) -> dict[str, Any]:
    return {
        "account_id": member.account_id,
        "management_account_id": management_account,
        "link_id": link_id,
        "name": _kept(member.name),
        "status": member.status,
        "ou_id": member.ou_id,
        "ou_path": _kept(member.ou_path),
        "tags": None if member.tags is None else {_kept(key): _kept(value) for key, value in member.tags.items()},
        "tags_at": None if member.tags is None else now,
        "first_seen": now,
        "seen_at": now,
        "left_at": None,
    }


def _kept(text: str) -> str:
    """The text, without what Postgres cannot hold: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
