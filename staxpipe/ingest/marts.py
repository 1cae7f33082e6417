"""Publishing a committed delivery: marts, ledger and outbox change in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from staxpipe.db import deliveries as ledger
from staxpipe.db import results
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.errors import TransientError
from staxpipe.ingest.announcement import announce_if_complete
from staxpipe.ingest.exclusive import exclusively
from staxpipe.ingest.platform import Platform
from staxpipe.model import DeliveryState, Finding
from staxpipe.warehouse.election import elect_source
from staxpipe.warehouse.rollup import Rollup
from staxpipe.warehouse.swap import swap_daily_costs


@dataclass(frozen=True)
class Published:
    """A month as readers now see it: its rows in the mart, and what the election of its source found."""

    rows: int
    findings: tuple[Finding, ...]


def publish(platform: Platform, entry: LedgerEntry) -> Published:
    """Roll a committed delivery's line items up and swap the month in the marts.

    The rollup is made from the lake, which is the truth: what the marts say is what the lake holds.

    Raises:
        TransientError: another delivery took the month's place in the lake meanwhile; that one publishes itself.
    """
    with exclusively(platform.engine, entry):
        current = platform.lake.delivery_of(entry.export_id, entry.period)
        if current is not None and current != entry.delivery.delivery_id:
            raise TransientError(
                f"{entry.delivery.export.source}, {entry.period}: a newer delivery took this one's place in the lake."
            )
        rollup = Rollup()
        for batch in platform.lake.batches(entry.export_id, entry.period, Rollup.COLUMNS):
            rollup.add(batch)
        with platform.engine.begin() as connection:
            accounts = {total.billing_account_id for total in results.sums_of(connection, entry.id, "focus")}
            found = elect_source(connection, entry.export_id, sorted(accounts), entry.period)
            for finding in found:
                results.add_finding(
                    connection, finding, delivery=entry.id, account_id=entry.account_id, period=entry.period
                )
            rows = swap_daily_costs(connection, entry.export_id, entry.period, entry.id, rollup.table())
            ledger.supersede_loaded(connection, entry.export_id, entry.period, but=entry.id)
            ledger.mark(connection, entry.id, DeliveryState.LOADED, loaded_at=datetime.now(UTC), error=None)
            if entry.account_id is not None:
                announce_if_complete(connection, platform.settings, entry.account_id)
    return Published(rows, tuple(found))
