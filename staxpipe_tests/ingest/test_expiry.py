"""Deliveries that are let go: what the ledger and the lake say afterwards."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log
from staxpipe.exports.local import find
from staxpipe.ingest.expiry import ExpiryReport, expire
from staxpipe.ingest.load import LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.lake.rollups import NAME
from staxpipe.settings import read_settings
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver

LATER = datetime.now(UTC) + timedelta(days=91)


def load_all(platform: Platform, folder: Path) -> None:
    for month in load(platform, find(folder)):
        assert isinstance(month, LoadedMonth), month


@pytest.fixture
def restated(platform: Platform, bucket_folder: Path, deliver_month: Deliver) -> Platform:
    """October delivered twice (its first days: what is let go does not depend on its size), September once."""
    deliver_month(SEPTEMBER)
    deliver_month(OCTOBER, day=2)
    load_all(platform, bucket_folder)
    deliver_month(OCTOBER, day=3)
    load_all(platform, bucket_folder)
    return platform


def ledger(engine: Engine) -> list[tuple[str, str, bool]]:
    """Month, state and whether it has expired, of each delivery."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT period, state, snapshot_expired_at IS NOT NULL FROM deliveries ORDER BY period, delivered_at")
        )
        return [(row[0], row[1], row[2]) for row in rows]


def counts(engine: Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("deliveries", "delivery_sums", "delivery_services", "reconciliations", "daily_costs")
        )


def files_kept(platform: Platform) -> tuple[int, int]:
    """How many data files and how many rollups there are."""
    names = [path.name for path in Path(platform.settings.lake).rglob("*.parquet")]
    rollups = names.count(NAME)
    return len(names) - rollups, rollups


def test_superseded_deliveries_go_after_their_time_and_the_ledger_stays(restated: Platform) -> None:
    before, files = counts(restated.engine), files_kept(restated)
    current = restated.lake.plan()
    assert expire(restated, LATER - timedelta(days=2)) == ExpiryReport(0, 0, 0)
    assert files_kept(restated) == files
    report = expire(restated, LATER)
    assert (report.snapshots, report.deliveries) == (2, 1)
    assert files_kept(restated) == (files[0] - report.files, files[1] - 1) == (len(current), 2)
    assert restated.lake.plan() == current
    assert ledger(restated.engine) == [
        ("2026-09", "loaded", False),
        ("2026-10", "superseded", True),
        ("2026-10", "loaded", False),
    ]
    assert counts(restated.engine) == before
    assert expire(restated, LATER) == ExpiryReport(0, 0, 0)
    with restated.engine.connect() as connection:
        acts = [entry for entry in audit_log.entries(connection) if entry.action == "delivery.forgotten"]
    assert [(entry.actor, entry.result) for entry in acts] == [("staxpipe", "done")]


def test_nothing_expires_where_all_is_to_be_kept(restated: Platform) -> None:
    settings = read_settings({"home": restated.settings.home, "keep_deliveries_days": 0})
    keeping = Platform.open(settings, restated.engine)
    assert expire(keeping, LATER + timedelta(days=36_500)) == ExpiryReport(0, 0, 0)
    assert not any(expired for _, _, expired in ledger(restated.engine))


def test_a_round_that_was_killed_before_the_ledger_is_ended_by_the_next(restated: Platform) -> None:
    restated.lake.expire(LATER)
    assert not any(expired for _, _, expired in ledger(restated.engine))
    report = expire(restated, LATER)
    assert (report.snapshots, report.deliveries) == (0, 1)
    assert report.files > 0


def test_an_expired_delivery_that_is_loaded_again_can_be_read_again(
    restated: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    expire(restated, LATER)
    [old] = [path for path in bucket_folder.rglob("*-Manifest.json") if "20261001" in str(path)][:1]
    assert old.exists()
    deliver_month(OCTOBER, day=2)  # written anew under the same id, and so the newest
    for path in bucket_folder.rglob("*"):
        os.utime(path)
    load_all(restated, bucket_folder)
    expire(restated, datetime.now(UTC))
    assert ("2026-10", "loaded", False) in ledger(restated.engine)
    assert not any(expired for _, _, expired in ledger(restated.engine))
