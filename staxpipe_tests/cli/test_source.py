"""`staxpipe source` and `staxpipe parity` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.parity import parity
from staxpipe.cli.source import source
from staxpipe.errors import PermanentError
from staxpipe.model import ExportKind
from staxpipe_tests.warehouse.shadows import BEN, PAYER, line
from staxpipe_tests.warehouse.test_choices import Exports
from staxpipe_tests.warehouse.test_election import LESS, NOVEMBER, publish

MONTH = ("--account", PAYER, "--period", "2026-10")


@pytest.fixture
def two(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exports:
    """Two exports of October, one of November, of an account that the settings' database holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        legacy, _ = publish(connection, "legacy")
        publish(connection, "legacy", period=NOVEMBER)
        focus, _ = publish(connection, "focus", LESS, kind=ExportKind.FOCUS_1_2)
        publish(connection, "of-ben", (line("5", currency="EUR"),), account=BEN)
    return Exports(legacy, focus)


app = typer.Typer()
app.add_typer(source, name="source")
app.command()(parity)


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def asked(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def counted(period: str = "2026-10") -> list[int]:
    rows = asked("source", "list", "--account", PAYER)
    return [row["export"] for row in rows if row["counted"] and row["billing_period"] == period]


def test_the_list_shows_accounts_months_exports_and_why(two: Exports) -> None:
    page = run("source", "list")
    lines = [line.split() for line in page.splitlines()]
    october = next(words for words in lines if words[:2] == [PAYER, "2026-10"])
    assert october[2:7] == [str(two.legacy), "legacy-cur", "20", "USD", "100.00"]
    assert "yes: the kind of export that says most" in page
    shadow = next(words for words in lines if "shadow" in words)
    assert shadow[:5] == [str(two.focus), "focus-1.2", "20", "USD", "99.00"]
    assert "yes: the only export that holds it" in page
    assert "EUR" in page
    assert PAYER not in run("source", "list", "--account", BEN)


def test_the_list_as_json_has_every_digit(two: Exports) -> None:
    legacy, focus, november = asked("source", "list", "--account", PAYER)
    assert (legacy["export"], legacy["counted"], legacy["reason"]) == (two.legacy, True, "kind")
    assert (focus["export"], focus["counted"], focus["reason"], focus["billed_cost"]) == (two.focus, False, None, "99")
    assert november["billing_period"] == "2026-11"


def test_choose_and_release_say_what_they_did(two: Exports) -> None:
    said = run("source", "choose", *MONTH, "--export", str(two.focus))
    assert said == (
        f"2026-10  export {two.focus} (s3://bucket/focus) is counted from now on: chosen by the operator for this "
        "month.\n"
    )
    assert counted() == [two.focus]
    (chosen,) = [row["export"] for row in asked("source", "list", "--account", PAYER) if row["chosen"]]
    assert chosen == two.focus
    assert "goes on being counted" in run("source", "choose", *MONTH, "--export", str(two.focus))
    (outcome,) = asked("source", "release", *MONTH)
    assert (outcome["export"], outcome["changed"], outcome["reason"]) == (two.legacy, True, "kind")
    assert counted() == [two.legacy]


def test_every_month_is_chosen_where_none_is_named(two: Exports) -> None:
    outcome = asked("source", "choose", "--account", PAYER, "--export", str(two.focus))
    assert [(month["billing_period"], month["export"]) for month in outcome] == [
        ("2026-10", two.focus),
        ("2026-11", two.legacy),
    ]
    run("source", "release", "--account", PAYER)
    assert counted() == [two.legacy]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("source", "choose", "--account", "12", "--export", "1"), "--account: .*exactly 12 digits"),
        (("source", "choose", "--account", PAYER, "--period", "October", "--export", "1"), "--period: .*YYYY-MM"),
        (("source", "choose", "--account", PAYER, "--period", "2026-12", "--export", "1"), "has not loaded 2026-12"),
        (("source", "release", "--account", PAYER), "nothing to release"),
        (("source", "list", "--account", "x"), "exactly 12 digits"),
        (("parity", "--account", "999999999999"), "Nothing of account 999999999999 is loaded"),
        (("parity", "--account", PAYER, "--period", "2020-01"), "Nothing of 2020-01 of account"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(two: Exports, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        run(*arguments)


def test_nothing_loaded_is_said(two: Exports) -> None:
    assert run("source", "list", "--account", "999999999999") == "Nothing is loaded of account 999999999999.\n"


def test_parity_shows_both_sides_the_difference_and_the_verdict(two: Exports) -> None:
    page = run("parity", *MONTH)
    assert f"export {two.legacy} (legacy-cur) s3://bucket/legacy" in page
    assert f"export {two.focus} (focus-1.2) s3://bucket/focus" in page
    usage = next(line.split() for line in page.splitlines() if line.strip().startswith("Usage"))
    assert usage == ["Usage", "USD", "20", "20", "100.00", "99.00", "-1.00", "100.00", "99.00", "-1.00"]
    assert "The shadow differs by USD -1.00 billed: in Amazon S3 USD -1.00." in page
    assert "divides charges into other rows" in page


def test_parity_of_all_months_says_which_have_one_export_only(two: Exports) -> None:
    assert "Only one export holds 2026-11: there is nothing to compare." in run("parity", "--account", PAYER)


def test_parity_as_json(two: Exports) -> None:
    october, november = asked("parity", "--account", PAYER)
    assert november["comparisons"] == []
    (comparison,) = october["comparisons"]
    assert comparison["verdict"] == "differs"
    (service,) = comparison["services_that_differ"]
    assert (service["name"], service["billed_cost_difference"]) == ("Amazon S3", "-1")
    assert (comparison["counted"]["export"], comparison["shadow"]["export"]) == (two.legacy, two.focus)


@pytest.mark.parametrize("command", ["list", "choose", "release"])
def test_each_explains_itself(command: str) -> None:
    assert len(run("source", command, "--help")) > 300


@pytest.mark.usefixtures("narrow_terminal")
def test_a_narrow_terminal_shows_each_amount_and_reason_whole(two: Exports) -> None:
    page = run("source", "list")
    assert max(len(line) for line in page.splitlines()) <= 80
    assert page.count(f"{PAYER} 2026-10") == 2
    for said in ("USD 100.00", "USD 99.00", "s3://bucket/legacy", "yes: the kind of export that says most", "shadow"):
        assert said in page
