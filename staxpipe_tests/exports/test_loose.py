import gzip
import os
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.discovery import Discovery, still_current
from staxpipe.exports.loose import loose_deliveries, loose_files
from staxpipe.focus.names import NotACostReportError
from staxpipe.model import BillingPeriod, ExportKind, FileFormat, Severity

reads_zip = pytest.mark.skipif(find_spec("staxpipe.focus.reading_bytes") is None, reason="ZIP files cannot be read yet")

HEADER = "bill/BillingPeriodStartDate,lineItem/UnblendedCost\n"


def _body(*months: str) -> str:
    return HEADER + "".join(f"{month}-01T00:00:00Z,1\n" for month in months)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my files"
    folder.mkdir()
    return folder


def periods(discovery: Discovery) -> list[str]:
    return [str(delivery.period) for delivery in discovery.deliveries]


def codes(discovery: Discovery) -> list[str]:
    return [finding.code for finding in discovery.findings]


def test_a_delivery_a_billing_period(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-09", "2026-10"))
    (folder / "b.csv").write_text(_body("2026-10"))
    (folder / "sub").mkdir()
    (folder / "sub" / "c.csv").write_text(_body("2026-11"))
    found = loose_deliveries(folder)
    assert [(str(item.period), [file.key for file in item.files]) for item in found.deliveries] == [
        ("2026-09", ["a.csv"]),
        ("2026-10", ["a.csv", "b.csv"]),
        ("2026-11", ["sub/c.csv"]),
    ]
    assert all(item.shared_files and item.manifest is None for item in found.deliveries)
    assert {item.export.source for item in found.deliveries} == {f"file://{folder}"}
    assert found.findings == ()


@pytest.mark.parametrize(
    "moment",
    ["2026-10-01T00:00:00Z", "2026-10-01T00:00:00.000Z", "2026-10-01 00:00:00+00:00", "2026-10-01 00:00:00"],
)
def test_periods_are_found_however_moments_are_written(folder: Path, moment: str) -> None:
    (folder / "a.csv").write_text(HEADER + f"{moment},1\n")
    assert periods(loose_deliveries(folder)) == ["2026-10"]


def test_a_parquet_file_tells_its_periods(folder: Path) -> None:
    moments = pa.array([1_538_352_000_000, 1_541_030_400_000], pa.timestamp("ms", "UTC"))
    costs = pa.array([1.0, 2.0])
    table = pa.table({"bill_billing_period_start_date": moments, "line_item_unblended_cost": costs})
    pq.write_table(table, folder / "a.snappy.parquet")
    found = loose_deliveries(folder)
    assert periods(found) == ["2018-10", "2018-11"]
    assert {item.format for item in found.deliveries} == {FileFormat.PARQUET}


def test_the_usage_date_tells_the_month_where_the_period_is_not_given(folder: Path) -> None:
    (folder / "a.csv").write_text("lineItem/UsageStartDate\n2025-01-31T23:00:00Z\n")
    assert periods(loose_deliveries(folder)) == ["2025-01"]


def test_the_same_files_are_the_same_delivery_and_others_are_not(folder: Path, tmp_path: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10"))
    (first,) = loose_deliveries(folder).deliveries
    os.utime(folder / "a.csv", (1, 1))
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    assert loose_deliveries(folder).deliveries[0].delivery_id == first.delivery_id
    assert loose_deliveries(copied).deliveries[0].delivery_id == first.delivery_id
    assert loose_deliveries(folder / "a.csv").deliveries[0].delivery_id == first.delivery_id
    (folder / "a.csv").write_text(_body("2026-10").replace(",1", ",2"))
    assert loose_deliveries(folder).deliveries[0].delivery_id != first.delivery_id


def test_a_file_of_another_month_changes_nothing_for_this_one(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10"))
    (first,) = loose_deliveries(folder).deliveries
    (folder / "b.csv").write_text(_body("2026-11"))
    assert loose_deliveries(folder).deliveries[0] == first


def test_one_month_in_two_formats_is_most_likely_there_twice(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10", "2026-09"))
    (folder / "a.csv.gz").write_bytes(gzip.compress(_body("2026-10").encode()))
    found = loose_deliveries(folder)
    assert periods(found) == ["2026-09"]
    (broken,) = found.broken
    assert broken.period == BillingPeriod(2026, 10)
    assert "csv and as csv.gz" in broken.reason
    assert codes(found) == ["delivery-broken"]


def test_a_cut_file_breaks_its_month_and_no_other(folder: Path) -> None:
    whole = gzip.compress(_body(*["2026-10"] * 5000).encode())
    (folder / "a.csv.gz").write_bytes(whole)
    (folder / "b.csv.gz").write_bytes(whole[:-20])
    (folder / "c.csv.gz").write_bytes(gzip.compress(_body("2026-11").encode()))
    found = loose_deliveries(folder)
    assert periods(found) == ["2026-11"]
    (broken,) = found.broken
    assert broken.period == BillingPeriod(2026, 10)
    assert "b.csv.gz is cut" in broken.reason
    assert found.findings[0].severity is Severity.ERROR


def test_a_ragged_file_breaks_the_month_of_its_first_row(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10") + "x\n")
    found = loose_deliveries(folder)
    assert found.deliveries == ()
    assert "a.csv: row 2 has 1 fields" in found.broken[0].reason


def test_a_file_that_cannot_be_read_at_all_is_an_error(folder: Path) -> None:
    (folder / "a.parquet").write_bytes(b"PAR1 and nothing else")
    (folder / "b.csv").write_text(_body("2026-10"))
    found = loose_deliveries(folder)
    assert periods(found) == ["2026-10"]
    assert [(item.code, item.severity) for item in found.findings] == [("file-unreadable", Severity.ERROR)]


def test_a_compressed_file_of_no_bytes_is_an_error(folder: Path) -> None:
    (folder / "a.csv.gz").touch()
    (folder / "b.csv").write_text(_body("2026-10"))
    assert codes(loose_deliveries(folder)) == ["file-unreadable"]


def test_files_that_are_named_are_an_export_of_their_own(folder: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (folder / name).write_text(_body("2026-10"))

    def source(*names: str) -> str:
        (delivery,) = loose_files(folder, [folder / name for name in names]).deliveries
        return delivery.export.source

    assert source("a.csv") == f"file://{folder}/a.csv"
    assert source("a.csv", "b.csv") == source("b.csv", "a.csv")
    (whole,) = loose_deliveries(folder).deliveries
    assert whole.export.source == f"file://{folder}"
    several = {source("a.csv"), source("b.csv"), source("a.csv", "b.csv"), source("a.csv", "c.csv")}
    assert len(several | {whole.export.source}) == 5


def test_rows_without_a_period_are_told_of(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10") + ",5\n,6\nsoon,7\n")
    (finding,) = loose_deliveries(folder).findings
    assert (finding.code, finding.count, finding.severity) == ("rows-without-period", 3, Severity.ERROR)


def test_files_that_are_no_cost_reports_are_left_out_and_named(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10"))
    (folder / "people.csv").write_text("name,age\nx,1\n")
    (folder / "empty.csv").write_text(HEADER)
    found = loose_deliveries(folder)
    assert periods(found) == ["2026-10"]
    assert [(item.code, item.examples) for item in found.findings] == [
        ("not-a-cost-report", ("people.csv",)),
        ("empty-file", ("empty.csv",)),
    ]


def test_nothing_but_strangers_is_an_error(folder: Path) -> None:
    (folder / "people.csv").write_text("name,age\nx,1\n")
    (folder / "places.csv").write_text("name,size\nx,1\n")
    with pytest.raises(PermanentError, match=r"people\.csv is not a cost report.* Nor is any of the other 1"):
        loose_deliveries(folder)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("bill/BillingPeriodStartDate,lineItem/UnblendedCost", ExportKind.LEGACY_CUR),
        ("bill_billing_period_start_date,line_item_unblended_cost", ExportKind.CUR_2_0),
        ("BillingPeriodStart,BilledCost", ExportKind.FOCUS_1_0),
        ("BillingPeriodStart,BilledCost,SkuMeter", ExportKind.FOCUS_1_2),
    ],
)
def test_the_header_tells_what_a_file_is(folder: Path, header: str, kind: ExportKind) -> None:
    (folder / "a.csv").write_text(f"{header}\n2026-10-01T00:00:00Z,1{',' * (header.count(',') - 1)}\n")
    (delivery,) = loose_deliveries(folder).deliveries
    assert (str(delivery.period), delivery.export.kind) == ("2026-10", kind)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("BillingPeriodStart,Cost", "neither line items.* nor BilledCost"),
        ("bill/BillingPeriodStartDate,Cost", "neither line items.* nor BilledCost"),
        ("Day,BilledCost", "FOCUS 1.0 without billing_period_start"),
        ("Day,lineItem/UnblendedCost", "without bill_billing_period_start_date or line_item_usage_start_date"),
    ],
)
def test_a_file_that_is_neither_is_no_cost_report(folder: Path, header: str, words: str) -> None:
    (folder / "a.csv").write_text(f"{header}\n2026-10-01T00:00:00Z,1\n")
    with pytest.raises(NotACostReportError, match=rf"a\.csv is .*{words}"):
        loose_deliveries(folder)
    (folder / "b.csv").write_text(_body("2026-10"))
    found = loose_deliveries(folder)
    assert (periods(found), codes(found)) == (["2026-10"], ["not-a-cost-report"])


def test_one_month_of_two_kinds_is_most_likely_there_twice(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10", "2026-09"))
    (folder / "b.csv").write_text("BillingPeriodStart,BilledCost\n2026-10-01T00:00:00Z,1\n2026-11-01T00:00:00Z,1\n")
    found = loose_deliveries(folder)
    assert [(str(item.period), item.export.kind) for item in found.deliveries] == [
        ("2026-09", ExportKind.LEGACY_CUR),
        ("2026-11", ExportKind.FOCUS_1_0),
    ]
    (broken,) = found.broken
    assert "2026-10 is there as FOCUS 1.0 and as a legacy Cost and Usage Report" in broken.reason


@pytest.mark.parametrize("months_folder", ["BILLING_PERIOD=2026-10", "billing_period=2026-10", "20261001-20261101"])
@pytest.mark.parametrize("second", ["2026-10-02T08:00:00.000Z-two/", ""])
def test_deliveries_that_an_export_keeps_are_not_added_up(folder: Path, months_folder: str, second: str) -> None:
    for own in ("2026-10-01T08:00:00.000Z-one/", second):
        (folder / "data" / months_folder / own).mkdir(parents=True, exist_ok=True)
        (folder / "data" / months_folder / own / "exp-00001.csv").write_text(_body("2026-10"))
    for part in (folder, folder / "data" / months_folder):
        found = loose_deliveries(part)
        assert found.deliveries == ()
        assert "2026-10 is there in several deliveries" in found.broken[0].reason
    only = loose_deliveries(folder / "data" / months_folder / "2026-10-01T08:00:00.000Z-one")
    assert periods(only) == ["2026-10"]


def test_months_of_an_export_side_by_side_are_not_taken_for_versions(folder: Path) -> None:
    for month in ("2026-09", "2026-10"):
        (folder / f"BILLING_PERIOD={month}").mkdir()
        for chunk in ("exp-00001.csv", "exp-00002.csv"):
            (folder / f"BILLING_PERIOD={month}" / chunk).write_text(_body(month))
    assert periods(loose_deliveries(folder)) == ["2026-09", "2026-10"]


@reads_zip
def test_a_zipped_file_is_read(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", _body("2026-09", "2026-10"))
    found = loose_deliveries(folder)
    assert periods(found) == ["2026-09", "2026-10"]
    assert {(item.format, item.export.kind) for item in found.deliveries} == {
        (FileFormat.CSV_ZIP, ExportKind.LEGACY_CUR)
    }
    assert periods(loose_files(folder, [folder / "a.csv.zip"])) == ["2026-09", "2026-10"]
    (folder / "a.csv").write_text(_body("2026-10"))
    (broken,) = loose_deliveries(folder).broken
    assert "csv and as csv.zip" in broken.reason


@reads_zip
def test_a_damaged_archive_breaks_the_month_of_its_first_row(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", _body("2026-10") + "x\n")
    (folder / "b.csv.zip").write_bytes((folder / "a.csv.zip").read_bytes()[:-30])
    found = loose_deliveries(folder)
    assert found.deliveries == ()
    assert [(str(broken.period), "a.csv" in broken.reason) for broken in found.broken] == [("2026-10", True)]
    assert codes(found) == ["file-unreadable", "delivery-broken"]


@reads_zip
def test_maps_of_cur_2_0_tell_it_from_a_legacy_report(folder: Path) -> None:
    tags = pa.array([[("user:team", "web")]], pa.map_(pa.string(), pa.string()))
    moments = pa.array([1_538_352_000_000], pa.timestamp("ms", "UTC"))
    columns = {"bill_billing_period_start_date": moments, "line_item_unblended_cost": [1.0], "resource_tags": tags}
    pq.write_table(pa.table(columns), folder / "exp-00001.snappy.parquet")
    (delivery,) = loose_deliveries(folder).deliveries
    assert (str(delivery.period), delivery.export.kind) == ("2018-10", ExportKind.CUR_2_0)


@pytest.mark.parametrize("name", ["x.csv.bz2", "x.txt"])
def test_what_is_no_data_file(folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    with pytest.raises(PermanentError, match="There is no data file"):
        loose_deliveries(folder)
    with pytest.raises(PermanentError, match=r"is not a data file"):
        loose_deliveries(folder / name)


def test_bare_files_stay_current_until_one_changes(folder: Path) -> None:
    (folder / "a.csv").write_text(_body("2026-10"))
    found = loose_deliveries(folder)
    (delivery,) = found.deliveries
    assert still_current(found.bucket, delivery)
    os.utime(folder / "a.csv", (1, 1))
    assert not still_current(found.bucket, delivery)


@pytest.mark.outside_data
@pytest.mark.parametrize(
    ("name", "expected", "kind"),
    [
        ("workshop-2018", ["2018-10", "2018-11"], ExportKind.LEGACY_CUR),
        ("focus-converters", ["2023-11"], ExportKind.LEGACY_CUR),
        ("koku", ["2022-07", "2023-06"], ExportKind.LEGACY_CUR),
        ("cur-anonymize/sample-legacy-csv.csv", ["2025-01"], ExportKind.LEGACY_CUR),
        ("cur-anonymize/sample-cur20.csv", ["2025-01"], ExportKind.CUR_2_0),
        ("focus-1.0/focus_sample.csv", ["2024-09", "2024-10"], ExportKind.FOCUS_1_0),
    ],
)
def test_real_files(outside_data: Path, name: str, expected: list[str], kind: ExportKind) -> None:
    found = loose_deliveries(outside_data / name)
    assert periods(found) == expected
    assert {delivery.export.kind for delivery in found.deliveries} == {kind}
    assert found.broken == ()


@pytest.mark.outside_data
def test_the_same_rows_under_two_kinds_of_names_are_not_loaded_twice(outside_data: Path) -> None:
    found = loose_deliveries(outside_data / "cur-anonymize")
    assert found.deliveries == ()
    assert "2025-01 is there as CUR 2.0 and as a legacy Cost and Usage Report" in found.broken[0].reason
