"""Deliveries: where files lie, what manifests say, and that staxpipe finds them."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from staxpipe.exports.discovery import discover
from staxpipe.exports.folder import FolderBucket
from staxpipe.synthetic.delivery import Report, Versioning, deliver, into_folder, write_delivery
from staxpipe.synthetic.month import generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.synthetic.conftest import CLOSED_LONG_AGO, OPENED, SCALE, SECOND


def _written(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_create_new_keeps_each_delivery_under_its_assembly(organisation: Organisation, tmp_path: Path) -> None:
    report = Report("payer-billing", rows_per_file=4_000)
    uploads: list[str] = []

    def upload(key: str, path: Path) -> None:
        uploads.append(key)
        into_folder(tmp_path)(key, path)

    month = deliver(organisation, SECOND, CLOSED_LONG_AGO, report, upload, SCALE)
    folder = "billing/hourly-cost/20260801-20260901"
    manifest = json.loads((tmp_path / folder / "hourly-cost-Manifest.json").read_text())
    assert len(manifest["reportKeys"]) > 1
    assert manifest["reportKeys"][0] == f"{folder}/{month.assembly_id}/hourly-cost-00001.csv.gz"
    assert uploads == [
        *manifest["reportKeys"],
        f"{folder}/{month.assembly_id}/hourly-cost-Manifest.json",
        f"{folder}/hourly-cost-Manifest.json",
    ]
    assert manifest["billingPeriod"] == {"start": "20260801T000000.000Z", "end": "20260901T000000.000Z"}
    assert manifest["account"] == organisation.payer.id
    assert [f"{column['category']}/{column['name']}" for column in manifest["columns"]] == list(month.header)


@pytest.mark.parametrize("versioning", list(Versioning))
@pytest.mark.parametrize("prefix", ["billing", ""])
def test_every_layout_is_discovered(
    organisation: Organisation, tmp_path: Path, versioning: Versioning, prefix: str
) -> None:
    report = Report("payer-billing", prefix=prefix, versioning=versioning, rows_per_file=5_000)
    upload = into_folder(tmp_path)
    deliver(organisation, OPENED, CLOSED_LONG_AGO, report, upload, SCALE)
    deliver(organisation, SECOND, CLOSED_LONG_AGO - timedelta(days=40), report, upload, SCALE)
    newest = deliver(organisation, SECOND, CLOSED_LONG_AGO, report, upload, SCALE)
    found = discover(FolderBucket(tmp_path), prefix)
    assert found.findings == ()
    by_period = {delivery.period: delivery for delivery in found.deliveries}
    assert set(by_period) == {OPENED, SECOND}
    assert by_period[SECOND].delivery_id == newest.assembly_id
    assert [file.key for file in by_period[SECOND].files] == report.data_keys(newest)


@pytest.mark.parametrize("versioning", [Versioning.OVERWRITE, Versioning.ATHENA])
def test_an_overwritten_delivery_that_shrinks_leaves_empty_files(
    organisation: Organisation, tmp_path: Path, versioning: Versioning
) -> None:
    report = Report("x", versioning=versioning, rows_per_file=20_000)
    earlier = deliver(organisation, SECOND, CLOSED_LONG_AGO, report, into_folder(tmp_path), SCALE)
    smaller = generate_month(organisation, SECOND, SECOND.start + timedelta(days=10), SCALE)
    write_delivery(smaller, report, into_folder(tmp_path), replaces=earlier)
    surplus = report.data_keys(earlier)[len(report.data_keys(smaller)) :]
    assert len(surplus) > 1
    for key in surplus:
        if versioning is Versioning.ATHENA:
            assert pq.read_table(tmp_path / key).num_rows == 0
        else:
            assert len(gzip.decompress((tmp_path / key).read_bytes()).splitlines()) == 1  # the header
    (found,) = discover(FolderBucket(tmp_path), "billing").deliveries
    assert [file.key for file in found.files] == report.data_keys(smaller)


def test_a_delivery_is_the_same_bytes_each_time(organisation: Organisation, tmp_path: Path) -> None:
    for name in ("a", "b"):
        deliver(organisation, SECOND, CLOSED_LONG_AGO, Report("x"), into_folder(tmp_path / name), SCALE)
    assert _written(tmp_path / "a") == _written(tmp_path / "b")
    for path in _written(tmp_path / "a"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
