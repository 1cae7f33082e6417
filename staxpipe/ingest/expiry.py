"""Letting superseded deliveries go: after a time the lake forgets them. What the ledger says of them stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.db import audit_log, journal
from staxpipe.ingest.platform import Platform
from staxpipe.lake.table import HeldDelivery


@dataclass(frozen=True)
class ExpiryReport:
    """What a round did: snapshots that were expired, data files that were removed, deliveries that are gone by now."""

    snapshots: int
    files: int
    deliveries: int


def expire(platform: Platform, now: datetime) -> ExpiryReport:
    """Forget deliveries that were superseded longer ago than the settings keep them.

    A month as it is now, and the journal, are never touched. Commits first and removes then, so a round that is
    killed leaves files without use, which the next removes; the ledger is put right by whichever round comes last.

    Raises:
        TransientError: others kept committing to the lake.
    """
    days = platform.settings.keep_deliveries_days
    snapshots = platform.lake.expire(now - timedelta(days=days)) if days else 0
    files = platform.lake.remove_unneeded(now)
    with platform.engine.connect() as connection:
        # Before the lake is asked: what is committed meanwhile is not in this list.
        committed = journal.committed(connection)
    held = platform.lake.deliveries_held()
    gone, back = [], []
    for entry in committed:
        there = HeldDelivery(entry.export_id, entry.period, entry.delivery_id) in held
        if not there and entry.expired_at is None:
            gone.append(entry.id)
        elif there and entry.expired_at is not None:
            back.append(entry.id)
    with platform.engine.begin() as connection:
        journal.mark_expired(connection, gone, now)
        journal.mark_held(connection, back)
        for delivery in gone:
            audit_log.record(connection, audit_log.WE, "delivery.forgotten", f"delivery:{delivery}", "done")
    return ExpiryReport(snapshots, files, len(gone))
