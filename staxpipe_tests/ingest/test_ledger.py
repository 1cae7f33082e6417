"""The reconciliation ledger of loaded months: every row accounted for, both sides exact, the verdict in words."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from staxpipe.cli.ledger import ledger
from staxpipe.db.reconciliations import identities_of, lines_of, outcomes_of
from staxpipe.db.results import SumRow
from staxpipe.errors import PermanentError
from staxpipe.exports.local import find
from staxpipe.focus.identities import IdentityName
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.reconciliation import badge_of
from staxpipe.focus.tally import Tally
from staxpipe.ingest import control_totals, marts
from staxpipe.ingest.load import FailedMonth, LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.model import Badge
from staxpipe.status.ledger import read_ledger
from staxpipe.synthetic.month import Month
from staxpipe_tests.focus.batches import mapped, row
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver


def load_all(platform: Platform, folder: Path) -> list[LoadedMonth | FailedMonth]:
    return list(load(platform, find(folder)))


def rewritten(file: Path, change: Callable[[list[list[str]]], None]) -> None:
    """Change the rows of a csv.gz; the first is the header."""
    rows = list(csv.reader(io.StringIO(gzip.decompress(file.read_bytes()).decode())))
    change(rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    file.write_bytes(gzip.compress(out.getvalue().encode()))


def one_file(folder: Path, month: Month) -> Path:
    [file] = folder.rglob(f"{month.assembly_id}/*00002.csv.gz")
    return file


def test_every_row_is_accounted_for_and_both_sides_are_exact(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    load_all(platform, bucket_folder)
    kinds = month.expected.rows_by_type
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
        outcomes = outcomes_of(connection, of.delivery)
    doubled = kinds["RIFee"] + kinds["SavingsPlanRecurringFee"]
    negated = kinds["SavingsPlanNegation"]
    assert outcomes == {
        "mapped": month.expected.rows - doubled - negated,
        "doubled": doubled,
        "negated": negated,
    }
    assert (of.line.rows_read, of.line.rows_mapped) == (month.expected.rows, outcomes["mapped"])
    assert of.line.source_cost == of.line.lake_cost == of.line.marts_cost == month.expected.focus.billed
    assert {(total.charge, total.outcome): total.rows for total in of.source if total.charge == "RIFee"} == {
        ("RIFee", "doubled"): kinds["RIFee"]
    }
    assert {total.charge: (total.rows, total.billed_cost) for total in of.marts} == {
        category: (sums.rows, sums.billed) for category, sums in month.expected.focus_by_category.items()
    }
    assert (of.badge, of.counted) == ("reconciled", True)


def test_all_identities_hold_to_the_last_digit_on_a_month_without_fault(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    deliver_month()
    load_all(platform, bucket_folder)
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
    assert {identity.name for identity in of.identities} == set(IdentityName)
    assert all(identity.holds for identity in of.identities)
    assert all(identity.difference == 0 for identity in of.identities)


def test_a_month_without_all_its_invoices_is_provisional(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month(OCTOBER)
    [result] = load_all(platform, bucket_folder)
    assert isinstance(result, LoadedMonth)
    assert (result.badge, result.reconciled) == ("provisional", True)
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
    assert of.line.rows_without_invoice == month.expected.rows_without_invoice > 0


def test_quarantined_rows_mark_the_month_and_say_what_its_totals_lack(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    costs: list[Decimal] = []

    def spoil(rows: list[list[str]]) -> None:
        end, cost = (rows[0].index(f"lineItem/{name}") for name in ("UsageEndDate", "UnblendedCost"))
        for item in rows[5:8]:
            item[end] = "yesterday"
            costs.append(Decimal(item[cost]))

    rewritten(one_file(bucket_folder, month), spoil)
    [result] = load_all(platform, bucket_folder)
    lacking = sum(costs, Decimal(0))
    assert isinstance(result, LoadedMonth)
    assert result.billed_cost == month.expected.focus.billed - lacking
    assert not result.reconciled
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
        kept = connection.execute(text("SELECT sum(cost), count(*) FROM quarantine")).one()
    assert (of.line.badge, of.line.rows_quarantined, of.line.quarantined_cost) == (Badge.OFF, 3, lacking)
    assert of.line.rows_read == month.expected.rows
    assert tuple(kept) == (lacking, 3)
    assert badge_of(of.line).startswith("off by -")
    [said] = [finding.message for finding in result.findings if finding.code == "rejected-rows"]
    assert "3 rows could not be read" in said
    assert "the totals lack" in said


def test_a_cost_that_cannot_be_read_is_off_by_nobody_knows_what(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()

    def spoil(rows: list[list[str]]) -> None:
        rows[5][rows[0].index("lineItem/UnblendedCost")] = "twelve"

    rewritten(one_file(bucket_folder, month), spoil)
    [result] = load_all(platform, bucket_folder)
    assert isinstance(result, LoadedMonth)
    assert result.badge == "off by what 1 unreadable row costs"


def test_what_does_not_add_up_is_kept_for_people_to_look_at(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_month()
    with monkeypatch.context() as broken:
        broken.setattr("staxpipe.ingest.reading_delivery.residual_rows", _a_dollar_from_nowhere)
        [result] = load_all(platform, bucket_folder)
    assert isinstance(result, FailedMonth)
    assert "do not add up" in result.error
    with platform.engine.connect() as connection:
        [delivery] = connection.execute(text("SELECT id FROM deliveries")).scalars()
        [line] = [one for one in lines_of(connection, delivery) if one.billing_account_id == STRANGER]
        [billed] = [
            one
            for one in identities_of(connection, delivery)
            if (one.billing_account_id, one.name) == (STRANGER, IdentityName.BILLED)
        ]
        assert read_ledger(connection) == [], "readers never see it"
    assert (line.badge, billed.holds, billed.difference) == (Badge.OFF, False, Decimal(1))


STRANGER = "222222222222"


def _a_dollar_from_nowhere(_tally: Tally, _context: MappingContext) -> pa.RecordBatch:
    return mapped(row(line_item_unblended_cost="1", bill_payer_account_id=STRANGER)).rows


def test_marts_that_would_differ_from_the_lake_are_not_published(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_month(day=10)
    load_all(platform, bucket_folder)
    before = _mart_total(platform)
    deliver_month(day=20)

    def without_tax(rollup: Iterable[pa.Table]) -> list[SumRow]:
        return [total for total in control_totals.mart_sums(rollup) if total.charge != "Tax"]

    monkeypatch.setattr(marts, "mart_sums", without_tax)
    [result] = load_all(platform, bucket_folder)
    assert isinstance(result, FailedMonth)
    assert "The marts stay as they were" in result.error
    assert _mart_total(platform) == before


def _mart_total(platform: Platform) -> Decimal:
    with platform.engine.connect() as connection:
        total: Decimal = connection.execute(text("SELECT sum(billed_cost) FROM daily_costs")).scalar_one()
    return total


@pytest.mark.outside_data
def test_the_reservation_invariant_of_real_months_holds_through_lake_and_marts(
    platform: Platform, outside_data: Path
) -> None:
    load_all(platform, outside_data / "workshop-2018")
    with platform.engine.connect() as connection:
        months = {month.period: month for month in read_ledger(connection)}
        outcomes = {period: outcomes_of(connection, month.delivery) for period, month in months.items()}
    assert outcomes == {
        "2018-10": {"mapped": 119_298, "doubled": 9},
        "2018-11": {"mapped": 124_331, "doubled": 9},
    }
    for period, left in (("2018-10", "281.2494"), ("2018-11", "274.6169")):
        identities = {identity.name: identity for identity in months[period].identities}
        reservations = identities[IdentityName.RESERVATIONS]
        assert reservations.holds
        assert round(reservations.left, 4) == Decimal(left)
        assert abs(reservations.difference) < Decimal("0.0001")
        marts_identity = identities[IdentityName.MARTS]
        assert marts_identity.left == marts_identity.right == months[period].line.lake_cost


@pytest.fixture
def command(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", platform.engine.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(ledger)
    return app


def test_the_command_shows_sums_outcomes_and_identities(
    platform: Platform, command: typer.Typer, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    load_all(platform, bucket_folder)
    payer = str(month.organisation.payer.id)
    asked = ["--account", payer, "--period", str(SEPTEMBER)]
    shown = CliRunner().invoke(command, asked, catch_exceptions=False).stdout
    for word in ("reconciled", "SavingsPlanNegation", "negated", "reservations", "savings-plans", "holds"):
        assert word in shown
    kinds = month.expected.rows_by_type
    doubled, negated = kinds["RIFee"] + kinds["SavingsPlanRecurringFee"], kinds["SavingsPlanNegation"]
    assert (
        f"{month.expected.rows:,} rows of the report + {doubled:,} doubled - {negated:,} negated = "
        f"{month.expected.rows + doubled - negated:,} line items"
    ) in shown
    [told] = json.loads(CliRunner().invoke(command, [*asked, "--json"], catch_exceptions=False).stdout)
    assert told["badge"] == "reconciled"
    assert Decimal(told["line"]["lake_cost"]) == month.expected.focus.billed
    nothing = CliRunner().invoke(command, ["--account", "999999999999"])
    assert (nothing.exit_code, "Nothing is loaded" in nothing.stdout) == (1, True)


def test_the_command_lists_the_first_values_in_quarantine_and_says_how_many_more(
    platform: Platform, command: typer.Typer, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    file = one_file(bucket_folder, month)

    def spoil(rows: list[list[str]]) -> None:
        end = rows[0].index("lineItem/UsageEndDate")
        for number, item in enumerate(rows[5:28], start=1):
            item[end] = f"day\x1b[2J {number} [bold]"

    rewritten(file, spoil)
    load_all(platform, bucket_folder)
    payer = str(month.organisation.payer.id)
    asked = ["--account", payer, "--period", str(SEPTEMBER)]
    lines = CliRunner().invoke(command, asked, catch_exceptions=False).stdout.splitlines()
    [begin] = [number for number, line in enumerate(lines) if line.startswith("Rows in quarantine of delivery ")]
    assert lines[begin].endswith(": 23")
    assert lines[begin + 1].endswith(f"{file.name}, row 5")
    assert lines[begin + 2] == "    line_item_usage_end_date: 'day\\x1b[2J 1 [bold]' is not a date and time"
    assert lines[begin + 41].startswith('and 3 more: staxpipe sql "FROM quarantine WHERE delivery = ')
    overview = CliRunner().invoke(command, ["--account", payer], catch_exceptions=False).stdout
    assert "quarantine" not in overview


@pytest.mark.usefixtures("narrow_terminal")
def test_a_narrow_terminal_shows_verdict_amounts_and_export_whole(
    platform: Platform, command: typer.Typer, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month()
    load_all(platform, bucket_folder)
    asked = ["--account", str(month.organisation.payer.id), "--period", str(SEPTEMBER)]
    shown = CliRunner().invoke(command, asked, catch_exceptions=False).stdout
    assert max(len(line) for line in shown.splitlines()) <= 80
    overview = shown[: shown.index("delivery ")]
    for words in ("verdict reconciled", f"lake {month.expected.focus.billed:,.2f}", "export legacy-cur, counted"):
        assert words in " ".join(overview.split())


@pytest.mark.parametrize(("option", "value"), [("--account", "12"), ("--period", "foo")])
def test_what_is_no_account_or_month_is_refused_in_words(command: typer.Typer, option: str, value: str) -> None:
    with pytest.raises(PermanentError, match=f"{option}: "):
        CliRunner().invoke(command, [option, value], catch_exceptions=False)
