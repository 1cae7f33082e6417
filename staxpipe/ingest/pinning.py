"""Which deliveries a run works on: pinned once, so that all its steps speak of the same files."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db import links
from staxpipe.db.deliveries import PENDING, LedgerEntry
from staxpipe.model import BillingPeriod, DeliveryState


def choose(newest: Sequence[LedgerEntry], again: bool) -> list[LedgerEntry]:
    """Of the newest delivery of each export: those that wait, or, where a person asks to do it again, all of them.

    A failed delivery is tried again only when a person asks: by itself it would fail the same way.
    """
    waiting = [entry for entry in newest if entry.state in PENDING]
    if waiting or not again:
        return waiting
    return [entry for entry in newest if entry.state is not DeliveryState.SUPERSEDED]


def pin(engine: Engine, account_id: str, period: BillingPeriod, run_id: str, again: bool) -> list[LedgerEntry]:
    """Pin an account's month for a run; returns what the run is to work on, possibly nothing."""
    with engine.begin() as connection:
        chosen = choose(ledger.newest(connection, account_id, period), again)
        ledger.assign_run(connection, [entry.id for entry in chosen], run_id)
        return [ledger.entry(connection, entry.id) for entry in chosen]


def pinned(
    connection: Connection, account_id: str, period: BillingPeriod, run_id: str, again: bool
) -> list[LedgerEntry]:
    """What a run pinned and has not failed, lost or been refused; a run of a later step alone chooses as `pin` does."""
    before = ledger.of_run(connection, run_id, period)
    entries = before or choose(ledger.newest(connection, account_id, period), again)
    # Links before deliveries, as whoever looks into a bucket does: in two orders, each would wait for the other.
    wanted = [entry for entry in entries if entry.link_id is None or links.is_wanted(connection, entry.link_id)]
    if not before:
        ledger.assign_run(connection, [entry.id for entry in wanted], run_id)
    return [entry for entry in wanted if entry.state not in {DeliveryState.FAILED, DeliveryState.SUPERSEDED}]
