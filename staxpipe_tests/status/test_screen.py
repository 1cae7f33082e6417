"""The report as a person sees it."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine

from staxpipe.db import results
from staxpipe.model import Finding, Severity
from staxpipe.settings import read_settings
from staxpipe.status.queries import read_report
from staxpipe.status.report import Loaded, MonthStatus, Report, Total
from staxpipe.status.screen import FINDINGS_SHOWN, ago, show
from staxpipe_tests.ledger import ACCOUNT
from staxpipe_tests.status.conftest import NOW, OTHER


def shown(engine: Engine, width: int = 160) -> str:
    settings = read_settings({"home": Path("/nowhere")})
    console = Console(file=io.StringIO(), width=width)
    with engine.connect() as connection:
        show(read_report(connection, settings, NOW), console, settings.base_url)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_says_where_to_begin_when_there_is_nothing(engine: Engine) -> None:
    page = " ".join(shown(engine).split())
    assert "0 accounts linked · 0 months loaded" in page
    assert "Link an account at http://127.0.0.1:8600" in page
    assert "staxpipe load FOLDER" in page
    assert "Needs attention" not in page


def test_it_shows_everything_that_happened(busy: Engine) -> None:
    page = shown(busy)
    assert "2 accounts linked · 3 months loaded · 2 failed · 1 loading · 1 retrying · 1 waiting · 2 messages" in page
    for said in (
        "Needs attention",
        "The bucket billing refuses to be listed.",
        "report-2.csv.gz ends in the middle.",
        "4 min ago",
        "USD 100.10",
        "reconciled",
        "provisional",
        "not counted: another export is",
        "newer: failed",
        "attempt 2, run 0a1b2c3d",
        "in 5 min, run 4e5f6a7b",
        "S3 asks to slow down.",
        "1 warning",
        "1 note",
        "3 rows are of an unknown type.",
        f"note {ACCOUNT}",
        "Messages not sent",
    ):
        assert said in page


def test_a_narrow_terminal_cuts_no_account_month_or_amount(busy: Engine) -> None:
    page = shown(busy, width=80)
    assert max(len(line) for line in page.splitlines()) <= 80
    for said in (f"{ACCOUNT}  2026-07  reconciled", "USD 100.10", "provisional", "1 warning", OTHER):
        assert said in page


def test_many_findings_are_cut_and_counted(busy: Engine) -> None:
    with busy.begin() as connection:
        for number in range(FINDINGS_SHOWN + 4):
            note = Finding("x", Severity.WARNING, f"Something number {number}.")
            results.add_finding(connection, note, account_id=ACCOUNT)
    page = shown(busy)
    assert page.count("Something number") == FINDINGS_SHOWN - 1  # one is of a month
    assert "and 6 more: staxpipe status --json" in page


def test_what_others_wrote_is_never_taken_for_markup(busy: Engine) -> None:
    with busy.begin() as connection:
        connection.exec_driver_sql("UPDATE links SET problem = '[bold]x[/bold] [/nonsense]', bucket = '[red]b'")
        connection.exec_driver_sql("UPDATE link_requests SET requested_by = '[/]ada'")
    page = shown(busy)
    assert "[bold]x[/bold] [/nonsense]" in page
    assert "[red]b" in page
    assert "[/]ada" in page


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (200_000, "2 d ago"),
        (-30, "in a moment"),
        (-300, "in 5 min"),
    ],
)
def test_ago(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_ago_of_what_never_was() -> None:
    assert ago(None, NOW) == "never"


def total(badge: str) -> Total:
    return Total(ACCOUNT, "USD", 1, Decimal(1), Decimal(1), Decimal(1), counted=True, badge=badge)


@pytest.mark.parametrize(
    ("badges", "reconciled", "said"),
    [
        (["provisional"], True, "provisional"),
        (["reconciled", "reconciled"], True, "reconciled"),
        (["off by 1.20 USD", "provisional"], False, "off by 1.20 USD|provisional"),
        ([""], False, "not all of it"),
        ([], True, "provisional"),
    ],
)
def test_a_month_has_the_verdicts_of_the_ledger_each_once(badges: list[str], reconciled: bool, said: str) -> None:
    totals = tuple(total(badge) for badge in badges)
    loaded = Loaded("a", NOW, NOW, 1, 1, 1, 0, reconciled, provisional=True, totals=totals, findings=())
    month = MonthStatus(ACCOUNT, "2026-07", "export", "s3://bucket", loaded, coming=None)
    console = Console(file=io.StringIO(), width=160)
    show(Report(NOW, True, "", (), (), (month,), ()), console, "")
    assert isinstance(console.file, io.StringIO)
    shown = " ".join(console.file.getvalue().split())
    assert all(words in shown for words in said.split("|"))
    assert shown.count("reconciled") == said.count("reconciled")
