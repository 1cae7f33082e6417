"""`staxpipe status` as a person sees it."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from rich.console import Console
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.status import ago, show, status
from staxpipe.errors import PermanentError
from staxpipe.settings import read_settings
from staxpipe.status.queries import read_report
from staxpipe_tests.ledger import ACCOUNT
from staxpipe_tests.status.conftest import NOW, OTHER


def shown(engine: Engine) -> str:
    settings = read_settings({"home": Path("/nowhere")})
    console = Console(file=io.StringIO(), width=160)
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
        "to the cent",
        "provisional",
        "not counted: another export is",
        "loaded, newer failed",
        "attempt 2, run 0a1b2c3d",
        "in 5 min, run 4e5f6a7b",
        "S3 asks to slow down.",
        "warning: unknown-line-item-type",
        "1 to know",
        "Messages not sent",
    ):
        assert said in page


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


@pytest.fixture
def command(busy: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", busy.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(status)
    return app


def test_json_is_one_object_on_standard_output(command: typer.Typer) -> None:
    answer = CliRunner().invoke(command, ["--json"], catch_exceptions=False)
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert {link["account_id"] for link in told["links"]} == {ACCOUNT, OTHER}


def test_one_account_can_be_asked_for(command: typer.Typer) -> None:
    told = json.loads(CliRunner().invoke(command, ["--json", "--account", OTHER], catch_exceptions=False).stdout)
    assert {link["account_id"] for link in told["links"]} == {OTHER}


def test_an_account_that_is_none_is_refused_in_words(command: typer.Typer) -> None:
    with pytest.raises(PermanentError, match="exactly 12 digits"):
        CliRunner().invoke(command, ["--account", "123"], catch_exceptions=False)
