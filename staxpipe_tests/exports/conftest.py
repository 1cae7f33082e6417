"""A bucket in a folder, with reports as AWS lays them out, in which every time can be chosen."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from staxpipe.exports.folder import FolderBucket
from staxpipe.model import StoredObject

MORNING = datetime(2026, 10, 20, 8, tzinfo=UTC)


def manifest_body(keys: Sequence[str], assembly: str, month: str = "2026-10", **changes: Any) -> dict[str, Any]:
    """A legacy report's manifest as AWS writes it, with changes; None takes a field away."""
    year, number = int(month[:4]), int(month[5:])
    end = f"{year + number // 12:04d}{number % 12 + 1:02d}"
    body = {
        "assemblyId": assembly,
        "account": "012345678901",
        "columns": [{"category": "lineItem", "name": "UnblendedCost"}],
        "charset": "UTF-8",
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportId": "5f2c",
        "reportName": "cur",
        "billingPeriod": {"start": f"{year:04d}{number:02d}01T000000.000Z", "end": f"{end}01T000000.000Z"},
        "bucket": "costs",
        "reportKeys": list(keys),
        "additionalArtifactKeys": [],
    } | changes
    return {name: value for name, value in body.items() if value is not None}


@dataclass
class ReportWriter:
    """Writes objects and deliveries into a folder."""

    folder: Path
    written: list[str] = field(default_factory=list)

    def put(self, key: str, body: bytes | str | dict[str, Any], at: datetime = MORNING) -> str:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(body, dict):
            body = json.dumps(body)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        os.utime(path, (at.timestamp(), at.timestamp()))
        self.written.append(key)
        return key

    def data(self, key: str, at: datetime = MORNING) -> str:
        return self.put(key, gzip.compress(b"lineItem/UnblendedCost\n1\n"), at)

    def versioned(
        self,
        assembly: str,
        month: str = "20261001-20261101",
        at: datetime = MORNING,
        report: str = "pfx/cur",
        pointer: bool = True,
        chunks: int = 1,
        **changes: Any,
    ) -> list[str]:
        """A delivery of a report that keeps its versions; its keys."""
        name = report.rpartition("/")[2]
        folder = f"{report}/{month}/{assembly}"
        keys = [self.data(f"{folder}/{name}-{number + 1}.csv.gz", at) for number in range(chunks)]
        body = manifest_body(keys, assembly, f"{month[:4]}-{month[4:6]}", reportName=name) | changes
        self.put(f"{folder}/{name}-Manifest.json", body, at)
        if pointer:
            self.put(f"{report}/{month}/{name}-Manifest.json", body, at)
        return keys


class CountingBucket(FolderBucket):
    """Remembers which objects were read, and cannot be written to by mistake."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: list[str] = []

    def read(self, stored: StoredObject, limit: int) -> bytes:
        self.reads.append(stored.key)
        return super().read(stored, limit)


@pytest.fixture
def report(tmp_path: Path) -> ReportWriter:
    folder = tmp_path / "bucket"
    folder.mkdir()
    return ReportWriter(folder)


@pytest.fixture
def bucket(report: ReportWriter) -> CountingBucket:
    return CountingBucket(report.folder)
