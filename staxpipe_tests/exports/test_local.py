import gzip
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.local import find, find_all
from staxpipe.model import ExportKind, FileFormat
from staxpipe_tests.exports.conftest import MORNING, ReportWriter, export_body, manifest_body

BODY = "bill/BillingPeriodStartDate,lineItem/UnblendedCost\n2026-10-01T00:00:00Z,1\n"


@pytest.mark.parametrize(
    "part",
    [
        "",
        "pfx",
        "pfx/cur",
        "pfx/cur/20261001-20261101",
        "pfx/cur/20261001-20261101/one",
        "pfx/cur/20261001-20261101/cur-Manifest.json",
        "pfx/cur/20261001-20261101/one/cur-Manifest.json",
    ],
)
@pytest.mark.parametrize("moved", [False, True])
def test_any_part_of_a_bucket_is_the_same_export(report: ReportWriter, tmp_path: Path, part: str, moved: bool) -> None:
    keys = report.versioned("one", chunks=2)
    path = report.folder / part
    if moved:  # copied alone, without the folders above
        path = tmp_path / "elsewhere" / "copied"
        source = report.folder / part
        shutil.copytree(source if source.is_dir() else source.parent, path)
        path = path if source.is_dir() else path / source.name
    found = find(path)
    (delivery,) = found.deliveries
    assert delivery.delivery_id == "one"
    assert [stored.key.rpartition("/")[2] for stored in delivery.files] == ["cur-1.csv.gz", "cur-2.csv.gz"]
    for stored in delivery.files:
        found.bucket.fetch(stored, tmp_path / "landing" / "x")
    assert found.findings == ()
    if not moved:
        assert delivery.export.source == f"file://{report.folder}/pfx/cur"
        assert [f"{found.bucket.url}/{stored.key}" for stored in delivery.files] == [
            f"file://{report.folder}/{key}" for key in keys
        ]


def test_versions_in_a_copied_month_are_still_versions_of_one_delivery(report: ReportWriter, tmp_path: Path) -> None:
    report.versioned("one")
    report.versioned("two", at=MORNING + timedelta(hours=8))
    copied = tmp_path / "october"
    shutil.copytree(report.folder / "pfx/cur/20261001-20261101", copied)  # its times are those of copying
    (delivery,) = find(copied).deliveries
    assert delivery.delivery_id == "two"
    assert [stored.key for stored in delivery.files] == ["two/cur-1.csv.gz"]


def test_versions_of_several_months_copied_side_by_side(report: ReportWriter, tmp_path: Path) -> None:
    report.versioned("one", "20260901-20261001")
    report.versioned("two", "20261001-20261101")
    shutil.copytree(report.folder / "pfx/cur/20260901-20261001/one", tmp_path / "side" / "one")
    shutil.copytree(report.folder / "pfx/cur/20261001-20261101/two", tmp_path / "side" / "two")
    assert {str(delivery.period) for delivery in find(tmp_path / "side").deliveries} == {"2026-09", "2026-10"}
    assert len({delivery.export.source for delivery in find(tmp_path / "side").deliveries}) == 1


def test_a_manifest_beside_its_files(report: ReportWriter) -> None:
    report.data("cur-1.csv.gz")
    report.put("cur-Manifest.json", manifest_body(["pfx/cur/20261001-20261101/one/cur-1.csv.gz"], "one"))
    for path in (report.folder, report.folder / "cur-Manifest.json"):
        (delivery,) = find(path).deliveries
        assert [stored.key for stored in delivery.files] == ["cur-1.csv.gz"]


def test_files_of_two_deliveries_are_never_mixed(report: ReportWriter) -> None:
    first, second = report.versioned("one", chunks=2)
    report.data("pfx/cur/20261001-20261101/cur-2.csv.gz")  # left by a delivery that overwrote
    (report.folder / second).unlink()
    found = find(report.folder / "pfx" / "cur" / "20261001-20261101")
    assert found.deliveries == ()
    (broken,) = found.broken
    assert second in broken.reason
    assert first not in broken.reason


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "part", ["", "pfx", "pfx/exp", "pfx/exp/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json", "own manifest"]
)
@pytest.mark.parametrize("moved", [False, True])
def test_any_part_of_a_data_export_is_the_same_export(
    report: ReportWriter, tmp_path: Path, part: str, keep: bool, moved: bool
) -> None:
    keys = report.export("57bd", chunks=2, keep=keep, spelled="s3://costs/{key}")
    manifests = [key for key in report.written if key.endswith("Manifest.json")]
    root = report.folder
    if moved:  # an export copied alone, without the folders above
        root = tmp_path / "elsewhere"
        shutil.copytree(report.folder / "pfx/exp", root / "exp")
        part = part.removeprefix("pfx").lstrip("/")
        manifests = [key.removeprefix("pfx/") for key in manifests]
    found = find(root / (manifests[0] if part == "own manifest" else part))
    assert found.findings == ()
    (delivery,) = found.deliveries
    assert delivery.delivery_id == "57bd"
    assert delivery.export.kind is ExportKind.CUR_2_0
    assert delivery.export.source == f"file://{root}/exp" if moved else f"file://{root}/pfx/exp"
    files = [f"{found.bucket.url}/{stored.key}" for stored in delivery.files]
    assert files == [f"file://{root}/{key.removeprefix('pfx/') if moved else key}" for key in keys]


