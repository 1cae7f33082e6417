"""Publishing a committed delivery: marts, ledger and outbox change in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from sqlalchemy import Connection

from staxpipe.db import audit_log, links, results
from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.journal import replace_services
from staxpipe.db.reconciliations import lines_of, put_identity, put_marts_cost
from staxpipe.errors import PermanentError, TransientError
from staxpipe.ingest.announcement import announce_if_complete
from staxpipe.ingest.control_totals import LAKE, MARTS, compare_with_lake, mart_sums, same_sums, service_costs
from staxpipe.ingest.exclusive import UnlinkedError, exclusively
from staxpipe.ingest.landing import landing_prefix
from staxpipe.ingest.platform import Platform
from staxpipe.lake.rollups import BrokenRollupError, KeptRollup, RollupWriter, read_rollup
from staxpipe.model import DeliveryState, Finding
from staxpipe.warehouse.election import elect_source
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Merged, Rollup
from staxpipe.warehouse.swap import swap_daily_costs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """A month as readers now see it: its rows in the mart, and what the election of its source found."""

    rows: int
    findings: tuple[Finding, ...]


def publish(platform: Platform, entry: LedgerEntry) -> Published:
    """Roll a committed delivery's line items up and swap the month in the marts.

    The lake is the truth: what the marts say is what it holds. The rollup that was made while its files were written is
    used where it comes to the same as they do; else one is made from the files.

    Raises:
        TransientError: the lake holds another delivery of the month, or none.
        PermanentError: the rows that the lake gives do not add up to those that were written; nothing is published.
        UnlinkedError: a person stopped the link meanwhile; nothing is published.
    """
    with exclusively(platform.engine, entry):
        current = platform.lake.delivery_of(entry.export_id, entry.period)
        if current != entry.delivery.delivery_id:
            raise TransientError(
                f"{entry.delivery.export.source}, {entry.period}: the lake holds another delivery of it, or none."
            )
        rollup = _rollup(platform, entry)
        with platform.engine.begin() as connection:
            accounts = _record_totals(connection, entry, rollup)
            found = elect_source(connection, entry.export_id, sorted(accounts), entry.period)
            results.remove_findings(connection, entry.id, {finding.code for finding in found})  # of an earlier time
            for finding in found:
                results.add_finding(
                    connection, finding, delivery=entry.id, account_id=entry.account_id, period=entry.period
                )
            rows = swap_daily_costs(connection, entry.export_id, entry.period, entry.id, rollup)
            superseded = ledger.supersede_others(connection, entry)
            ledger.mark(connection, entry.id, DeliveryState.LOADED, loaded_at=datetime.now(UTC), error=None)
            detail = {"account": entry.account_id, "period": str(entry.period), "export": entry.export_id}
            audit_log.record(connection, audit_log.WE, "month.loaded", f"delivery:{entry.id}", "done", detail=detail)
            if entry.account_id is not None:
                announce_if_complete(connection, platform.settings, entry.account_id)
            # Last, since whoever looks into the bucket waits for it.
            if entry.link_id is not None and not links.is_wanted(connection, entry.link_id):
                raise UnlinkedError(entry)
    for delivery in superseded:  # its files are of no use any more; its row stays
        platform.landing.remove(landing_prefix(entry.export_id, entry.period, delivery))
    return Published(rows, tuple(found))


def _rollup(platform: Platform, entry: LedgerEntry) -> Iterable[pa.Table]:
    """The rollup of what the lake holds: as it was kept, or made of the files now, and kept."""
    folder = platform.lake.folder_held(entry.export_id, entry.period)
    if folder is None:
        return ()
    kept = read_rollup(platform.lake.io, folder)
    if kept is None or not _fits(platform, entry, kept):
        with RollupWriter(platform.lake.io, folder, ROLLUP_SCHEMA) as writer:
            made = Rollup(writer.write)
            for batch in platform.lake.batches(entry.export_id, entry.period, Rollup.COLUMNS):
                made.add(batch)
            made.finish()
        kept = read_rollup(platform.lake.io, folder)
    return Merged(kept or ())


def _fits(platform: Platform, entry: LedgerEntry, kept: KeptRollup) -> bool:
    """Whether a rollup that is kept beside the month's files is of the very rows that they hold.

    Every count and cost of it must be what the rows that were written came to, by account, currency and charge
    category, and the files must hold as many rows as were written.
    """
    with platform.engine.connect() as connection:
        written = results.sums_of(connection, entry.id, LAKE)
        split = sum(line.rows_split for line in lines_of(connection, entry.id))
    planned = platform.lake.plan(period=entry.period)
    in_files = sum(file.rows for file in planned if file.export_id == entry.export_id)
    try:
        if (
            kept.schema == ROLLUP_SCHEMA
            and same_sums(mart_sums(Merged(kept)), written)
            and in_files == sum(total.rows for total in written) + split
        ):
            return True
    except BrokenRollupError as error:
        _log.warning("%s", error)
    _log.warning(
        "%s, %s: the rollup that was kept does not fit the lake's files; they are read again.",
        entry.delivery.export.source,
        entry.period,
    )
    return False


def _record_totals(connection: Connection, entry: LedgerEntry, rollup: Iterable[pa.Table]) -> set[str]:
    """Compare the rollup with what was written to the lake, and keep its sums; returns the billing accounts."""
    lake, marts = results.sums_of(connection, entry.id, LAKE), mart_sums(rollup)
    for identity in compare_with_lake(marts, lake):
        if not identity.holds:
            raise PermanentError(
                f"{entry.delivery.export.source}, {entry.period}: the lake's rows of account "
                f"{identity.billing_account_id} add up to {identity.left} {identity.currency}, and {identity.right} "
                "were written. The marts stay as they were. Materialise line_items again; if it stays so, somebody "
                "else changed a file of the lake."
            )
        put_identity(connection, entry.id, identity)
        put_marts_cost(connection, entry.id, identity.billing_account_id, identity.currency, identity.left)
    results.replace_side(connection, entry.id, MARTS, marts)
    replace_services(connection, entry.id, service_costs(rollup))
    return {total.billing_account_id for total in lake}
