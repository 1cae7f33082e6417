"""Invitations: who was asked to go on with a link request, by whom, and until when.

Queries only; each takes a Connection whose transaction the caller owns. The token in an invitation's address is
signed by `staxpipe.onboarding.sessions`; what it opens is looked up here each time, so that an end is an end.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import invites


@dataclass(frozen=True)
class Invite:
    """One invitation of one address to one request."""

    id: str
    request_id: str
    email: str
    note: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    first_used_at: datetime | None


def invite(
    connection: Connection,
    request_id: str,
    email: str,
    note: str,
    invited_by: str,
    now: datetime,
    expires_at: datetime,
) -> Invite | None:
    """Invite an address; None when its invitation is still open, so that asking twice sends one mail.

    An invitation that has expired is replaced by a new one, with an id of its own: the old address stays dead.
    """
    values = {
        "id": secrets.token_urlsafe(16),
        "note": note,
        "invited_by": invited_by,
        "created_at": now,
        "expires_at": expires_at,
        "first_used_at": None,
    }
    row = connection.execute(
        upsert(invites)
        .values(request_id=request_id, email=email, **values)
        .on_conflict_do_update(constraint="uq_invites_request_email", set_=values, where=invites.c.expires_at <= now)
        .returning(invites)
    ).first()
    return Invite(**row._mapping) if row else None


def usable(connection: Connection, invite_ids: Sequence[str], request_id: str, now: datetime) -> Invite | None:
    """One of these invitations that opens the request now, or None."""
    row = connection.execute(
        select(invites)
        .where(invites.c.id.in_(invite_ids), invites.c.request_id == request_id, invites.c.expires_at > now)
        .limit(1)
    ).first()
    return Invite(**row._mapping) if row else None


def get(connection: Connection, invite_id: str, now: datetime) -> Invite | None:
    """The invitation while it is open, else None."""
    row = connection.execute(select(invites).where(invites.c.id == invite_id, invites.c.expires_at > now)).first()
    return Invite(**row._mapping) if row else None


def mark_used(connection: Connection, invite_id: str, now: datetime) -> bool:
    """Remember when it was first used. False when that is known already."""
    statement = update(invites).where(invites.c.id == invite_id, invites.c.first_used_at.is_(None))
    return connection.execute(statement.values(first_used_at=now)).rowcount == 1


def of_request(connection: Connection, request_id: str) -> list[Invite]:
    """All invitations to a request, oldest first."""
    statement = select(invites).where(invites.c.request_id == request_id)
    rows = connection.execute(statement.order_by(invites.c.created_at, invites.c.email))
    return [Invite(**row._mapping) for row in rows]


def count(connection: Connection, request_id: str) -> int:
    """How many addresses were invited to a request, ever."""
    return connection.execute(
        select(func.count()).select_from(invites).where(invites.c.request_id == request_id)
    ).scalar_one()
