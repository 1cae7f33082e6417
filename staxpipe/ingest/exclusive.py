"""One worker at a time on one export's month, across processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from staxpipe.db.deliveries import LedgerEntry


@contextmanager
def exclusively(engine: Engine, entry: LedgerEntry) -> Iterator[None]:
    """Wait for, then hold, the right to change an export's month.

    A Postgres session lock: it goes with the connection, so a killed worker never leaves one behind.
    """
    key = f"{entry.export_id}/{entry.period}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), {"key": key})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), {"key": key})
