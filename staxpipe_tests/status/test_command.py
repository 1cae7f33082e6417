"""`staxpipe status` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.status import status
from staxpipe.errors import PermanentError
from staxpipe_tests.ledger import ACCOUNT
from staxpipe_tests.status.conftest import OTHER


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


def test_people_get_a_page(command: typer.Typer) -> None:
    answer = CliRunner().invoke(command, [], catch_exceptions=False)
    assert answer.exit_code == 0
    assert "2 accounts linked" in answer.stdout


def test_an_account_that_nothing_is_known_of_is_told_from_an_empty_installation(command: typer.Typer) -> None:
    answer = CliRunner().invoke(command, ["--account", "999999999999"], catch_exceptions=False)
    assert answer.stdout.startswith("Nothing is known of account 999999999999; linked or loaded are ")
    assert ACCOUNT in answer.stdout
    assert OTHER in answer.stdout
