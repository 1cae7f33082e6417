"""Sessions that were ended before their time, by signing out or by a newer session in the same browser; and what works
once: sign-ins at a provider that were answered, forms that made a token.

Queries only; each takes a Connection whose transaction the caller owns. A session's id stands inside its signed
cookie (`staxpipe.onboarding.sessions`): whoever reads it here cannot make a cookie of it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import ended_sessions


def end(connection: Connection, session_id: str, now: datetime, forget_at: datetime) -> bool:
    """End a session; from `forget_at` on its cookie is over by itself, and the row is of no use any more.

    False where it was ended before: of two who do it at once, one gets True.
    """
    connection.execute(delete(ended_sessions).where(ended_sessions.c.forget_at <= now))
    row = {"session_id": session_id, "forget_at": forget_at}
    return connection.execute(upsert(ended_sessions).values(row).on_conflict_do_nothing()).rowcount == 1


def is_ended(connection: Connection, session_id: str) -> bool:
    """Whether a session was ended."""
    known = select(exists().where(ended_sessions.c.session_id == session_id))
    return bool(connection.execute(known).scalar_one())
