"""`staxpipe audit` as a command."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.audit import audit
from staxpipe.db import audit_log

IP6 = "2001:db8:85a3:1111:2222:8a2e:370:7334"


@pytest.fixture
def command(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(audit)
    return app


@pytest.fixture
def acts(engine: Engine) -> None:
    with engine.begin() as connection:
        audit_log.record(connection, "operator", "signed-in", "session", "done", "192.0.2.7")
        audit_log.record(
            connection,
            "ada.lovelace@engines.example.com",
            "colleague.invited",
            "request:9fXk2mQ0vLr7TzB1",
            "done",
            IP6,
            {"email": "[bold]charles@example.com", "nothing": None},
        )
        audit_log.record(connection, "staxpipe", "request.refused", "request:2", "trusts-anybody")


def said(command: typer.Typer, *arguments: str) -> str:
    answer = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert answer.exit_code == 0
    return answer.stdout


@pytest.mark.usefixtures("acts")
def test_people_see_who_did_what_newest_first_in_eighty_columns(
    command: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.setenv("COLUMNS", "80")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", said(command))
    assert max(len(line) for line in shown.splitlines()) <= 80
    places = [shown.index(word) for word in ("request.refused", "colleague.invited", "signed-in")]
    assert places == sorted(places)
    for words in ("by operator from 192.0.2.7\n", "request.refused: trusts-anybody", "email [bold]charles@", IP6):
        assert words in shown
    assert all(line.startswith(("20", "    ")) for line in shown.splitlines())
    assert "nothing" not in shown
    assert "--limit" not in shown


@pytest.mark.usefixtures("acts")
def test_a_limit_says_that_there_is_more(command: typer.Typer) -> None:
    shown = said(command, "--limit", "2")
    assert "The newest 2; --limit shows more." in shown
    assert "signed-in" not in shown
    assert "--limit" not in said(command, "--limit", "3")


@pytest.mark.usefixtures("acts")
def test_programs_get_every_field(command: typer.Typer) -> None:
    told = json.loads(said(command, "--json"))
    assert [entry["action"] for entry in told] == ["request.refused", "colleague.invited", "signed-in"]
    assert told[0]["at"].endswith("+00:00")
    assert (told[1]["source_ip"], told[0]["source_ip"]) == (IP6, None)
    assert told[1]["detail"] == {"email": "[bold]charles@example.com", "nothing": None}
    assert json.loads(said(command, "--format", "json", "--limit", "1")) == told[:1]
    header, *rows = csv.reader(io.StringIO(said(command, "--format", "csv")))
    assert header == list(told[0])
    assert [row[2:5] for row in rows] == [[entry["actor"], entry["action"], entry["subject"]] for entry in told]
    assert json.loads(rows[1][-1]) == told[1]["detail"]


@pytest.mark.usefixtures("acts")
def test_what_was_done_to_one_thing_can_be_asked_for(command: typer.Typer) -> None:
    told = json.loads(said(command, "--json", "--subject", "request:2"))
    assert [entry["action"] for entry in told] == ["request.refused"]


def test_an_empty_log_is_said_in_words(command: typer.Typer) -> None:
    assert "Nothing that this asks for was done yet." in said(command)
    assert json.loads(said(command, "--json")) == []
    assert said(command, "-f", "csv").splitlines() == ["id,at,actor,action,subject,result,source_ip,detail"]
