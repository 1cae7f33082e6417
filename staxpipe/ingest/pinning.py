"""Which deliveries a run works on: pinned once, so that all its steps speak of the same files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import PENDING, LedgerEntry
from staxpipe.model import BillingPeriod, DeliveryState


def choose(newest: Sequence[LedgerEntry], again: bool, now: datetime) -> list[LedgerEntry]:
    """Of the newest delivery of each export: those that wait, or, where a person asks to do it again, all of them.

    By itself a failed delivery would fail the same way, and one that pauses after a passing error must not keep the
    others from being loaded; a person who asks means both.
    """
    waiting = [entry for entry in newest if entry.state in PENDING]
    if not again:
        return [entry for entry in waiting if entry.retry_at is None or entry.retry_at <= now]
    return waiting or [entry for entry in newest if entry.state is not DeliveryState.SUPERSEDED]


def pin(engine: Engine, account_id: str, period: BillingPeriod, run_id: str, again: bool) -> list[LedgerEntry]:
    """Pin an account's month for a run; returns what the run is to work on, possibly nothing."""
    with engine.begin() as connection:
        chosen = choose(ledger.newest(connection, account_id, period), again, datetime.now(UTC))
        ledger.assign_run(connection, [entry.id for entry in chosen], run_id)
        return [ledger.entry(connection, entry.id) for entry in chosen]


def pinned(
    connection: Connection, account_id: str, period: BillingPeriod, run_id: str, again: bool
) -> list[LedgerEntry]:
    """What a run pinned and has not failed or lost; a run of a later step alone chooses as `pin` does."""
    entries = ledger.of_run(connection, run_id, period)
    if not entries:
        entries = choose(ledger.newest(connection, account_id, period), again, datetime.now(UTC))
        ledger.assign_run(connection, [entry.id for entry in entries], run_id)
    return [entry for entry in entries if entry.state not in {DeliveryState.FAILED, DeliveryState.SUPERSEDED}]
