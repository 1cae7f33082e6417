"""`staxpipe compare` as a command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, insert, select, update
from typer.testing import CliRunner

from staxpipe.aws import link_billing
from staxpipe.cli.compare import compare
from staxpipe.comparison.invoices import Invoice
from staxpipe.comparison.verdicts import Against, Comparison, Part, Reason, concluded
from staxpipe.db import audit_log, comparisons
from staxpipe.db.links import Link
from staxpipe.db.tables import deliveries, exports, period_sources
from staxpipe.errors import NotGrantedError, OwnCredentialsError, PermanentError
from staxpipe.lake.table import Lake
from staxpipe.local.terminal import whereabouts
from staxpipe.model import BillingPeriod
from staxpipe.settings import read_settings
from staxpipe_tests.ledger import ACCOUNT, NOON, a_delivery, add_link, record

SEPTEMBER = BillingPeriod(2026, 9)


@pytest.fixture
def command(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        add_link(connection)
        row = record(connection, a_delivery("2026-09"))
        export = connection.execute(select(exports.c.id)).scalar_one()
        connection.execute(
            update(deliveries).where(deliveries.c.id == row).values(state="loaded", loaded_at=NOON, final=True)
        )
        connection.execute(
            insert(period_sources).values(billing_account_id=ACCOUNT, period="2026-09", export_id=export)
        )
    app = typer.Typer()
    app.command()(compare)
    return app


def keep(engine: Engine, comparison: Comparison) -> None:
    with engine.begin() as connection:
        [month] = comparisons.counted_months(connection)
        assert comparisons.keep(connection, month, comparison.against, [comparison], NOON)


def one(theirs: str, ours: str, reason: Reason | None = None) -> Comparison:
    return concluded(Against.INVOICES, "USD", [Part("A1", Decimal(theirs), Decimal(ours), reason)])


def test_a_month_that_agrees_is_shown_and_ends_with_0(command: typer.Typer, engine: Engine) -> None:
    keep(engine, one("1234.50", "1234.4999"))
    answer = CliRunner().invoke(command, [], catch_exceptions=False)
    assert answer.exit_code == 0
    assert "equal" in answer.stdout
    assert "1,234.50" in answer.stdout


@pytest.mark.parametrize(("reason", "exit_code"), [(Reason.UNEXPLAINED, 1), (Reason.TAX, 1), (Reason.NOT_FINAL, 0)])
def test_a_difference_says_why_and_ends_with_1_unless_it_passes(
    command: typer.Typer, engine: Engine, reason: Reason, exit_code: int
) -> None:
    keep(engine, one("105", "100", reason))
    answer = CliRunner().invoke(command, ["--json"], catch_exceptions=False)
    assert answer.exit_code == exit_code
    [told] = json.loads(answer.stdout)["comparisons"]
    assert (told["theirs"], told["ours"], told["difference"]) == ("105", "100", "5")
    assert (told["reason"], told["equal"], told["needs_a_look"]) == (reason, False, bool(exit_code))
    assert told["detail"]["parts"][0]["subject"] == "A1"
    assert str(reason) in CliRunner().invoke(command, [], catch_exceptions=False).stdout


def test_other_accounts_and_months_are_left_out_when_asked(command: typer.Typer, engine: Engine) -> None:
    keep(engine, one("105", "100", Reason.TAX))
    for options in (["--account", "999999999999"], ["--period", "2026-08"]):
        answer = CliRunner().invoke(command, ["--json", *options], catch_exceptions=False)
        assert json.loads(answer.stdout)["comparisons"] == []
        assert answer.exit_code == 0


@pytest.mark.parametrize("options", [["--account", "123"], ["--period", "September"]])
def test_what_is_no_account_or_month_is_refused_in_words(command: typer.Typer, options: list[str]) -> None:
    with pytest.raises(PermanentError, match=r"12 digits|YYYY-MM"):
        CliRunner().invoke(command, options, catch_exceptions=False)


def test_why_there_is_no_comparison_is_said(command: typer.Typer, engine: Engine) -> None:
    with engine.begin() as connection:
        [month] = comparisons.counted_months(connection)
        comparisons.record_denied(connection, month, Against.INVOICES, "the role does not allow it.", NOON)
    answer = CliRunner().invoke(command, [], catch_exceptions=False)
    assert answer.exit_code == 0
    assert "No month was compared yet" in answer.stdout
    assert "the role does not allow it. (Asked on 2026-10-05.)" in answer.stdout
    assert "STAXPIPE_COMPARE_COST_EXPLORER is off" in answer.stdout
    with engine.begin() as connection:  # allowed since
        [month] = comparisons.counted_months(connection)
        comparisons.keep(connection, month, Against.INVOICES, [one("1", "1")], NOON + timedelta(days=1))
    assert "does not allow" not in CliRunner().invoke(command, [], catch_exceptions=False).stdout


class FakeBilling:
    """A fake at the far edge, in the place of AWS's APIs."""

    permitted = True

    def __init__(self, _operator: object) -> None:
        """Whoever asks."""

    def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:  # noqa: ARG002
        if not self.permitted:
            raise NotGrantedError(f"the role of {link.account_id} does not allow it.")
        return ()


def test_now_asks_at_once(
    command: typer.Typer, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lake.open(read_settings(), engine).replace(1, SEPTEMBER, [], "assembly-1")  # a month without rows
    monkeypatch.setattr(link_billing, "LinkBilling", FakeBilling)
    monkeypatch.setattr(FakeBilling, "permitted", False)
    answer = CliRunner().invoke(command, ["--now", "--json"], catch_exceptions=False)
    with engine.connect() as connection:
        [asked] = [entry for entry in audit_log.entries(connection) if entry.actor == "operator"]
    assert (asked.action, asked.subject, asked.source_ip) == ("comparison.asked", "account:*/*", whereabouts())
    told = json.loads(answer.stdout)
    assert told["comparisons"] == []
    assert any(f"the role of {ACCOUNT} does not allow it." in note for note in told["notes"])


def test_now_ends_with_1_where_it_could_not_ask(
    command: typer.Typer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: object, _link: Link, _period: BillingPeriod) -> Sequence[Invoice]:
        raise OwnCredentialsError("staxpipe has no AWS credentials of its own.")

    Lake.open(read_settings(), engine).replace(1, SEPTEMBER, [], "assembly-1")
    monkeypatch.setattr(link_billing, "LinkBilling", FakeBilling)
    monkeypatch.setattr(FakeBilling, "invoices", refuse)
    answer = CliRunner().invoke(command, ["--now"], catch_exceptions=False)
    assert answer.exit_code == 1
    assert "no AWS credentials of its own" in answer.stdout
