"""Tokens by which programs use the JSON API: made, found by what a program shows, listed, revoked.

Only a token's SHA-256 is kept, so that a copy of the database opens nothing. A plain hash is enough: the token has
256 random bits. Queries only; each takes a Connection whose transaction the caller owns. Who may make one is decided
by the caller, and what one opens in `staxpipe.onboarding.site`.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, insert, or_, select, update

from staxpipe.db.tables import api_tokens

PREFIX = "sxp_"
"""How every token begins, so that people and programs that look for lost secrets know one when they see it."""

_ID_ALPHABET = string.ascii_lowercase + string.digits  # no hyphen: an id is typed as an argument of a command
_NEWEST_FIRST = select(api_tokens).order_by(api_tokens.c.created_at.desc(), api_tokens.c.id)
_USES_APART = timedelta(minutes=1)  # not a write for every request


class Scope(StrEnum):
    """What a token opens."""

    OPERATOR = "operator"  # every request
    LINKER = "linker"  # the requests of the person it acts for


@dataclass(frozen=True)
class ApiToken:
    """One token, without what a program shows. `acts_for` is a mail address, or ``operator``."""

    id: str
    name: str
    scope: Scope
    acts_for: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def holder(self) -> str | None:
        """The person by whose right it opens what it opens: whom a linker's acts for, who made an operator's. None
        where that is the operator, who has no name here.
        """
        if self.scope is Scope.LINKER:
            return self.acts_for
        return self.created_by if "@" in self.created_by else None

    def standing(self, now: datetime) -> str:
        """``valid``, ``expired`` or ``revoked``; `staxpipe.onboarding.tokens` asks who its holder is now, too."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.expires_at > now else "expired"


def issue(
    connection: Connection,
    name: str,
    scope: Scope,
    acts_for: str,
    created_by: str,
    now: datetime,
    lifetime: timedelta,
) -> tuple[ApiToken, str]:
    """Make a token; this is the only time that what a program shows can be read."""
    secret = PREFIX + secrets.token_urlsafe(32)
    row = connection.execute(
        insert(api_tokens)
        .values(
            id="".join(secrets.choice(_ID_ALPHABET) for _ in range(8)),
            token_hash=_hash(secret),
            name=name,
            scope=scope,
            acts_for=acts_for,
            created_by=created_by,
            created_at=now,
            expires_at=now + lifetime,
        )
        .returning(api_tokens)
    ).one()
    return _token(row), secret


def find(connection: Connection, secret: str) -> ApiToken | None:
    """The token that a program shows, whatever its standing; None where there never was one."""
    row = connection.execute(select(api_tokens).where(api_tokens.c.token_hash == _hash(secret))).first()
    return _token(row) if row else None


def note_use(connection: Connection, token_id: str, now: datetime) -> None:
    """Remember that it was used, once a minute."""
    long_ago = or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at <= now - _USES_APART)
    connection.execute(update(api_tokens).where(api_tokens.c.id == token_id, long_ago).values(last_used_at=now))


def revoke(connection: Connection, token_id: str, now: datetime) -> ApiToken | None:
    """End a token at once; None where there is none of this id that was not revoked before."""
    row = connection.execute(
        update(api_tokens)
        .where(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(api_tokens)
    ).first()
    return _token(row) if row else None


def revoke_held_by(connection: Connection, person: str, scopes: Collection[Scope], now: datetime) -> list[ApiToken]:
    """End at once all of a person's that open something yet and have one of these scopes; which those were."""
    statement = (
        update(api_tokens)
        .where(_held_by(person), api_tokens.c.scope.in_([scope.value for scope in scopes]))
        .where(api_tokens.c.revoked_at.is_(None), api_tokens.c.expires_at > now)
        .values(revoked_at=now)
        .returning(api_tokens)
    )
    return [_token(row) for row in connection.execute(statement)]


def get(connection: Connection, token_id: str) -> ApiToken | None:
    """The token of this id, whatever its standing."""
    row = connection.execute(select(api_tokens).where(api_tokens.c.id == token_id)).first()
    return _token(row) if row else None


def every(connection: Connection) -> list[ApiToken]:
    """All that were ever made, the newest first."""
    return [_token(row) for row in connection.execute(_NEWEST_FIRST)]


def newest(connection: Connection, limit: int, after: int = 0, person: str | None = None) -> list[ApiToken]:
    """So many, the newest first, after so many newer ones: a person's, or everybody's."""
    statement = _NEWEST_FIRST.limit(limit).offset(after)
    if person is not None:
        statement = statement.where(_held_by(person))
    return [_token(row) for row in connection.execute(statement)]


def _held_by(person: str) -> ColumnElement[bool]:
    """`ApiToken.holder`, for the database."""
    return case((api_tokens.c.scope == Scope.LINKER, api_tokens.c.acts_for), else_=api_tokens.c.created_by) == person


def _token(row: Row[Any]) -> ApiToken:
    values = {name: row._mapping[name] for name in ApiToken.__dataclass_fields__}
    return ApiToken(**values | {"scope": Scope(row.scope)})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
