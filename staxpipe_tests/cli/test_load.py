"""`staxpipe load` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from staxpipe.cli.load import load
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import deliver


@pytest.fixture
def command(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(load)
    return app


def test_a_delivery_that_lacks_a_file_is_told_once_and_without_an_empty_table(
    command: typer.Typer, tmp_path: Path
) -> None:
    missing, _ = deliver(tmp_path / "bucket", [[row()], [row()]], "a1")
    missing.unlink()
    answer = CliRunner().invoke(command, [str(tmp_path / "bucket")], catch_exceptions=False)
    assert answer.exit_code == 1
    assert answer.stdout == ""
    said = " ".join(answer.stderr.split())
    assert said.startswith("2026-10 was not loaded: ")
    reason = said.removeprefix("2026-10 was not loaded: ")
    assert len(reason) > 20
    assert said.count(reason[:20]) == 1


@pytest.mark.usefixtures("narrow_terminal")
def test_a_narrow_terminal_shows_counts_and_verdict_whole(command: typer.Typer, tmp_path: Path) -> None:
    deliver(tmp_path / "bucket", [[row()]], "a1")
    answer = CliRunner().invoke(command, [str(tmp_path / "bucket")], catch_exceptions=False)
    assert answer.exit_code == 0
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80
    said = " ".join(answer.stdout.split())
    assert "rows of the report 1 line items 1" in said
    assert "state reconciled" in said or "state provisional" in said
