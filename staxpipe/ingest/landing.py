"""Copying a delivery's files to our own store: verified, resumable, all or nothing."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from sqlalchemy import Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db import links
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.discovery import still_current
from staxpipe.ingest.exclusive import exclusively, refuse_unproved
from staxpipe.ingest.landing_store import LandingStore
from staxpipe.model import BillingPeriod, DeliveryState, StoredObject

FILES_AT_ONCE = 8
"""Files of one delivery that are copied at the same time: small ones wait for answers more than for bytes. How many
requests that makes is the bucket's own limit."""


@dataclass(frozen=True)
class Landed:
    """What landing a delivery did. `replaced`: AWS wrote a newer delivery over it meanwhile."""

    files: int
    bytes: int
    copied: int
    replaced: bool = False


def landing_prefix(export_id: int, period: BillingPeriod, delivery: int) -> str:
    """Where a delivery's files are kept: of its own, so two deliveries never share a file."""
    return f"{export_prefix(export_id)}/{period}/delivery-{delivery}"


def export_prefix(export_id: int) -> str:
    """Below which all files of all deliveries of an export are kept."""
    return f"export-{export_id}"


def landing_key(entry: LedgerEntry, position: int, file: StoredObject) -> str:
    """A file's key. Numbered, and only the base name is kept: a customer's key cannot climb out of the folder."""
    name = PurePosixPath(file.key).name
    safe = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "._-" else "_" for letter in name)
    return f"{landing_prefix(entry.export_id, entry.period, entry.id)}/{position:05d}-{safe[-100:]}"


def land(engine: Engine, store: LandingStore, bucket: Bucket, entry: LedgerEntry) -> Landed:
    """Copy what is not there yet, then make sure that the delivery is still the one that the manifest names.

    Raises:
        PermanentError: a listed file is missing or refused.
        TransientError: the transfer broke, a file was being replaced, or the link's role is to be proved first.
        UnlinkedError: a person stopped the link.
    """
    with exclusively(engine, entry):
        _refuse_unproved(engine, entry)
        return _land(engine, store, bucket, entry)


def _refuse_unproved(engine: Engine, entry: LedgerEntry) -> None:
    """Later steps read our own copies; this one uses the link's role."""
    if entry.link_id is not None:
        with engine.connect() as connection:
            refuse_unproved(links.get(connection, entry.link_id), datetime.now(UTC))


def _land(engine: Engine, store: LandingStore, bucket: Bucket, entry: LedgerEntry) -> Landed:
    files = entry.delivery.files
    copied = copy_files(store, bucket, entry)
    size = sum(file.size for file in files)
    # Files that a customer has deleted meanwhile are not replaced: we hold all of them, verified.
    gone = entry.delivery.manifest is not None and bucket.head(entry.delivery.manifest.key) is None
    replaced = not gone and not still_current(bucket, entry.delivery)
    if replaced and entry.state in {DeliveryState.DISCOVERED, DeliveryState.LANDED}:
        with engine.begin() as connection:
            ledger.mark(connection, entry.id, DeliveryState.SUPERSEDED)
        store.remove(landing_prefix(entry.export_id, entry.period, entry.id))
        return Landed(len(files), size, copied, replaced=True)
    if entry.state is DeliveryState.DISCOVERED:
        with engine.begin() as connection:
            ledger.mark(connection, entry.id, DeliveryState.LANDED, landed_at=datetime.now(UTC), error=None)
    return Landed(len(files), size, copied)


def copy_files(store: LandingStore, bucket: Bucket, entry: LedgerEntry) -> int:
    """Copy the files that are not there yet, and tell how many those were.

    After a failure no other file is begun; those under way are finished, so that they need not be copied again.
    """

    def copy(position: int, file: StoredObject) -> bool:
        key = landing_key(entry, position, file)
        if store.has(key, file.size):
            return False
        store.put(key, partial(bucket.fetch, file))
        return True

    workers = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="land")
    jobs = [workers.submit(copy, position, file) for position, file in enumerate(entry.delivery.files)]
    try:
        wait(jobs, return_when=FIRST_EXCEPTION)
    finally:
        workers.shutdown(wait=True, cancel_futures=True)
    for job in jobs:
        if not job.cancelled() and job.exception() is not None:
            job.result()
    return sum(job.result() for job in jobs)


def landed_file(
    store: LandingStore, entry: LedgerEntry, position: int, file: StoredObject
) -> AbstractContextManager[Path]:
    """A local path to a landed file, while the context lasts."""
    return store.local(landing_key(entry, position, file))
