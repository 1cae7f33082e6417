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
from hypothesis import strategies as st

from staxpipe.errors import StaxpipeError
from staxpipe.exports.folder import FolderBucket
from staxpipe.exports.layout import Layout
from staxpipe.model import StoredObject

texts = st.text(st.characters(), max_size=5) | st.sampled_from(
    ["\0", "\ud800", "..", "../../x.csv.gz", "/etc/passwd", "s3://", "s3://costs/x", "x" * 2000, "2026-10", "0000-00"]
)
"""What a field may hold in place of what it should: also what no key, file or database can hold."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)

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


CUR_2_0_COLUMNS = [
    {"name": "bill_billing_period_start_date", "type": "timestamp"},
    {"name": "line_item_unblended_cost", "type": "double"},
    {"name": "resource_tags", "type": "map"},
]
FOCUS_1_0_COLUMNS = [{"name": "BilledCost", "type": "double"}, {"name": "BillingPeriodStart", "type": "timestamp"}]
FOCUS_1_2_COLUMNS = [*FOCUS_1_0_COLUMNS, {"name": "SkuMeter", "type": "string"}]


def export_body(files: Sequence[str], execution: str, **changes: Any) -> dict[str, Any]:
    """A Data Export's manifest, with the fields that public readers of it use; None takes a field away."""
    body = {
        "executionId": execution,
        "exportArn": "arn:aws:bcm-data-exports:us-east-1:012345678901:export/exp-5f2c",
        "columns": CUR_2_0_COLUMNS,
        "dataFiles": list(files),
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def check_answer(layout: Layout, address: str, body: bytes) -> None:
    """Whatever a manifest holds, it is read or refused with a sentence; what is read can be stored and looked for."""
    try:
        manifest = layout.parse(address, body)
    except StaxpipeError as error:
        sentence = str(error)
    else:
        texts = (*manifest.keys, *manifest.columns, manifest.name, manifest.delivery_id, manifest.compression)
        assert all(len(text) <= 1024 and "\0" not in text and text.encode() is not None for text in texts)
        assert manifest.keys
        assert len(set(manifest.keys)) == len(manifest.keys)
        assert manifest.delivery_id
        assert manifest.name
        assert manifest.period.start < manifest.period.end
        return
    assert address.partition("/metadata/")[0] in sentence
    assert sentence.endswith(".")
    assert sentence.encode()


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

    def export(
        self,
        execution: str,
        month: str = "2026-10",
        at: datetime = MORNING,
        export: str = "pfx/exp",
        partition: str = "BILLING_PERIOD",
        keep: bool = True,
        chunks: int = 1,
        spelled: str = "{key}",
        **changes: Any,
    ) -> list[str]:
        """A delivery of a Data Export, which keeps its versions or overwrites them; the keys of its files."""
        name = export.rpartition("/")[2]
        own = f"{partition}={month}" + (f"/{at:%Y-%m-%dT%H:%M:%S}.771Z-{execution}" if keep else "")
        keys = [
            self.data(f"{export}/data/{own}/{name}-{number + 1:05d}.csv.gz".lstrip("/"), at) for number in range(chunks)
        ]
        body = export_body([spelled.format(key=key) for key in keys], execution)
        body = {name: value for name, value in (body | changes).items() if value is not None}
        for folder in dict.fromkeys([own, f"{partition}={month}"]):
            self.put(f"{export}/metadata/{folder}/{name}-Manifest.json".lstrip("/"), body, at)
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
