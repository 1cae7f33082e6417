"""One-time sign-in links: each makes one operator session, once, for as long as its maker says.

Only a token's SHA-256 is kept, so that a copy of the database opens nothing. A plain hash is enough: the token has
256 random bits. Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from staxpipe.db.tables import sign_in_links

_FORGOTTEN_AFTER = timedelta(days=30)


def issue(connection: Connection, now: datetime, lifetime: timedelta) -> str:
    """Make a link's token; this is the only time that it can be read. Links long past are removed by the way."""
    connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at < now - _FORGOTTEN_AFTER))
    token = secrets.token_urlsafe(32)
    connection.execute(insert(sign_in_links).values(token_hash=_hash(token), created_at=now, expires_at=now + lifetime))
    return token


def is_usable(connection: Connection, token: str, now: datetime) -> bool:
    """Whether `redeem` would succeed; the link is not used up by asking."""
    return bool(connection.execute(select(exists().where(_usable(token, now)))).scalar_one())


def redeem(connection: Connection, token: str, now: datetime) -> bool:
    """Use the link up. False when it is unknown, expired or used; of two who try at once one gets True."""
    return connection.execute(update(sign_in_links).where(_usable(token, now)).values(used_at=now)).rowcount == 1


def _usable(token: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        sign_in_links.c.token_hash == _hash(token), sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > now
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
