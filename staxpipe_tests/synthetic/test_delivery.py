"""Deliveries: where files lie, what manifests say, and that staxpipe finds them."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from staxpipe.exports.discovery import discover
from staxpipe.exports.folder import FolderBucket
from staxpipe.model import ExportKind, FileFormat
from staxpipe.synthetic.delivery import Report, Versioning, deliver, into_folder, write_delivery
from staxpipe.synthetic.month import generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.synthetic.conftest import CLOSED_LONG_AGO, OPENED, SCALE, SECOND


def _written(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def _noting(uploads: list[str], root: Path, key: str, path: Path) -> None:
    uploads.append(key)
    into_folder(root)(key, path)


def test_create_new_keeps_each_delivery_under_its_assembly(organisation: Organisation, tmp_path: Path) -> None:
    report = Report("payer-billing", rows_per_file=4_000)
    uploads: list[str] = []
    month = deliver(
        organisation, SECOND, CLOSED_LONG_AGO, report, lambda key, path: _noting(uploads, tmp_path, key, path), SCALE
    )
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


EXPORT = Report("payer-billing", kind=ExportKind.CUR_2_0, format=FileFormat.PARQUET, rows_per_file=20_000)


def test_data_exports_keep_data_and_metadata_apart(organisation: Organisation, tmp_path: Path) -> None:
    uploads: list[str] = []
    month = deliver(
        organisation, SECOND, CLOSED_LONG_AGO, EXPORT, lambda key, path: _noting(uploads, tmp_path, key, path), SCALE
    )
    execution = f"BILLING_PERIOD=2026-08/2026-11-20T00:00:00.000Z-{month.assembly_id}"
    manifest = json.loads((tmp_path / "billing/hourly-cost/metadata/BILLING_PERIOD=2026-08"
                           / "hourly-cost-Manifest.json").read_text())  # fmt: skip
    data = [key.removeprefix("s3://payer-billing/") for key in manifest["dataFiles"]]
    assert data[0] == f"billing/hourly-cost/data/{execution}/hourly-cost-00001.snappy.parquet"
    assert len(data) == 4
    assert uploads == [
        *data,
        f"billing/hourly-cost/metadata/{execution}/hourly-cost-Manifest.json",
        "billing/hourly-cost/metadata/BILLING_PERIOD=2026-08/hourly-cost-Manifest.json",
    ]
    assert manifest["executionId"] == month.assembly_id
    assert manifest["exportArn"].startswith(f"arn:aws:bcm-data-exports:us-east-1:{organisation.payer.id}:export/")
    schema = pq.read_schema(tmp_path / data[0])
    assert [column["name"] for column in manifest["columns"]] == schema.names
    assert {"name": "resource_tags", "type": "map<string,string>"} in manifest["columns"]


@pytest.mark.parametrize("kind", [ExportKind.LEGACY_CUR, ExportKind.CUR_2_0])
@pytest.mark.parametrize("format", list(FileFormat))
@pytest.mark.parametrize("versioning", [Versioning.CREATE_NEW, Versioning.OVERWRITE])
def test_manifests_list_exactly_the_files(
    organisation: Organisation, tmp_path: Path, kind: ExportKind, format: FileFormat, versioning: Versioning
) -> None:
    report = Report("b", versioning=versioning, rows_per_file=3_000, kind=kind, format=format)
    deliver(organisation, SECOND, SECOND.start + timedelta(days=3), report, into_folder(tmp_path), SCALE)
    found = _written(tmp_path)
    manifests = [key for key in found if key.endswith("-Manifest.json")]
    assert len(manifests) == (2 if versioning is Versioning.CREATE_NEW else 1)
    for key in manifests:
        manifest = json.loads((tmp_path / key).read_text())
        listed = manifest.get("reportKeys") or [name.removeprefix("s3://b/") for name in manifest["dataFiles"]]
        assert len(listed) > 1
        assert sorted(listed) == [name for name in found if name not in manifests]


def test_an_export_that_shrinks_leaves_empty_files(organisation: Organisation, tmp_path: Path) -> None:
    report = replace(EXPORT, versioning=Versioning.OVERWRITE)
    earlier = deliver(organisation, SECOND, CLOSED_LONG_AGO, report, into_folder(tmp_path), SCALE)
    smaller = generate_month(organisation, SECOND, SECOND.start + timedelta(days=10), SCALE)
    write_delivery(smaller, report, into_folder(tmp_path), replaces=earlier)
    rows = [pq.read_metadata(tmp_path / key).num_rows for key in report.data_keys(earlier)]
    assert sum(rows) == len(smaller.rows)
    assert rows[-1] == 0


def test_athena_is_for_legacy_reports_in_parquet() -> None:
    assert Report("b", versioning=Versioning.ATHENA).format is FileFormat.PARQUET
    with pytest.raises(ValueError, match="no Athena integration"):
        Report("b", versioning=Versioning.ATHENA, kind=ExportKind.CUR_2_0)


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
