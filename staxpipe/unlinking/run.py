"""All that is left to do for links that were stopped or ended: deletions that were ordered, and months to settle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from staxpipe.db import deletion_receipts
from staxpipe.db import deliveries as ledger
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.errors import StaxpipeError
from staxpipe.ingest.outcome import pause
from staxpipe.ingest.platform import Platform
from staxpipe.unlinking.deletion import delete_data
from staxpipe.unlinking.settling import settle

OUR_MISTAKE = "Something went wrong on our side; the log of the run says what. It is tried again by itself."
"""For the page, which shows no inner workings."""


@dataclass
class UnlinkingReport:
    """What a round did. `postponed` are sentences: why something could not be finished this time."""

    finished: list[DeletionReceipt] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    settled: int = 0


def waiting(connection: Connection, now: datetime) -> int:
    """How much a round would find to do."""
    return len(deletion_receipts.due(connection, now)) + len(ledger.unpublished_of_unlinked(connection))


def finish_unlinkings(platform: Platform, now: datetime) -> UnlinkingReport:
    """Do all of it; what cannot be done now holds up nothing else.

    Raises:
        ExceptionGroup: of what is a mistake in staxpipe, or a storage that failed, after all else was seen to; it is
            tried again later.
    """
    report, bugs = UnlinkingReport(), list[Exception]()
    with platform.engine.connect() as connection:
        due = deletion_receipts.due(connection, now)
    for receipt_id in due:
        try:
            report.finished.append(delete_data(platform, receipt_id))
        except StaxpipeError as error:
            _postpone(platform, receipt_id, str(error), now)
            report.postponed.append(str(error))
        except Exception as error:  # noqa: BLE001 - the boundary between deletions; raised below, with the others
            _postpone(platform, receipt_id, OUR_MISTAKE, now)
            bugs.append(error)
    with platform.engine.connect() as connection:
        unpublished = ledger.unpublished_of_unlinked(connection)
    for entry in unpublished:
        try:
            report.settled += settle(platform, entry)
        except StaxpipeError as error:
            report.postponed.append(str(error))
        except Exception as error:  # noqa: BLE001 - as above
            bugs.append(error)
    if bugs:
        raise ExceptionGroup("what links have left that staxpipe could not finish", bugs)
    return report


def _postpone(platform: Platform, receipt_id: int, why: str, now: datetime) -> None:
    with platform.engine.begin() as connection:
        attempts = deletion_receipts.get(connection, receipt_id).attempts
        deletion_receipts.postpone(connection, receipt_id, why, now + pause(attempts))
