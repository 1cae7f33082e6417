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


@dataclass
class UnlinkingReport:
    """What a round did. `postponed` are sentences: why a deletion could not be finished this time."""

    finished: list[DeletionReceipt] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    settled: int = 0


def waiting(connection: Connection, now: datetime) -> int:
    """How much a round would find to do."""
    return len(deletion_receipts.due(connection, now)) + len(ledger.unpublished_of_unlinked(connection))


def finish_unlinkings(platform: Platform, now: datetime) -> UnlinkingReport:
    """Do all of it; one deletion that cannot be done now holds up no other."""
    report = UnlinkingReport()
    with platform.engine.connect() as connection:
        due = deletion_receipts.due(connection, now)
    for receipt_id in due:
        try:
            report.finished.append(delete_data(platform, receipt_id))
        except StaxpipeError as error:
            report.postponed.append(str(error))
            with platform.engine.begin() as connection:
                attempts = deletion_receipts.get(connection, receipt_id).attempts
                deletion_receipts.postpone(connection, receipt_id, str(error), now + pause(attempts))
    with platform.engine.connect() as connection:
        unpublished = ledger.unpublished_of_unlinked(connection)
    for entry in unpublished:
        report.settled += settle(platform, entry)
    return report
