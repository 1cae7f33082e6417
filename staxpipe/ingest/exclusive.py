"""One worker at a time on one export's month, across processes; and none on what is not wanted any more, or by a role
that is not proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine, text

from staxpipe.db import links
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.links import Link
from staxpipe.errors import PermanentError, TransientError
from staxpipe.model import BillingPeriod


class UnlinkedError(PermanentError):
    """A person stopped or ended the link while its delivery was worked on: nobody's mistake, and nothing to mend."""

    def __init__(self, entry: LedgerEntry) -> None:
        super().__init__(
            f"{entry.delivery.export.source}, {entry.period}: reading account {entry.account_id} was stopped by a "
            "person, so this delivery goes no further."
        )


@contextmanager
def exclusively(engine: Engine, entry: LedgerEntry) -> Iterator[None]:
    """Wait for, then hold, the right to change an export's month.

    Raises:
        UnlinkedError: the delivery's link was stopped or ended by a person. Whoever has stopped it, and then once held
            the month's right, knows that nobody works on the month any more.
    """
    with month_held(engine, entry.export_id, entry.period):
        refuse_unlinked(engine, entry)
        yield


@contextmanager
def month_held(engine: Engine, export_id: int, period: BillingPeriod) -> Iterator[None]:
    """Hold the right to change an export's month, whatever its link is."""
    with held(engine, f"{export_id}/{period}"):
        yield


@contextmanager
def held(engine: Engine, key: str) -> Iterator[None]:
    """Hold what a key names: one process at a time does.

    A Postgres session lock: it goes with the connection, so a killed worker never leaves one behind.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), {"key": key})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), {"key": key})


def refuse_unlinked(engine: Engine, entry: LedgerEntry) -> None:
    """Go no further with what is not wanted any more.

    Raises:
        UnlinkedError: the delivery's link was stopped or ended by a person.
    """
    if entry.link_id is not None:
        with engine.begin() as connection:
            if not links.is_wanted(connection, entry.link_id):
                raise UnlinkedError(entry)


def refuse_unproved(link: Link, now: datetime) -> None:
    """Use no role that did not hold when it was last tried, or was not tried for long.

    Raises:
        TransientError: so it is.
    """
    if not link.is_proved(now):
        raise TransientError(
            f"Account {link.account_id} waits until its role is proved safe, and nothing is read from its bucket "
            "before. It goes on by itself."
        )
