"""Deleting a link's data: steps that may each be killed and repeated, and a receipt that counts before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, func, select

from staxpipe.db import audit_log, deletion_receipts, links
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.tables import deliveries, exports
from staxpipe.errors import TransientError
from staxpipe.ingest.exclusive import held, month_held
from staxpipe.ingest.landing import export_prefix
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod
from staxpipe.unlinking import words
from staxpipe.unlinking.announcement import announce_deletion
from staxpipe.unlinking.rows import count_rows, delete_rows, lock_accounts
from staxpipe.unlinking.scope import Scope, decide_scope

WE = "staxpipe"
"""The actor in the audit log of what is done because a person has ordered it."""


def delete_data(platform: Platform, receipt_id: int) -> DeletionReceipt:
    """Delete the data of a link that has ended, as ordered; what an earlier attempt did is not done again.

    Whatever another link feeds stays, and so does every delivery of everybody else. Two who do it at once wait for each
    other.

    Raises:
        TransientError: something is still there, or the lake was changed by others meanwhile.
        PermanentError: somebody's branch or tag of the lake keeps the rows.
    """
    with held(platform.engine, f"deletion/{receipt_id}"):
        receipt = _read(platform, receipt_id)
        if receipt.finished_at is None:
            for step in STEPS:
                step(platform, _read(platform, receipt_id))
        return _read(platform, receipt_id)


def wait_for_workers(platform: Platform, receipt: DeletionReceipt) -> None:
    """Until nobody works on a month of the link: the link has ended, so nobody begins."""
    with platform.engine.connect() as connection:
        months = connection.execute(
            select(deliveries.c.export_id, deliveries.c.period)
            .distinct()
            .join(exports, exports.c.id == deliveries.c.export_id)
            .where(exports.c.link_id == receipt.link_id)
        ).all()
    for export_id, period in months:
        with month_held(platform.engine, export_id, BillingPeriod.parse(period)):
            pass


def take_rows(platform: Platform, receipt: DeletionReceipt) -> None:
    """Decide what goes, and delete its rows: in one transaction, so that they are counted once, and readers see all
    months of it or none.

    Done again, it deletes what others were writing at that moment and had not committed.
    """
    with platform.engine.begin() as connection:
        scope = Scope.of(receipt)
        if scope is None:
            lock_accounts(connection, receipt.link_id)
            scope = decide_scope(connection, links.get(connection, receipt.link_id), _now(connection))
            rows = delete_rows(connection, scope, WE)
            deletion_receipts.put_scope(connection, receipt.id, scope.as_json(), {"rows": rows})
        else:
            late, before = delete_rows(connection, scope, WE), (receipt.found or {})["rows"]
            rows = {name: before.get(name, 0) + count for name, count in late.items()}
            deletion_receipts.add_found(connection, receipt.id, {"rows": rows})


def count_storage(platform: Platform, receipt: DeletionReceipt) -> None:
    """Count what the lake and the landing store have, before any of it goes."""
    if receipt.found is not None and "lake" not in receipt.found:
        counted = _storage(platform, _scope(receipt))
        with platform.engine.begin() as connection:
            deletion_receipts.add_found(connection, receipt.id, counted)


def empty_lake(platform: Platform, receipt: DeletionReceipt) -> None:
    """Take the exports out of the lake, its past and its storage."""
    platform.lake.erase(_scope(receipt).exports)


def empty_landing(platform: Platform, receipt: DeletionReceipt) -> None:
    """Delete our own copies of what AWS delivered."""
    for export_id in _scope(receipt).exports:
        platform.landing.remove(export_prefix(export_id))


def prove(platform: Platform, receipt: DeletionReceipt) -> None:
    """Count again; only where nothing is left the receipt is finished, and told.

    Raises:
        TransientError: something is left.
    """
    scope = _scope(receipt)
    storage = _storage(platform, scope)
    with platform.engine.begin() as connection:
        remaining = {"rows": count_rows(connection, scope), **storage}
        left = words.counted(remaining)
        if left:
            raise TransientError(f"Of account {scope.account_id} there is still something left: {', '.join(left)}.")
        deletion_receipts.finish(connection, receipt.id, remaining, _now(connection))
        finished = deletion_receipts.get(connection, receipt.id)
        link = links.get(connection, receipt.link_id)
        links.say_of_ended(connection, link.id, words.deleted(finished))
        announce_deletion(connection, platform.settings, link, finished)
        detail = {"account": link.account_id, "receipt": receipt.id, "asked_by": receipt.asked_by}
        audit_log.record(connection, WE, "data.deleted", f"link:{link.id}", "done", detail=detail)


Step = Callable[[Platform, DeletionReceipt], None]

STEPS: tuple[Step, ...] = (wait_for_workers, take_rows, count_storage, empty_lake, empty_landing, prove)
"""In their order. Each finds what is there, and may be done again after any other."""


def _read(platform: Platform, receipt_id: int) -> DeletionReceipt:
    with platform.engine.connect() as connection:
        return deletion_receipts.get(connection, receipt_id)


def _now(connection: Connection) -> datetime:
    """By the database's clock, which gave the rows their times; not the moment when this round began."""
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def _scope(receipt: DeletionReceipt) -> Scope:
    scope = Scope.of(receipt)
    if scope is None:
        raise ValueError(f"what receipt {receipt.id} is about was not decided")
    return scope


def _storage(platform: Platform, scope: Scope) -> dict[str, dict[str, int]]:
    landed = [platform.landing.stored(export_prefix(export_id)) for export_id in scope.exports]
    return {
        "lake": asdict(platform.lake.holding(scope.exports)),
        "landing": {"files": sum(store.files for store in landed), "bytes": sum(store.bytes for store in landed)},
    }
