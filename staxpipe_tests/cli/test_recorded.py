"""What is done by commands is in the audit log: who, what, from where, and how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.load import load
from staxpipe.cli.sign_in import sign_in
from staxpipe.cli.source import source
from staxpipe.db import audit_log
from staxpipe.local.terminal import whereabouts
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import deliver

PAYER = "001234567890"


@pytest.fixture
def app(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(load)
    app.command("sign-in")(sign_in)
    app.add_typer(source, name="source")
    return app


def run(app: typer.Typer, *arguments: str) -> str:
    answer = CliRunner().invoke(app, arguments)
    return answer.stdout


def told(engine: Engine, actor: str) -> list[tuple[str, str, str]]:
    """What somebody did, to what, and how it ended, the oldest first."""
    with engine.connect() as connection:
        entries = [entry for entry in audit_log.entries(connection)[::-1] if entry.actor == actor]
    if actor == "operator":
        assert {entry.source_ip for entry in entries} == {whereabouts()}
    return [(entry.action, entry.subject, entry.result) for entry in entries]


def test_no_sign_in_link_is_made_where_they_are_switched_off(
    app: typer.Typer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ISSUER": "https://login.example.com", "CLIENT_ID": "x", "CLIENT_SECRET": "y"}.items():
        monkeypatch.setenv(f"STAXPIPE_OIDC_{name}", value)
    monkeypatch.setenv("STAXPIPE_OIDC_OPERATORS", "ada@example.com")
    answer = CliRunner().invoke(app, ["sign-in"])
    assert "set STAXPIPE_SIGN_IN_LINKS to true" in str(answer.exception)
    with engine.connect() as connection:
        assert audit_log.entries(connection) == []
    monkeypatch.setenv("STAXPIPE_SIGN_IN_LINKS", "true")
    assert "/sign-in/" in run(app, "sign-in")


def test_loading_files_and_choosing_their_source(app: typer.Typer, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "bucket"
    deliver(folder, [[row()]], "a1")
    run(app, "load", str(folder))
    month = ("--account", PAYER, "--period", "2026-10")
    run(app, "source", "choose", *month, "--export", "1")
    run(app, "source", "release", *month)
    run(app, "source", "release", *month)  # there is nothing left to release: refused, and nothing was done
    assert told(engine, "operator") == [
        ("files.load-begun", f"file://{folder}", "done"),
        ("files.loaded", f"file://{folder}", "done"),
        ("source.chosen", f"account:{PAYER}/2026-10", "done"),
        ("source.released", f"account:{PAYER}/2026-10", "done"),
    ]
    assert told(engine, "staxpipe") == [("month.loaded", "delivery:1", "done")]


def test_a_month_that_could_not_be_loaded(app: typer.Typer, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "bucket"
    [file] = deliver(folder, [[row()]], "a1")
    file.write_bytes(file.read_bytes()[:-20])
    run(app, "load", str(folder))
    assert told(engine, "operator")[-1] == ("files.loaded", f"file://{folder}", "failed")
    assert told(engine, "staxpipe") == [("month.loaded", "delivery:1", "failed")]
    with engine.connect() as connection:
        [failed] = audit_log.entries(connection, "delivery:1")
    assert "report-00001.csv.gz" in str(failed.detail["why"])


def test_making_a_sign_in_link_is_recorded_and_the_link_is_not(app: typer.Typer, engine: Engine) -> None:
    token = run(app, "sign-in").strip().rsplit("/", 1)[1]
    assert len(token) == 43
    assert told(engine, "operator") == [("sign-in-link.made", "session", "done")]
    with engine.connect() as connection:
        assert token not in str(audit_log.entries(connection))
