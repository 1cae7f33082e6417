"""A session that was ended stays ended until its cookie is over by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select

from staxpipe.db import ended_sessions
from staxpipe.db.tables import ended_sessions as table

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=12)


def test_one_session_is_ended_and_no_other_however_often(engine: Engine) -> None:
    with engine.begin() as connection:
        for _ in range(2):
            ended_sessions.end(connection, "a", NOW, LATER)
        assert ended_sessions.is_ended(connection, "a")
        assert not ended_sessions.is_ended(connection, "b")


def test_it_is_forgotten_when_its_cookie_is_over(engine: Engine) -> None:
    with engine.begin() as connection:
        ended_sessions.end(connection, "a", NOW, LATER)
        ended_sessions.end(connection, "b", LATER, LATER + timedelta(hours=12))
        assert connection.scalars(select(table.c.session_id)).all() == ["b"]
