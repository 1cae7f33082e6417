"""Making line items of a delivery: read, normalise, reconcile, and only then one atomic commit to the lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, results
from staxpipe.db.columns_read import put_columns
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.reconciliations import replace_reconciliation
from staxpipe.errors import PermanentError
from staxpipe.exports.kinds import kind_of_table
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.reconciliation import Reconciliation, reconcile
from staxpipe.focus.tally import Tally
from staxpipe.ingest.control_totals import sum_rows
from staxpipe.ingest.exclusive import exclusively, refuse_unlinked
from staxpipe.ingest.landing_store import full_disk_explained
from staxpipe.ingest.memory import budget_for
from staxpipe.ingest.platform import Platform
from staxpipe.ingest.reading_delivery import DeliveryRead, NetCostsUnusedError, OpenFile, Progress, read_delivery
from staxpipe.lake.rollups import RollupWriter
from staxpipe.lake.writer import LakeFile
from staxpipe.model import Delivery, DeliveryState, ExportKind, Finding
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA


class ReconciliationError(PermanentError):
    """What was written does not add up to what was read, and nothing explains it. The month stays as it was."""

    def __init__(self, delivery: Delivery, reconciliation: Reconciliation) -> None:
        reasons = " ".join(finding.message for finding in reconciliation.findings if finding.severity == "error")
        super().__init__(
            f"{delivery.export.source}, {delivery.period}: the rows made do not add up to the rows delivered, "
            f"so they were not committed and the month stays as it was. {reasons}"
        )
        self.reconciliation = reconciliation


@dataclass(frozen=True)
class Built:
    """A delivery's line items, committed."""

    entry: LedgerEntry
    tally: Tally
    findings: tuple[Finding, ...]
    reconciled: bool
    snapshot_id: int


def build_line_items(
    platform: Platform, entry: LedgerEntry, open_file: OpenFile, progress: Progress = lambda _file, _rows: None
) -> Built:
    """Read a delivery, commit its line items to the lake and its control totals to the ledger.

    Raises:
        PermanentError: a file or column is broken or missing, named in the message.
        ReconciliationError: the totals differ; the lake is unchanged.
        UnlinkedError: a person stopped the link meanwhile; the lake is unchanged.
    """
    delivery = entry.delivery
    if not delivery.files:
        raise PermanentError(entry.error or f"{delivery.export.source}, {delivery.period}: there are no files to load.")
    context = MappingContext(
        export_id=str(entry.export_id),
        delivery_id=delivery.delivery_id,
        line_item_ids=platform.settings.line_item_ids,
        period=delivery.period,
    )
    with exclusively(platform.engine, entry), full_disk_explained(Path(platform.settings.lake)):
        try:
            read, reconciliation, files = _write(platform, entry, context, open_file, progress)
        except NetCostsUnusedError:
            context = replace(context, net_costs=False)
            read, reconciliation, files = _write(platform, entry, context, open_file, progress)
        tally = read.tally
        refuse_unlinked(platform.engine, entry)  # reading took its time
        snapshot = platform.lake.replace(entry.export_id, delivery.period, files, delivery.delivery_id)
        reconciled = tally.rows_quarantined == 0
        with platform.engine.begin() as connection:
            found = _record_results(connection, entry, read, reconciliation)
            ledger.mark(
                connection,
                entry.id,
                # What is loaded again stays loaded meanwhile: readers see one or the other, never nothing.
                DeliveryState.LOADED if entry.state is DeliveryState.LOADED else DeliveryState.COMMITTED,
                rows_read=tally.rows_read,
                rows_written=tally.rows_written,
                rows_quarantined=tally.rows_quarantined,
                reconciled=reconciled,
                final=tally.rows_without_invoice == 0,
                snapshot_id=snapshot,
                snapshot_expired_at=None,
                committed_at=datetime.now(UTC),
                error=None,
            )
    return Built(entry, tally, found, reconciled, snapshot)


def _write(
    platform: Platform, entry: LedgerEntry, context: MappingContext, open_file: OpenFile, progress: Progress
) -> tuple[DeliveryRead, Reconciliation, tuple[LakeFile, ...]]:
    """Write a delivery's rows to files that no reader sees yet; they are removed where anything is wrong."""
    delivery = entry.delivery
    allowed = budget_for(delivery.format, platform.settings.memory_mb, platform.settings.csv_reader)
    with (
        platform.lake.writer(entry.export_id, delivery.period, delivery.delivery_id, allowed.batch_rows) as writer,
        RollupWriter(platform.lake.io, writer.folder, ROLLUP_SCHEMA) as kept,
    ):
        read = read_delivery(delivery, context, writer.write, kept.write, open_file, progress, allowed)
        reconciliation = reconcile(read.tally)
        if not reconciliation.reconciled:
            _record_refusal(platform, entry, read, reconciliation)
            raise ReconciliationError(delivery, reconciliation)
        _refuse_an_empty_month(platform, entry, read.tally)
    return read, reconciliation, writer.files


def _record_results(
    connection: Connection, entry: LedgerEntry, read: DeliveryRead, reconciliation: Reconciliation
) -> tuple[Finding, ...]:
    """Write what reading a delivery taught; returns every finding."""
    # The export before its delivery, as whoever looks into the bucket takes them: else each might wait for the other.
    kind = kind_of_table([header for header, _ in read.columns.schema.columns])
    if kind is not None and entry.delivery.export.kind is ExportKind.DATA_EXPORT:
        exports.set_kind(connection, entry.export_id, kind)  # its manifest did not tell
    found = (*reconciliation.findings, *read.columns.findings(connection, entry))
    results.replace_results(connection, entry, sum_rows(read.tally), found, read.rejected, entry.account_id)
    replace_reconciliation(connection, entry.id, reconciliation.lines, reconciliation.identities)
    put_columns(connection, entry.id, read.columns.schema.as_json())
    return found


def _record_refusal(platform: Platform, entry: LedgerEntry, read: DeliveryRead, reconciliation: Reconciliation) -> None:
    """Keep both sides of a delivery that does not add up, for people to look at.

    What the ledger says of a delivery that readers see stays as it was, as the lake does.
    """
    if entry.state not in {DeliveryState.COMMITTED, DeliveryState.LOADED}:
        with platform.engine.begin() as connection:
            _record_results(connection, entry, read, reconciliation)


def _refuse_an_empty_month(platform: Platform, entry: LedgerEntry, tally: Tally) -> None:
    """Nothing of a delivery that has rows could be used, or a month that had rows has none: that is no restatement."""
    where = f"{entry.delivery.export.source}, {entry.period}"
    if tally.rows_quarantined and not tally.rows_written:
        raise PermanentError(
            f"{where}: not one of its {tally.rows_read:,} rows could be used, so nothing was loaded and the month "
            "stays as it was. Look at the file: its columns hold other values than their names say."
        )
    if tally.rows_read == 0:
        with platform.engine.connect() as connection:
            before = ledger.rows_loaded(connection, entry.export_id, entry.period)
        if before:
            raise PermanentError(
                f"{where}: this delivery is empty, and {before:,} rows of the month are loaded. AWS does not take a "
                "month back, so the month stays as it was."
            )
