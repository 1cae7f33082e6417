"""Recording how a step ended, whatever way it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from staxpipe.db import audit_log
from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.errors import PermanentError, TransientError
from staxpipe.ingest.announcement import GIVE_UP_WAITING, announce_failure, announce_if_complete
from staxpipe.ingest.exclusive import UnlinkedError
from staxpipe.ingest.platform import Platform
from staxpipe.settings import Settings

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)


def pause(attempts: int) -> timedelta:
    """How long a delivery waits after so many attempts before it is asked for again: doubling, up to six hours.

    Short at first, since most often a process was killed, and the next attempt is the good one.
    """
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
    except UnlinkedError:
        raise  # nothing failed: the ledger keeps its state, and goes on from there if the account is linked again
    except PermanentError as error:
        with platform.engine.begin() as connection:
            ledger.mark_failed(connection, entry.id, str(error))
            detail = {"account": entry.account_id, "period": str(entry.period), "why": str(error)}
            audit_log.record(connection, audit_log.WE, "month.loaded", f"delivery:{entry.id}", "failed", detail=detail)
            announce_failure(connection, platform.settings, entry, str(error))
            if entry.account_id is not None:
                announce_if_complete(connection, platform.settings, entry.account_id)
        raise
    except TransientError as error:
        with platform.engine.begin() as connection:
            postpone(connection, platform.settings, entry, str(error))
        raise


def postpone(connection: Connection, settings: Settings, entry: LedgerEntry, error: str) -> None:
    """Make a delivery wait after a passing error; one that fails again and again is told and holds back no mail."""
    ledger.postpone(connection, entry.id, error, datetime.now(UTC) + pause(entry.attempts))
    if entry.attempts >= GIVE_UP_WAITING:
        announce_failure(connection, settings, entry, error)
        if entry.account_id is not None:
            announce_if_complete(connection, settings, entry.account_id)
