"""`staxpipe accounts` as a command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.accounts import accounts as command
from staxpipe.db import accounts, audit_log
from staxpipe.db.links import Link
from staxpipe.errors import NotGrantedError, PermanentError
from staxpipe.organization import run
from staxpipe.organization.due import LastReading, Outcome
from staxpipe.organization.members import Member, Organization
from staxpipe_tests.ledger import ACCOUNT, add_link

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
MEMBERS = (
    Member(ACCOUNT, "Payer", "ACTIVE", "r-root", "/", {}),
    Member("111122223333", "Ring\x07 [bold]\n検索", "ACTIVE", "ou-a", "/A", {"team": "search"}),
    Member("444455556666", "Gone", "SUSPENDED", "r-root", "/", None),
)


@pytest.fixture
def app(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        add_link(connection)
    app = typer.Typer()
    app.command()(command)
    return app


@pytest.fixture
def read(engine: Engine, app: typer.Typer) -> None:
    with engine.begin() as connection:
        accounts.keep(connection, "link-1", Organization(ACCOUNT, MEMBERS), NOW - timedelta(days=3))
        accounts.keep(connection, "link-1", Organization(ACCOUNT, MEMBERS[:2]), NOW)
        accounts.keep_reading(connection, ACCOUNT, "link-1", LastReading(NOW, Outcome.READ, "Three are known.", 3))


@pytest.mark.usefixtures("read")
def test_people_see_names_units_and_who_has_left(app: typer.Typer) -> None:
    said = CliRunner().invoke(app, []).stdout
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()[:1].isdigit()}
    assert "Payer (manages)" in said
    assert "Ring  [bold] 検索" in lines["111122223333"], "nothing rings, breaks the line or is taken for a style"
    assert "team=search" in lines["111122223333"]
    assert "left after 2026-10-31" in lines["444455556666"]
    assert "Three are known." in said


@pytest.mark.usefixtures("read")
def test_programs_get_every_field(app: typer.Typer) -> None:
    found = json.loads(CliRunner().invoke(app, ["--json", "--account", ACCOUNT]).stdout)
    by_number = {account["account_id"]: account for account in found["accounts"]}
    assert by_number["111122223333"]["name"] == "Ring\x07 [bold]\n検索"
    assert by_number["111122223333"]["tags"] == {"team": "search"}
    assert by_number["444455556666"]["left_at"] == "2026-10-31T12:00:00+00:00"
    assert by_number["444455556666"]["tags"] is None
    assert by_number[ACCOUNT]["ou_path"] == "/"
    assert found["readings"][0]["outcome"] == "read"
    assert json.loads(CliRunner().invoke(app, ["--json", "--account", "111122223333"]).stdout)["accounts"] == []


def test_nothing_is_known_before_anything_was_read(app: typer.Typer) -> None:
    assert "no organisation was read" in CliRunner().invoke(app, []).stdout


def test_aws_is_asked_at_once_where_it_is_wanted(
    app: typer.Typer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(operator: object, link: Link, tags_at: object) -> Organization:
        raise NotGrantedError(f"The role in {link.account_id} does not allow it.")

    defaults = run.read_organizations.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "read", refuse)
    for _ in range(2):  # whatever came of the last time
        result = CliRunner().invoke(app, ["--now"])
        assert result.exit_code == 0
        assert f"The role in {ACCOUNT} does not allow it." in result.stdout
    with engine.connect() as connection:
        asked = [entry for entry in audit_log.entries(connection) if entry.action == "organization.asked"]
    assert len(asked) == 2
    with pytest.raises(PermanentError, match="111122223333 is not linked"):
        CliRunner().invoke(app, ["--now", "--account", "111122223333"], catch_exceptions=False)