def test_a_data_exports_manifest_beside_its_files(report: ReportWriter) -> None:
    report.data("exp-00001.csv.gz")
    key = "pfx/exp/data/BILLING_PERIOD=2026-10/exp-00001.csv.gz"
    report.put("exp-Manifest.json", export_body([key], "57bd", billingPeriod="2026-10"))
    for path in (report.folder, report.folder / "exp-Manifest.json"):
        (delivery,) = find(path).deliveries
        assert [stored.key for stored in delivery.files] == ["exp-00001.csv.gz"]


def test_versions_of_a_data_export_copied_without_their_manifests_are_not_added_up(report: ReportWriter) -> None:
    for number in range(2):
        for key in report.export(f"57bd-{number}", at=MORNING + number * timedelta(hours=8)):
            report.put(key, gzip.compress(BODY.encode()))
    found = find(report.folder / "pfx/exp/data")
    assert found.deliveries == ()
    assert "several deliveries" in found.broken[0].reason
    (delivery,) = find(report.folder).deliveries
    assert delivery.delivery_id == "57bd-1"


def test_ten_thousand_missing_files_are_soon_found_missing(report: ReportWriter) -> None:
    keys = [f"a/b/c/data/BILLING_PERIOD=2026-10/exp-{number:05d}.csv.gz" for number in range(10_000)]
    manifest = report.put("x/y/z/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json", export_body(keys, "57bd"))
    began = time.process_time()
    found = find(report.folder / manifest)
    assert "10000 of 10000 data files" in found.broken[0].reason
    assert time.process_time() - began < 10


def test_one_manifest_means_that_one_delivery(report: ReportWriter) -> None:
    report.versioned("one")
    report.versioned("two")
    report.versioned("september", "20260901-20261001")
    (delivery,) = find(report.folder / "pfx/cur/20261001-20261101/one/cur-Manifest.json").deliveries
    assert delivery.delivery_id == "one"


def test_manifests_win_over_bare_files(report: ReportWriter) -> None:
    report.versioned("one")
    report.put("stray.csv", BODY)
    (delivery,) = find(report.folder).deliveries
    assert delivery.delivery_id == "one"


def test_a_bad_manifest_does_not_make_its_files_bare(report: ReportWriter) -> None:
    report.put("cur-Manifest.json", "{}")
    report.put("cur-1.csv", BODY)
    found = find(report.folder)
    assert found.deliveries == ()
    assert [finding.code for finding in found.findings] == ["manifest-invalid"]


def test_a_part_of_a_bucket_in_which_two_files_would_be_one_is_not_loaded_twice(
    report: ReportWriter, tmp_path: Path
) -> None:
    report.put("x.csv", BODY)
    manifest = manifest_body(["one/x.csv", "two/x.csv"], "id")
    report.put("cur-Manifest.json", manifest)
    found = find(report.folder)
    assert found.deliveries == ()
    assert "files of the same name" in found.broken[0].reason


def test_bare_files_are_said_to_be_bare(report: ReportWriter) -> None:
    report.put("x.csv", BODY)
    for path in (report.folder, report.folder / "x.csv"):
        found = find(path)
        assert [str(delivery.period) for delivery in found.deliveries] == ["2026-10"]
        assert found.findings[0].code == "no-manifest"


def test_several_files_of_one_folder_are_one_delivery(report: ReportWriter, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        report.put(name, BODY)
    other = tmp_path / "other"
    other.mkdir()
    (other / "d.csv").write_text(BODY)
    here, there = find_all([report.folder / "a.csv", report.folder / "b.csv", other / "d.csv", report.folder / "a.csv"])
    assert [stored.key for stored in here.deliveries[0].files] == ["a.csv", "b.csv"]
    assert [stored.key for stored in there.deliveries[0].files] == ["d.csv"]


def test_files_of_two_accounts_loaded_one_after_the_other_replace_nothing(report: ReportWriter) -> None:
    header = "bill/PayerAccountId,bill/BillingPeriodStartDate,lineItem/UnblendedCost"
    for name, account in (("a.csv", "111111111111"), ("b.csv", "222222222222")):
        report.put(name, f"{header}\n{account},2026-10-01T00:00:00Z,1\n")
    sources = {
        delivery.export.source
        for name in ("a.csv", "b.csv")
        for found in find_all([report.folder / name])
        for delivery in found.deliveries
    }
    assert sources == {f"file://{report.folder}/a.csv", f"file://{report.folder}/b.csv"}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="There is nothing at"):
        find(tmp_path / "absent")
    with pytest.raises(PermanentError, match="There is nothing at"):
        find_all([tmp_path / "absent"])
    with pytest.raises(PermanentError, match="There is no data file"):
        find(tmp_path)


@pytest.mark.skipif("STAXPIPE_TEST_NISE_BUCKET" not in os.environ, reason="needs a bucket made by koku-nise")
def test_a_bucket_made_by_koku_nise() -> None:
    found = find(Path(os.environ["STAXPIPE_TEST_NISE_BUCKET"]))
    assert len(found.deliveries) >= 2
    assert {delivery.format for delivery in found.deliveries} == {FileFormat.CSV_GZIP}
    assert found.findings == ()
    assert found.broken == ()
