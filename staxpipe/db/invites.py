"""Invitations: who was asked to go on with a link request, by whom, and until when.

Queries only; each takes a Connection whose transaction the caller owns. The token in an invitation's address is
signed by `staxpipe.onboarding.sessions`; what it opens is looked up here each time, so that an end is an end.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.link_requests import OPERATOR, group_ids
from staxpipe.db.tables import invites

LIFETIME = timedelta(days=7)
"""How long an invitation opens its request, from its last mail on."""

MOST_MAILS = 5
"""Mails to one address about one request, ever: nobody is to be pestered."""

SHORTEST_PAUSE = timedelta(minutes=10)
"""Between two of them."""


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
    withdrawn_at: datetime | None
    mails: int
    mailed_at: datetime
    inviter: str

    @property
    def mail_key(self) -> str:
        """What the last mail about it is called in the outbox: each mail has a name of its own."""
        return f"invite:{self.id}" if self.mails == 1 else f"invite:{self.id}:{self.mails}"

    def is_open(self, now: datetime) -> bool:
        """Whether its address leads anywhere."""
        return self.withdrawn_at is None and self.expires_at > now

    def may_go_again(self, now: datetime) -> bool:
        """Whether another mail about it may be sent now."""
        enough = self.mails >= MOST_MAILS or self.mailed_at > now - SHORTEST_PAUSE
        return self.withdrawn_at is None and not enough


def invite(
    connection: Connection,
    request_id: str,
    email: str,
    note: str,
    invited_by: str,
    now: datetime,
    expires_at: datetime,
    inviter: str = OPERATOR,
) -> Invite | None:
    """Invite an address; None when its invitation is still open, so that asking twice sends one mail.

    An invitation that has expired or was withdrawn is replaced by a new one, with an id of its own: the old address
    stays dead. It is replaced until the address got `MOST_MAILS`. `invited_by` is how the person is called in the mail,
    `inviter` who that was to us.
    """
    values = {
        "id": secrets.token_urlsafe(16),
        "note": note,
        "invited_by": invited_by,
        "inviter": inviter,
        "created_at": now,
        "expires_at": expires_at,
        "first_used_at": None,
        "withdrawn_at": None,
        "mailed_at": now,
    }
    again = and_(or_(invites.c.expires_at <= now, invites.c.withdrawn_at.is_not(None)), invites.c.mails < MOST_MAILS)
    row = connection.execute(
        upsert(invites)
        .values(request_id=request_id, email=email, **values)
        .on_conflict_do_update(
            constraint="uq_invites_request_email", set_={**values, "mails": invites.c.mails + 1}, where=again
        )
        .returning(invites)
    ).first()
    return Invite(**row._mapping) if row else None


def send_again(
    connection: Connection, request_id: str, invite_id: str, now: datetime, expires_at: datetime
) -> Invite | None:
    """Make an invitation work until `expires_at`, and count one mail more.

    None where it was withdrawn, where the last mail is less than `SHORTEST_PAUSE` old, or where the address got
    `MOST_MAILS` already. Whoever is in by it stays in; an address that has expired does not work again.
    """
    row = connection.execute(
        update(invites)
        .where(
            invites.c.id == invite_id,
            invites.c.request_id == request_id,
            invites.c.withdrawn_at.is_(None),
            invites.c.mails < MOST_MAILS,
            invites.c.mailed_at <= now - SHORTEST_PAUSE,
        )
        .values(expires_at=expires_at, mails=invites.c.mails + 1, mailed_at=now)
        .returning(invites)
    ).first()
    return Invite(**row._mapping) if row else None


def withdraw(connection: Connection, request_id: str, invite_id: str, now: datetime) -> Invite | None:
    """End an invitation at once, for whoever is in by it too; None where it is not open any more."""
    row = connection.execute(
        update(invites)
        .where(invites.c.id == invite_id, invites.c.request_id == request_id, *_open(now))
        .values(withdrawn_at=now)
        .returning(invites)
    ).first()
    return Invite(**row._mapping) if row else None


def usable(connection: Connection, invite_ids: Sequence[str], request_id: str, now: datetime) -> Invite | None:
    """One of these invitations that opens the request now, or None: it opens all accounts asked for together."""
    row = connection.execute(
        select(invites)
        .where(invites.c.id.in_(invite_ids), invites.c.request_id.in_(group_ids(request_id)), *_open(now))
        .limit(1)
    ).first()
    return Invite(**row._mapping) if row else None


def get(connection: Connection, invite_id: str, now: datetime) -> Invite | None:
    """The invitation while it is open, else None."""
    row = connection.execute(select(invites).where(invites.c.id == invite_id, *_open(now))).first()
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
    """How many invitations there are, open or not, to a request and the accounts that are asked for with it."""
    return connection.execute(
        select(func.count()).select_from(invites).where(invites.c.request_id.in_(group_ids(request_id)))
    ).scalar_one()


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (invites.c.expires_at > now, invites.c.withdrawn_at.is_(None))
