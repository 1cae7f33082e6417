"""Reports of a few rows, written by hand and laid out as AWS does: for tests of one thing at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from staxpipe.exports.local import find
from staxpipe.ingest.load import FailedMonth, LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe_tests.focus.batches import Row

MORNING = datetime(2026, 10, 20, 8, tzinfo=UTC)
MONTH = "billing/report/20261001-20261101"


def csv_of(rows: Sequence[Row]) -> bytes:
    """Rows as CSV, every column that one of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[row.get(name) or "" for name in names] for row in rows])
    return out.getvalue().encode()


def deliver(
    folder: Path,
    files: Sequence[Sequence[Row]],
    assembly: str,
    hours: int = 0,
    *,
    create_new: bool = False,
    keys: Sequence[str] | None = None,
    manifest: bool = True,
) -> list[Path]:
    """One delivery of October 2026, `hours` after a morning; returns its files. `keys`: what the manifest lists."""
    where = f"{MONTH}/{assembly}" if create_new else MONTH
    paths = []
    for number, rows in enumerate(files, 1):
        path = folder / where / f"report-{number:05d}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(csv_of(rows)))
        paths.append(path)
    body = {
        "assemblyId": assembly,
        "account": "001234567890",
        "reportName": "report",
        "billingPeriod": {"start": "20261001T000000.000Z", "end": "20261101T000000.000Z"},
        "compression": "GZIP",
        "reportKeys": list(keys) if keys is not None else [str(path.relative_to(folder)) for path in paths],
    }
    places = [folder / MONTH, folder / where] if create_new else [folder / MONTH]
    written = [*paths]
    for place in places if manifest else ():
        file = place / "report-Manifest.json"
        file.write_text(json.dumps(body), encoding="utf-8")
        written.append(file)
    moment = (MORNING + timedelta(hours=hours)).timestamp()
    for path in written:
        os.utime(path, (moment, moment))
    return paths


def load_all(platform: Platform, folder: Path) -> list[LoadedMonth | FailedMonth]:
    """Load what a folder holds."""
    return list(load(platform, find(folder)))


def load_one(platform: Platform, folder: Path) -> LoadedMonth:
    """Load the only month that a folder holds."""
    [result] = load_all(platform, folder)
    assert isinstance(result, LoadedMonth), result
    return result


def billed(platform: Platform) -> Decimal:
    """What the marts say that everything costs."""
    with platform.engine.connect() as connection:
        total: Decimal = connection.execute(text("SELECT coalesce(sum(billed_cost), 0) FROM daily_costs")).scalar_one()
    return total
