"""Loading generated reports, whose totals are known by construction, into a real lake and a real Postgres."""

from __future__ import annotations

import csv
import gzip
import io
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import text

from staxpipe.exports.local import find
from staxpipe.ingest.load import FailedMonth, LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod, DeliveryState
from staxpipe.scan.scanner import Scanner
from staxpipe.synthetic.delivery import Versioning
from staxpipe.synthetic.month import Month
from staxpipe_tests.focus import batches
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver
from staxpipe_tests.small_reports import deliver


def load_all(platform: Platform, folder: Path) -> list[LoadedMonth | FailedMonth]:
    return list(load(platform, find(folder)))


def loaded(platform: Platform, folder: Path) -> dict[BillingPeriod, LoadedMonth]:
    found = load_all(platform, folder)
    months = [month for month in found if isinstance(month, LoadedMonth)]
    assert len(months) == len(found), [month.error for month in found if isinstance(month, FailedMonth)]
    return {month.billing_period: month for month in months}


def mart(platform: Platform, period: BillingPeriod) -> dict[str, tuple[int, Decimal, Decimal, Decimal]]:
    """What a reader of the marts sees of a month, by charge category."""
    with platform.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT charge_category, sum(line_items), sum(billed_cost), sum(effective_cost), sum(list_cost) "
                "FROM daily_costs WHERE period = :period GROUP BY 1"
            ),
            {"period": str(period)},
        )
        return {row[0]: (int(row[1]), row[2], row[3], row[4]) for row in rows}


def lake_rows(platform: Platform, period: BillingPeriod) -> int:
    with platform.engine.connect() as connection:
        exports = connection.execute(text("SELECT id FROM exports")).scalars().all()
    return sum(batch.num_rows for export in exports for batch in platform.lake.batches(export, period, ["BilledCost"]))


def expected(month: Month) -> dict[str, tuple[int, Decimal, Decimal, Decimal]]:
    return {
        category: (sums.rows, sums.billed, sums.effective, sums.list)
        for category, sums in month.expected.focus_by_category.items()
    }


@pytest.mark.parametrize("versioning", Versioning)
def test_every_layout_gives_the_totals_that_are_known_beforehand(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver, versioning: Versioning
) -> None:
    months = {period: deliver_month(period, versioning=versioning) for period in (SEPTEMBER, OCTOBER)}
    results = loaded(platform, bucket_folder)
    assert set(results) == set(months)
    for period, month in months.items():
        assert results[period].reconciled
        assert results[period].rows_read == month.expected.rows
        assert results[period].billed_cost == month.expected.unblended
        assert mart(platform, period) == expected(month)
        assert lake_rows(platform, period) == month.expected.focus.rows


