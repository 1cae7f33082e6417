"""Loading files that a person already has, as the pipeline loads a customer's bucket, but in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, results
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.reconciliations import lines_of
from staxpipe.errors import PermanentError, StaxpipeError
from staxpipe.exports.discovery import Discovery
from staxpipe.exports.folder import FolderBucket
from staxpipe.focus.numbers import exact_sum
from staxpipe.focus.reconciliation import LedgerLine, badge_of
from staxpipe.ingest.control_totals import LAKE
from staxpipe.ingest.line_items import build_line_items
from staxpipe.ingest.marts import publish
from staxpipe.ingest.outcome import outcome_recorded
from staxpipe.ingest.platform import Platform
from staxpipe.ingest.reading_delivery import OpenFile, Progress
from staxpipe.model import Badge, BillingPeriod, Delivery, DeliveryState, Finding, StoredObject


@dataclass(frozen=True)
class LoadedMonth:
    """What was loaded for one billing account, month and currency. Costs in that currency, exact."""

    source: str
    billing_account_id: str
    billing_period: BillingPeriod
    currency: str
    rows_read: int
    rows_written: int
    billed_cost: Decimal
    effective_cost: Decimal
    list_cost: Decimal
    findings: tuple[Finding, ...]
    badge: str  # reconciled, provisional, or by how much it is off, in words
    reconciled: bool
    changed: bool  # False: it was loaded before, and nothing was done


NOTHING = LedgerLine("", "", 0, 0, 0, 0, 0, 0, 0, Decimal(0), Decimal(0), Decimal(0), Badge.RECONCILED)
"""The line of a delivery without rows: that is worth a line, too."""


@dataclass(frozen=True)
class FailedMonth:
    """A delivery that could not be loaded, and why, in words."""

    source: str
    billing_period: BillingPeriod
    error: str


def load(
    platform: Platform, seen: Discovery, progress: Progress = lambda _file, _rows: None
) -> Iterator[LoadedMonth | FailedMonth]:
    """Load every delivery that was found on this machine, oldest month first; one that fails does not stop the rest."""
    for failed in seen.broken:
        yield FailedMonth(failed.export.source, failed.period, failed.reason)
    for delivery in sorted(seen.deliveries, key=lambda delivery: (delivery.period, delivery.export.source)):
        entry, done = _record(platform, delivery)
        try:
            if not done:
                with outcome_recorded(platform, entry):
                    build_line_items(platform, entry, in_place(seen), progress)
                    publish(platform, entry)
        except StaxpipeError as error:
            yield FailedMonth(delivery.export.source, delivery.period, str(error))
        else:
            yield from _months(platform, entry, changed=not done)


def _record(platform: Platform, delivery: Delivery) -> tuple[LedgerEntry, bool]:
    """The ledger's entry, and whether this very delivery is loaded already.

    An older one than what is loaded is loaded all the same: a person asked for it.
    """
    with platform.engine.begin() as connection:
        export_id = exports.record(connection, delivery.export, link_id=None)
        ledger.record_delivery(connection, export_id, None, delivery)
        entry = ledger.find(connection, export_id, delivery)
        return entry, entry.state is DeliveryState.LOADED


def in_place(seen: Discovery) -> OpenFile:
    """Opens a found file where it lies: nothing is copied.

    Raises:
        PermanentError: (the returned function) the file is gone, or its key leads out of the folder.
    """
    folder = seen.bucket
    if not isinstance(folder, FolderBucket):
        raise TypeError(f"{folder.url} is not on this machine")

    @contextmanager
    def open_file(_position: int, file: StoredObject) -> Iterator[Path]:
        path = folder.path(file.key)
        if path is None:
            raise PermanentError(f"{file.key} is not in {folder.folder} any more.")
        yield path

    return open_file


def _months(platform: Platform, entry: LedgerEntry, changed: bool) -> Iterator[LoadedMonth]:
    with platform.engine.connect() as connection:
        lines = lines_of(connection, entry.id)
        lake = results.sums_of(connection, entry.id, LAKE)
        findings = tuple(results.findings_of(connection, entry.id))
    for line in lines or [NOTHING]:
        totals = [
            total
            for total in lake
            if (total.billing_account_id, total.currency) == (line.billing_account_id, line.currency)
        ]
        yield LoadedMonth(
            source=entry.delivery.export.source,
            billing_account_id=line.billing_account_id,
            billing_period=entry.period,
            currency=line.currency,
            rows_read=line.rows_read,
            rows_written=sum(total.rows for total in totals) + line.rows_split,
            billed_cost=exact_sum(total.billed_cost for total in totals),
            effective_cost=exact_sum(total.effective_cost for total in totals),
            list_cost=exact_sum(total.list_cost for total in totals),
            findings=findings,
            badge=badge_of(line),
            reconciled=line.badge is not Badge.OFF,
            changed=changed,
        )
