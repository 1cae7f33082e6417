"""Counting is one number for each use, however many connections count at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, NullPool, create_engine, func, select

from staxpipe.db import rate_limits
from staxpipe.db.tables import rate_limits as table

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SPAN = timedelta(minutes=15)


@pytest.fixture
def unpooled(database_url: str) -> Iterator[Engine]:
    """A connection of its own for everything, as different processes have."""
    engine = create_engine(database_url, poolclass=NullPool)
    yield engine
    engine.dispose()


def counted(engine: Engine, key: str, now: datetime = NOW, times: int = 1) -> rate_limits.Usage:
    with engine.begin() as connection:
        return rate_limits.count(connection, key, now, SPAN, times)


def test_a_span_begins_with_the_first_use_and_ends_whatever_is_tried(engine: Engine) -> None:
    first = counted(engine, "a")
    later = counted(engine, "a", NOW + timedelta(minutes=14))
    assert (first.used, later.used) == (1, 2)
    assert first.ends_at == later.ends_at == NOW + SPAN
    new = counted(engine, "a", NOW + SPAN)
    assert (new.used, new.ends_at) == (1, NOW + 2 * SPAN)


def test_keys_are_counted_apart_and_several_at_once_count_as_many(engine: Engine) -> None:
    assert counted(engine, "a", times=3).used == 3
    assert counted(engine, "b").used == 1
    assert counted(engine, "a", times=2).used == 5


def test_of_many_at_once_each_gets_a_number_of_its_own(unpooled: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        used = sorted(usage.used for usage in pool.map(lambda _: counted(unpooled, "a"), range(80)))
    assert used == list(range(1, 81))


def test_one_that_was_none_is_given_back(engine: Engine) -> None:
    counted(engine, "a", times=2)
    with engine.begin() as connection:
        rate_limits.give_back(connection, "a", NOW)
        rate_limits.give_back(connection, "a", NOW + SPAN)  # its span is over: there is nothing to give back to
        rate_limits.give_back(connection, "unknown", NOW)
    assert counted(engine, "a").used == 2


def test_a_counter_that_somebody_drives_up_does_not_overflow(engine: Engine) -> None:
    for _ in range(3):
        usage = counted(engine, "a", times=1_000_000)
    assert usage.used == 1_000_000


def test_two_that_count_several_and_forget_never_wait_for_each_other(unpooled: Engine) -> None:
    def spend(number: int) -> None:
        now = NOW + number * SPAN / 4  # spans end all the time
        with unpooled.begin() as connection:
            for key in sorted(("a", "b", f"c{number % 3}", f"d{number % 5}")):
                rate_limits.count(connection, key, now, SPAN)
            rate_limits.forget(connection, now)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(spend, range(80))) == [None] * 80


def test_what_is_over_is_forgotten_and_nobody_waits_for_it(unpooled: Engine) -> None:
    for number in range(5):
        counted(unpooled, f"old{number}")
    later = NOW + SPAN
    with unpooled.begin() as busy:
        assert rate_limits.count(busy, "old0", later, SPAN).used == 1  # taken up again, and not committed yet
        with unpooled.begin() as other:
            assert rate_limits.count(other, "new", later, SPAN).used == 1
            rate_limits.forget(other, later)
    with unpooled.connect() as connection:
        assert set(connection.scalars(select(table.c.key))) == {"old0", "new"}
        assert connection.scalar(select(func.count()).select_from(table)) == 2
