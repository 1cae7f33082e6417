"""What `diff` says of real restatements: of AWS's own files, and of generated months whose books are known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from staxpipe.cli.diff import sentences
from staxpipe.exports.local import find
from staxpipe.focus.services import services
from staxpipe.ingest.expiry import expire
from staxpipe.ingest.load import LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod
from staxpipe.query.diff import Amounts, Diff, compare
from staxpipe.query.pair import Since
from staxpipe.query.row_changes import ColumnChange, RowChanges
from staxpipe.synthetic.books import Sums
from staxpipe.synthetic.month import Month
from staxpipe_tests.generated import OCTOBER, Deliver

JUNE = BillingPeriod(2023, 6)
ONLY_INVOICE_IDS = RowChanges(0, 0, 3, (ColumnChange("InvoiceId", 3),), only_columns=True)


def load_path(platform: Platform, path: Path) -> str:
    """Load what is there; returns the billing account."""
    [month] = load(platform, find(path))
    assert isinstance(month, LoadedMonth), month
    return month.billing_account_id


def diff(platform: Platform, account: str, period: BillingPeriod, *named: int, since: Since | None = None) -> Diff:
    before, after = (str(name) for name in named) if named else (None, None)
    return compare(
        platform.lake, platform.engine, account, period, datetime.now(UTC), before=before, after=after, since=since
    )


def overwrite(folder: Path, data: Path, assembly_id: str) -> None:
    """Deliver a file as a legacy report does that overwrites: data and manifest in the month's folder."""
    month = folder / "billing" / "report" / "20230601-20230701"
    month.mkdir(parents=True, exist_ok=True)
    (month / "report-1.csv").write_bytes(data.read_bytes())
    header = data.read_text().splitlines()[0].split(",")
    manifest = {
        "assemblyId": assembly_id,
        "reportName": "report",
        "compression": "None",
        "billingPeriod": {"start": "20230601T000000.000Z", "end": "20230701T000000.000Z"},
        "columns": [dict(zip(("category", "name"), name.split("/", 1), strict=True)) for name in header],
        "reportKeys": ["billing/report/20230601-20230701/report-1.csv"],
    }
    (month / "report-Manifest.json").write_text(json.dumps(manifest))


@pytest.mark.outside_data
def test_a_finalisation_by_two_deliveries_of_one_report_changed_only_invoice_ids(
    platform: Platform, outside_data: Path, tmp_path: Path
) -> None:
    for name, assembly_id in (("2023-06-01-not-final.csv", "before"), ("2023-06-01.csv", "after")):
        overwrite(tmp_path / "bucket", outside_data / "koku" / name, assembly_id)
        account = load_path(platform, tmp_path / "bucket")
    found = diff(platform, account, JUNE)
    assert (found.before.delivery_id, found.after.delivery_id) == ("before", "after")
    assert (found.before.final, found.after.final) == (False, True)
    assert found.rows == ONLY_INVOICE_IDS
    assert found.changes == ()
    assert_both_accounts_are_told(found)


@pytest.mark.outside_data
def test_a_finalisation_in_two_loose_files_changed_only_invoice_ids(platform: Platform, outside_data: Path) -> None:
    for name in ("2023-06-01-not-final.csv", "2023-06-01.csv"):
        account = load_path(platform, outside_data / "koku" / name)
    found = diff(platform, account, JUNE, 1, 2)
    assert found.before.export_id != found.after.export_id
    assert found.rows == ONLY_INVOICE_IDS
    assert found.changes == ()
    assert_both_accounts_are_told(found)


def assert_both_accounts_are_told(found: Diff) -> None:
    """These files are not of one account: somebody wrote another number into the second. It must not be hidden."""
    assert found.accounts == ("9999999999999", "0099999999999")
    told = " ".join(sentences(found))
    assert "is of account 9999999999999 and delivery 2 of 0099999999999;" in told
    assert told.endswith("Only InvoiceId changed, on 3 rows.")


def by(found: Diff, field: str) -> dict[str, Amounts]:
    """The changes, summed up by one of their fields."""
    sums: dict[str, Amounts] = {}
    for line in found.changes:
        key = getattr(line, field) or ""
        sums[key] = sums.get(key, Amounts()) + line.change
    return sums


def differences(old: dict[str, Sums], new: dict[str, Sums]) -> dict[str, Amounts]:
    """What the generator's books say changed."""
    changes = {}
    for key in {**old, **new}:
        before, after = old.get(key, Sums()), new.get(key, Sums())
        if before != after:
            changes[key] = Amounts(
                after.rows - before.rows, after.billed - before.billed, after.effective - before.effective
            )
    return changes


def restate(platform: Platform, folder: Path, deliver_month: Deliver) -> tuple[str, Month, Month]:
    months = []
    for day in (10, 20):
        months.append(deliver_month(OCTOBER, day=day))
        account = load_path(platform, folder)
    return account, months[0], months[1]


@pytest.mark.long
def test_a_generated_restatement_is_told_by_service_account_and_category(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    account, old, new = restate(platform, bucket_folder, deliver_month)
    found = diff(platform, account, OCTOBER)
    [total] = found.totals
    assert total.before == Amounts(old.expected.focus.rows, old.expected.focus.billed, old.expected.focus.effective)
    assert total.after == Amounts(new.expected.focus.rows, new.expected.focus.billed, new.expected.focus.effective)
    for field, books in (("charge_category", "focus_by_category"), ("sub_account_id", "focus_by_account")):
        expected = differences(dict(getattr(old.expected, books)), dict(getattr(new.expected, books)))
        assert {key: value for key, value in by(found, field).items() if value != Amounts()} == expected

    codes = differences(dict(old.expected.focus_by_code), dict(new.expected.focus_by_code))
    table = services()
    named = {table[code].name: change for code, change in codes.items() if code in table}
    assert len(named) > 5
    told = by(found, "service_name")
    assert {name: told[name] for name in named} == named
    largest = [max(abs(line.change.billed), abs(line.change.effective)) for line in found.changes]
    assert largest == sorted(largest, reverse=True)

    assert found.rows is not None
    assert found.rows.added - found.rows.removed == new.expected.focus.rows - old.expected.focus.rows
    assert found.rows.added > 0
    assert not found.rows.only_columns


@pytest.mark.long
def test_the_journal_tells_the_same_when_the_lake_has_forgotten(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    account, _, _ = restate(platform, bucket_folder, deliver_month)
    whole = diff(platform, account, OCTOBER)
    expire(platform, datetime(2100, 1, 1, tzinfo=UTC))
    left = diff(platform, account, OCTOBER)
    assert left.rows is None
    assert (left.totals, left.changes) == (whole.totals, whole.changes)
    with platform.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT service_name, sum(billed_change) AS change FROM cost_changes "
                "GROUP BY 1 HAVING sum(billed_change) <> 0"
            )
        )
        view: dict[str, Decimal] = {row.service_name: row.change for row in rows}
    assert view == {name: sums.billed for name, sums in by(left, "service_name").items() if sums.billed}