def test_loading_again_changes_nothing_and_says_so(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    first = loaded(platform, bucket_folder)[SEPTEMBER]
    again = loaded(platform, bucket_folder)[SEPTEMBER]
    assert first.changed
    assert not again.changed
    assert again.billed_cost == first.billed_cost
    assert mart(platform, SEPTEMBER) == expected(month)


@pytest.mark.parametrize("versioning", Versioning)
def test_a_restated_month_takes_the_place_of_the_old_one(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver, versioning: Versioning
) -> None:
    old = deliver_month(OCTOBER, day=10, versioning=versioning)
    loaded(platform, bucket_folder)
    new = deliver_month(OCTOBER, day=20, versioning=versioning)
    assert new.expected.rows > old.expected.rows
    loaded(platform, bucket_folder)
    assert mart(platform, OCTOBER) == expected(new)
    assert lake_rows(platform, OCTOBER) == new.expected.focus.rows


@pytest.fixture
def half_broken(platform: Platform, bucket_folder: Path, deliver_month: Deliver) -> tuple[Month, Path]:
    """September is loaded; then it is delivered again with a broken file, and October's first days whole."""
    before = deliver_month(SEPTEMBER, day=10)
    loaded(platform, bucket_folder)
    after = deliver_month(SEPTEMBER, day=20)
    deliver_month(OCTOBER, day=3)
    [second] = bucket_folder.rglob(f"{after.assembly_id}/*00002.csv.gz")
    return before, second


def assert_only_september_failed(platform: Platform, folder: Path, before: Month, *words: str) -> None:
    results = {result.billing_period: result for result in load_all(platform, folder)}
    failed, fine = results[SEPTEMBER], results[OCTOBER]
    assert isinstance(fine, LoadedMonth)
    assert isinstance(failed, FailedMonth)
    for word in words:
        assert word in failed.error
    assert mart(platform, SEPTEMBER) == expected(before), "what was loaded before stays"
    assert lake_rows(platform, SEPTEMBER) == before.expected.focus.rows
    with platform.engine.connect() as connection:
        state = connection.execute(
            text("SELECT state FROM deliveries WHERE period = '2026-09' ORDER BY delivered_at DESC LIMIT 1")
        ).scalar_one()
    assert state == DeliveryState.FAILED


def test_a_truncated_gzip_fails_that_delivery_only(platform: Platform, half_broken: tuple[Month, Path]) -> None:
    before, file = half_broken
    os.truncate(file, file.stat().st_size // 2)
    assert_only_september_failed(platform, file.parents[4], before, file.name)


def test_a_missing_file_fails_that_delivery_only(platform: Platform, half_broken: tuple[Month, Path]) -> None:
    before, file = half_broken
    file.unlink()
    results = {result.billing_period: result for result in load_all(platform, file.parents[4])}
    assert isinstance(results[OCTOBER], LoadedMonth)
    failed = results[SEPTEMBER]
    assert isinstance(failed, FailedMonth)
    assert file.name in failed.error
    assert mart(platform, SEPTEMBER) == expected(before)


def test_a_missing_column_fails_that_delivery_only(platform: Platform, half_broken: tuple[Month, Path]) -> None:
    before, file = half_broken
    content = gzip.decompress(file.read_bytes()).decode()
    file.write_bytes(gzip.compress(content.replace("lineItem/UnblendedCost", "lineItem/Other", 1).encode()))
    assert_only_september_failed(platform, file.parents[4], before, file.name, "line_item_unblended_cost")


def test_a_number_that_is_none_is_quarantined_with_its_place_and_the_month_is_marked(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    [file] = bucket_folder.rglob(f"{month.assembly_id}/*00002.csv.gz")
    rows = list(csv.reader(io.StringIO(gzip.decompress(file.read_bytes()).decode())))
    rows[5][rows[0].index("lineItem/UnblendedCost")] = "twelve"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    file.write_bytes(gzip.compress(out.getvalue().encode()))

    result = loaded(platform, bucket_folder)[SEPTEMBER]
    assert not result.reconciled
    assert result.rows_read == month.expected.rows
    assert "rejected-rows" in {finding.code for finding in result.findings}
    with platform.engine.connect() as connection:
        row = connection.execute(text('SELECT file, "row", "column", value FROM quarantine')).one()
    assert row[0].endswith(file.name)
    assert tuple(row[1:]) == (5, "line_item_unblended_cost", "twelve")


def test_a_second_export_of_the_same_month_is_loaded_and_not_counted(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month(name="first-report")
    deliver_month(name="second-report")
    results = [result for result in load_all(platform, bucket_folder) if isinstance(result, LoadedMonth)]
    assert len(results) == 2
    assert mart(platform, SEPTEMBER) == expected(month)
    assert lake_rows(platform, SEPTEMBER) == 2 * month.expected.focus.rows
    codes = [{finding.code for finding in result.findings} for result in results]
    assert sum("shadow-agrees" in found for found in codes) == 1


def test_a_failed_delivery_is_loaded_once_it_is_mended(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    [file] = bucket_folder.rglob(f"{month.assembly_id}/*00002.csv.gz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    [failed] = load_all(platform, bucket_folder)
    assert isinstance(failed, FailedMonth)
    file.write_bytes(whole)
    loaded(platform, bucket_folder)
    assert mart(platform, SEPTEMBER) == expected(month)


@pytest.mark.outside_data
def test_real_months_reconcile_to_the_cent(platform: Platform, outside_data: Path) -> None:
    """AWS's own workshop report; commitments as verified in the reservation invariant of these months."""
    results = loaded(platform, outside_data / "workshop-2018")
    rows_read = {str(period): month.rows_read for period, month in results.items()}
    assert rows_read == {"2018-10": 119_307, "2018-11": 124_340}
    commitments = {"2018-10": ("232.2538", "48.9956"), "2018-11": ("231.4004", "43.2164")}
    found = {str(period): {finding.code for finding in month.findings} for period, month in results.items()}
    assert found == {"2018-10": set(), "2018-11": {"columns-new"}}, "November has two columns that October had not"
    for period, month in results.items():
        assert month.reconciled
        with platform.engine.connect() as connection:
            export = connection.execute(text("SELECT id FROM exports")).scalar_one()
        effective = {"Used": Decimal(0), "Unused": Decimal(0)}
        columns = ["CommitmentDiscountStatus", "EffectiveCost"]
        for batch in platform.lake.batches(export, period, columns):
            for row in batch.to_pylist():
                if row["CommitmentDiscountStatus"] is not None:
                    effective[row["CommitmentDiscountStatus"]] += row["EffectiveCost"]
        used, unused = commitments[str(period)]
        assert round(effective["Used"], 4) == Decimal(used)
        assert round(effective["Unused"], 4) == Decimal(unused)


def test_the_csv_reader_is_the_one_of_the_settings_that_were_given(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scanner, "feed", mock.Mock(side_effect=AssertionError("the native reader was not chosen")))
    given = replace(platform, settings=platform.settings.model_copy(update={"csv_reader": "arrow"}))
    deliver(tmp_path / "bucket", [[batches.row(line_item_unblended_cost="3")]], "one")
    assert [month.rows_read for month in loaded(given, tmp_path / "bucket").values()] == [1]
