"""Recording how a step ended, whatever way it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.errors import PermanentError, TransientError
from staxpipe.ingest.announcement import announce_failure, announce_if_complete
from staxpipe.ingest.platform import Platform

FIRST_PAUSE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)


def pause(attempts: int) -> timedelta:
    """How long a delivery waits after its n-th attempt failed for a passing reason: doubling, up to six hours."""
    doubled: int = 2 ** min(attempts, 20)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


@contextmanager
def outcome_recorded(platform: Platform, entry: LedgerEntry) -> Iterator[None]:
    """Write a failure into the ledger, in words, and let it go on to the caller.

    A permanent one is told to people; a transient one makes the delivery wait. Anything else is a bug or a
    killed process: the ledger keeps its state, and the next run takes it from there.
    """
    try:
        yield
    except PermanentError as error:
        with platform.engine.begin() as connection:
            ledger.mark_failed(connection, entry.id, str(error))
            announce_failure(connection, platform.settings, entry, str(error))
            if entry.account_id is not None:
                announce_if_complete(connection, platform.settings, entry.account_id)
        raise
    except TransientError as error:
        with platform.engine.begin() as connection:
            ledger.postpone(connection, entry.id, str(error), datetime.now(UTC) + pause(entry.attempts))
        raise
