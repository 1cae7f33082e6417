"""Copying a delivery's files to our own store: verified, resumable, all or nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from sqlalchemy import Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.discovery import still_current
from staxpipe.ingest.landing_store import LandingStore
from staxpipe.model import BillingPeriod, DeliveryState, StoredObject


@dataclass(frozen=True)
class Landed:
    """What landing a delivery did. `replaced`: AWS wrote a newer delivery over it meanwhile."""

    files: int
    bytes: int
    copied: int
    replaced: bool = False


def landing_prefix(export_id: int, period: BillingPeriod, delivery: int) -> str:
    """Where a delivery's files are kept: of its own, so two deliveries never share a file."""
    return f"export-{export_id}/{period}/delivery-{delivery}"


def landing_key(entry: LedgerEntry, position: int, file: StoredObject) -> str:
    """A file's key. Numbered, and only the base name is kept: a customer's key cannot climb out of the folder."""
    name = PurePosixPath(file.key).name
    safe = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "._-" else "_" for letter in name)
    return f"{landing_prefix(entry.export_id, entry.period, entry.id)}/{position:05d}-{safe[-100:]}"


def land(engine: Engine, store: LandingStore, bucket: Bucket, entry: LedgerEntry) -> Landed:
    """Copy what is not there yet, then make sure that the delivery is still the one that the manifest names.

    Raises:
        PermanentError: a listed file is missing or refused.
        TransientError: the transfer broke, or a file was being replaced.
    """
    files = entry.delivery.files
    copied = 0
    for position, file in enumerate(files):
        key = landing_key(entry, position, file)
        if not store.has(key, file.size):
            store.put(key, partial(bucket.fetch, file))
            copied += 1
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


def landed_file(
    store: LandingStore, entry: LedgerEntry, position: int, file: StoredObject
) -> AbstractContextManager[Path]:
    """A local path to a landed file, while the context lasts."""
    return store.local(landing_key(entry, position, file))
