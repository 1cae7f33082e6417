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
    entries = ledger.of_run(connection, run_id, period)
    if not entries:
        entries = choose(ledger.newest(connection, account_id, period), again)
        ledger.assign_run(connection, [entry.id for entry in entries], run_id)
    return [
        entry
        for entry in entries
        if entry.state not in {DeliveryState.FAILED, DeliveryState.SUPERSEDED}
        and (entry.link_id is None or links.is_wanted(connection, entry.link_id))
    ]
