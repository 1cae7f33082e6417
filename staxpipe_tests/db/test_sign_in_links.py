"""A sign-in link works once, for a while, and cannot be read back from the database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select

from staxpipe.db import sign_in_links
from staxpipe.db.tables import sign_in_links as table

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)


def issued(engine: Engine, now: datetime = NOW) -> str:
    with engine.begin() as connection:
        return sign_in_links.issue(connection, now, LIFETIME)


def test_it_works_once(engine: Engine) -> None:
    token = issued(engine)
    with engine.begin() as connection:
        assert sign_in_links.is_usable(connection, token, NOW)
        assert sign_in_links.is_usable(connection, token, NOW)  # asking does not use it up
        assert sign_in_links.redeem(connection, token, NOW)
        assert not sign_in_links.redeem(connection, token, NOW)
        assert not sign_in_links.is_usable(connection, token, NOW)


def test_it_expires(engine: Engine) -> None:
    token = issued(engine)
    with engine.begin() as connection:
        assert not sign_in_links.is_usable(connection, token, NOW + LIFETIME)
        assert not sign_in_links.redeem(connection, token, NOW + LIFETIME)


def test_an_invented_token_opens_nothing(engine: Engine) -> None:
    issued(engine)
    with engine.begin() as connection:
        for invented in ("", "x" * 43, "\ud800"):
            assert not sign_in_links.redeem(connection, invented, NOW)


def test_of_two_who_use_it_at_once_one_gets_in(engine: Engine) -> None:
    token = issued(engine)
    results: list[bool] = []

    def use() -> None:
        with engine.begin() as connection:
            results.append(sign_in_links.redeem(connection, token, NOW))

    with engine.begin() as connection:
        assert sign_in_links.redeem(connection, token, NOW)
        other = threading.Thread(target=use)
        other.start()  # waits for the row until this transaction ends
    other.join()
    assert results == [False]


def test_the_token_itself_is_not_stored_and_old_rows_go(engine: Engine) -> None:
    token = issued(engine)
    with engine.connect() as connection:
        assert token not in str(connection.execute(select(table)).all())
    issued(engine, NOW + timedelta(days=60))
    with engine.connect() as connection:
        assert len(connection.execute(select(table)).all()) == 1
