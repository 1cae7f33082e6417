"""What `staxpipe up` says when everything runs; that it runs is proved in staxpipe_tests/local/test_runtime.py."""

from __future__ import annotations

import io
from pathlib import Path

import psycopg2
import pytest
from rich.console import Console

from staxpipe.cli.up import announce
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.local.postgres_folder import password_file
from staxpipe.local.runtime import Runtime
from staxpipe.settings import read_settings
from staxpipe_tests.conftest import QUICK


def said(runtime: Runtime) -> str:
    out = io.StringIO()
    announce(Console(file=out, width=200), runtime)
    return out.getvalue()


@pytest.fixture(autouse=True)
def no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "sign_in_link", lambda _: "http://127.0.0.1:8600/sign-in/token")


def test_the_database_can_be_reached_by_what_is_said(tmp_path: Path) -> None:
    settings = read_settings({"home": tmp_path})
    with EmbeddedPostgres(tmp_path / "postgres", server_settings=QUICK) as server:
        runtime = Runtime(settings)
        runtime.database_url = server.url("postgres")
        shown = said(runtime)
        file = password_file(server.folder)
        address = f"postgresql://staxpipe@127.0.0.1:{server.port}/postgres"
        assert f" {address} " in shown
        assert f"its password is in {file}" in shown
        assert file.read_text() not in shown
        psycopg2.connect(address, password=file.read_text()).close()


def test_a_given_database_is_shown_without_what_is_secret(tmp_path: Path) -> None:
    given = "postgresql+psycopg2://me:s3cret@db.example.com/costs?sslmode=require&sslpassword=s3cret2"
    runtime = Runtime(read_settings({"home": tmp_path, "database_url": given}))
    runtime.database_url = given
    shown = said(runtime)
    assert " postgresql://me@db.example.com/costs?sslmode=require " in shown
    assert "s3cret" not in shown
    assert "password" not in shown
