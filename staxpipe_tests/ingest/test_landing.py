from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.errors import TransientError
from staxpipe.exports.folder import FolderBucket
from staxpipe.ingest.landing import FILES_AT_ONCE, Landed, land, landed_file, landing_key
from staxpipe.ingest.landing_store import FolderStore
from staxpipe.model import DeliveryState, StoredObject
from staxpipe_tests.ledger import ACCOUNT, NOON, a_delivery, add_link, record

ENTRY = LedgerEntry(7, 3, "link", ACCOUNT, DeliveryState.DISCOVERED, 0, None, a_delivery())


def key(name: str, position: int = 0) -> str:
    return landing_key(ENTRY, position, StoredObject(name, 1, "etag", NOON))


def test_a_customers_key_cannot_climb_out_of_the_folder() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "a/..", "a/\\..\\b", "a/\u202egnp.exe", "a/" + "x" * 500):
        path = Path("/landing") / key(name)
        assert path.parent == Path("/landing/export-3/2026-10/delivery-7")
        assert path.resolve() == path
        assert len(path.name) <= 110


def test_files_of_the_same_name_stay_apart() -> None:
    assert key("a/report.csv.gz", 0) != key("b/report.csv.gz", 1)


def test_the_name_stays_recognisable() -> None:
    assert key("cur/report/20261001-20261101/report-00001.csv.gz").endswith("00000-report-00001.csv.gz")


class Slow(FolderBucket):
    """Counts the copies that are under way at the same time, and refuses those of `broken`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.together = threading.Barrier(FILES_AT_ONCE)

    def fetch(self, stored: StoredObject, target: Path) -> None:
        self.asked.append(stored.key)
        if stored.key in self.broken:
            raise TransientError(f"{stored.key} was cut")
        if not self.broken:
            self.together.wait(timeout=30)  # passes only when so many are under way
        super().fetch(stored, target)


@pytest.fixture
def bucket(tmp_path: Path) -> Slow:
    for number in range(2 * FILES_AT_ONCE):
        (tmp_path / "bucket" / f"{number:02d}.csv.gz").parent.mkdir(exist_ok=True)
        (tmp_path / "bucket" / f"{number:02d}.csv.gz").write_bytes(bytes([number]) * 100)
    return Slow(tmp_path / "bucket")


@pytest.fixture
def entry(engine: Engine, bucket: Slow) -> LedgerEntry:
    delivery = replace(a_delivery(), files=tuple(bucket.list("")), manifest=None)
    with engine.begin() as connection:
        add_link(connection)
        return ledger.entry(connection, record(connection, delivery))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "landing")


def landed(store: FolderStore, entry: LedgerEntry) -> dict[str, bytes]:
    found = {}
    for position, file in enumerate(entry.delivery.files):
        if store.has(landing_key(entry, position, file), file.size):
            with landed_file(store, entry, position, file) as path:
                found[file.key] = path.read_bytes()
    return found


def test_files_land_at_the_same_time_and_once(
    engine: Engine, store: FolderStore, bucket: Slow, entry: LedgerEntry
) -> None:
    files = 2 * FILES_AT_ONCE
    assert land(engine, store, bucket, entry) == Landed(files, 100 * files, copied=files)
    assert landed(store, entry) == {f"{number:02d}.csv.gz": bytes([number]) * 100 for number in range(files)}
    assert land(engine, store, bucket, entry).copied == 0


def test_a_file_that_fails_is_told_and_the_others_are_kept(
    engine: Engine, store: FolderStore, bucket: Slow, entry: LedgerEntry
) -> None:
    bucket.broken = {"03.csv.gz", "05.csv.gz"}
    with pytest.raises(TransientError, match="cut"):
        land(engine, store, bucket, entry)
    kept = landed(store, entry)
    assert not bucket.broken & set(kept)
    bucket.broken, bucket.asked, bucket.together = set(), [], threading.Barrier(1)
    assert land(engine, store, bucket, entry).copied == len(bucket.asked) == len(entry.delivery.files) - len(kept)
    assert len(landed(store, entry)) == len(entry.delivery.files)
