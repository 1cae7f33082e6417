import gzip
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.discovery import Discovery, still_current
from staxpipe.exports.loose import loose_deliveries, loose_files
from staxpipe.model import BillingPeriod, FileFormat, Severity

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
    pq.write_table(pa.table({"bill_billing_period_start_date": moments}), folder / "a.snappy.parquet")
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


def test_a_focus_file_is_called_one(folder: Path) -> None:
    (folder / "focus.csv").write_text("BillingPeriodStart,BilledCost\n2026-10-01T00:00:00Z,1\n")
    with pytest.raises(PermanentError, match=r"focus\.csv is a FOCUS file"):
        loose_deliveries(folder)


@pytest.mark.parametrize("name", ["x.csv.zip", "x.txt"])
def test_what_is_no_data_file(folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    with pytest.raises(PermanentError, match="There is no data file"):
        loose_deliveries(folder)
    with pytest.raises(PermanentError, match=r"is not a data file" + (".*unpack it" if "zip" in name else "")):
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
    ("name", "expected"),
    [
        ("workshop-2018", ["2018-10", "2018-11"]),
        ("focus-converters", ["2023-11"]),
        ("koku", ["2022-07", "2023-06"]),
        ("cur-anonymize/sample-legacy-csv.csv", ["2025-01"]),
    ],
)
def test_real_files(outside_data: Path, name: str, expected: list[str]) -> None:
    found = loose_deliveries(outside_data / name)
    assert periods(found) == expected
    assert found.broken == ()
