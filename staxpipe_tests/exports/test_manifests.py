"""Whatever lies in a bucket as a manifest, nothing leads out of the bucket and nothing breaks the look at it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError, StaxpipeError
from staxpipe.exports import manifests
from staxpipe.exports.discovery import Discovery, discover, still_current
from staxpipe.exports.local import find
from staxpipe.exports.manifests import layout_of, read_manifest
from staxpipe_tests.exports.conftest import (
    CountingBucket,
    ReportWriter,
    export_body,
    json_values,
    manifest_body,
    texts,
)

PLACES = (
    "pfx/cur/20261001-20261101/cur-Manifest.json",
    "pfx/cur/20261001-20261101/one/cur-Manifest.json",
    "pfx/cur/cur/year=2026/month=10/cur-Manifest.json",
    "pfx/exp/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json",
    "pfx/exp/metadata/BILLING_PERIOD=2026-10/2026-10-20T08:00:00.771Z-one/exp-Manifest.json",
    "copied/exp-Manifest.json",
)
FIELDS = ("assemblyId", "executionId", "reportKeys", "dataFiles", "columns", "billingPeriod", "compression", "account")
WHOLE = (manifest_body(["pfx/data.csv.gz"], "one"), export_body(["pfx/data.csv.gz"], "one"))
changes = st.dictionaries(st.sampled_from(FIELDS), json_values | st.lists(texts, max_size=3))
bodies = st.builds(lambda whole, changed: {**whole, **changed}, st.sampled_from(WHOLE), changes)


@pytest.mark.parametrize(
    ("key", "layout"),
    [
        (PLACES[0], "LegacyCur"),
        (PLACES[1], "LegacyCur"),
        (PLACES[2], "LegacyCur"),
        (PLACES[3], "DataExports"),
        (PLACES[4], "DataExports"),
        (PLACES[5], "Elsewhere"),
    ],
)
def test_one_layout_claims_each_manifest(key: str, layout: str) -> None:
    found = layout_of(f"s3://costs/{key}")
    assert found is not None
    assert type(found[0]).__name__ == layout


def test_what_no_layout_claims_is_not_read(report: ReportWriter, bucket: CountingBucket) -> None:
    stored = bucket.head(report.put("pfx/hints/metadata/date=2026-10-01/hints-Manifest.json", "{}"))
    assert stored is not None
    with pytest.raises(PermanentError, match="is no manifest"):
        read_manifest(bucket, stored)


def test_a_manifest_too_large_to_be_one_hides_no_other(
    report: ReportWriter, bucket: CountingBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.versioned("good")
    monkeypatch.setattr(manifests, "MANIFEST_BYTES", 2_000)
    report.put(PLACES[3], " " * 2_001 + "{}")
    found = discover(bucket, "")
    assert [delivery.delivery_id for delivery in found.deliveries] == ["good"]
    assert [finding.code for finding in found.findings] == ["manifest-invalid"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(PLACES), bodies, st.none() | st.integers(0, 400)), min_size=1, max_size=3))
def test_whatever_manifests_say_a_look_ends_with_deliveries_and_sentences(
    written: list[tuple[str, dict[str, Any], int | None]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        report = ReportWriter(Path(name, "bucket"))
        secret = Path(name, "x.csv.gz")
        secret.write_bytes(b"secret")
        report.data("pfx/data.csv.gz")
        for key, content, length in written:
            report.put(key, json.dumps(content)[:length])
        bucket = CountingBucket(report.folder)
        for found in (discover(bucket, ""), find(report.folder), find(report.folder / written[0][0])):
            check(found, report.folder)


def check(found: Discovery, folder: Path) -> None:
    """Deliveries consist of files of the folder, and whatever else there is is said."""
    for delivery in found.deliveries:
        for stored in delivery.files:
            path = found.bucket.path(stored.key)  # type: ignore[attr-defined]
            assert path is not None
            assert path.resolve().is_relative_to(folder.resolve())
        assert isinstance(still_current(found.bucket, delivery), bool)
    assert found.deliveries or found.findings
    for finding in found.findings:
        assert finding.message
        finding.message.encode()
    for broken in found.broken:
        broken.reason.encode()
        assert broken.delivery_id


@settings(max_examples=60)
@given(st.sampled_from(PLACES), st.binary(max_size=100) | st.text(max_size=50).map(str.encode))
def test_whatever_the_bytes_a_look_ends_with_a_sentence(key: str, body: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        report = ReportWriter(Path(name))
        report.put(key, body)
        found = discover(CountingBucket(report.folder), "")
        assert found.deliveries == ()
        assert {finding.code for finding in found.findings} <= {"manifest-invalid", "manifest-half-written"}
        try:
            assert not find(report.folder / key).deliveries
        except StaxpipeError as error:
            pytest.fail(f"a look at one manifest tells of it in its findings, and does not raise {error!r}")
