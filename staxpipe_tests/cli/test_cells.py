"""A cell of CSV is never run by the spreadsheet that opens it."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.audit import audit
from staxpipe.cli.cells import cell
from staxpipe.cli.sql import sql
from staxpipe.db import audit_log


@pytest.mark.parametrize("text", ["=1+1", "+1-1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "-1.5.2", "+"])
def test_text_that_begins_like_a_formula_is_shown(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1.5", "+3", "-2e-7", "a=b", "", "'=1", "1+1", None, -4, Decimal("-1.5"), -0.5])
def test_numbers_and_other_text_stay(value: object) -> None:
    assert cell(value) == value


EVIL = '=HYPERLINK("https://evil.example.com","Open")'


@pytest.fixture
def app(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        audit_log.record(connection, EVIL, "a", EVIL, "done", EVIL)
    app = typer.Typer()
    app.command()(audit)
    app.command()(sql)
    return app


@pytest.mark.parametrize(
    "arguments", [("audit",), ("sql", "SELECT actor, subject, source_ip, -1.5 AS amount FROM audit_log")]
)
def test_what_others_wrote_comes_out_of_commands_as_text(app: typer.Typer, arguments: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, [*arguments, "--format", "csv"], catch_exceptions=False)
    [row] = csv.DictReader(io.StringIO(answer.stdout))
    assert [row[name] for name in ("actor", "subject", "source_ip")] == [f"'{EVIL}"] * 3
    assert row.get("amount", "-1.5") == "-1.5"
    as_json = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert f"'{EVIL[:5]}" not in as_json.stdout
