"""The demo's own settings, environment and folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from staxpipe.demo.isolation import demo_settings, keep_variables, own_environment, own_folder, variables
from staxpipe.errors import PermanentError


@pytest.fixture
def world() -> Any:
    operator = SimpleNamespace(arn="arn:aws:iam::731904882156:user/staxpipe")
    stand_in = SimpleNamespace(environment=lambda who: {"AWS_ENDPOINT_URL": f"for {who.arn}"})
    return SimpleNamespace(operator=operator, stand_in=stand_in)


def test_nobodys_settings_or_credentials_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", "postgresql://production")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("NO_PROXY", "example.com")
    with own_environment():
        assert not [name for name in os.environ if name.startswith(("STAXPIPE_", "AWS_"))]
        assert os.environ["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert os.environ["STAXPIPE_DATABASE_URL"] == "postgresql://production"
    assert os.environ["NO_PROXY"] == "example.com"


def test_a_fresh_folder_is_removed_after_success_and_kept_with_its_logs_after_failure() -> None:
    with own_folder(None) as folder:
        (folder / "log").touch()
    assert not folder.exists()
    with pytest.raises(ValueError, match="no"), own_folder(None) as folder:
        raise ValueError("no")
    assert folder.is_dir()
    folder.rmdir()
    with pytest.raises(KeyboardInterrupt), own_folder(None) as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


def test_a_folder_that_was_asked_for_is_kept_and_must_be_empty(tmp_path: Path) -> None:
    with own_folder(tmp_path / "demo") as folder:
        folder.mkdir()
        (folder / "state").touch()
    assert (tmp_path / "demo" / "state").exists()
    with pytest.raises(PermanentError, match="not an empty folder"), own_folder(tmp_path / "demo"):
        pass


def test_programs_are_told_what_the_demo_chose_and_no_ports(tmp_path: Path, world: Any) -> None:
    settings = demo_settings(tmp_path, world, "smtp://127.0.0.1:2525")
    told = variables(settings, world)
    assert told["STAXPIPE_SMTP_URL"] == "smtp://127.0.0.1:2525"
    assert told["STAXPIPE_OPERATOR_ROLE_ARN"] == "arn:aws:iam::731904882156:user/staxpipe"
    assert told["AWS_ENDPOINT_URL"] == "for arn:aws:iam::731904882156:user/staxpipe"
    assert not [name for name in told if name.endswith("_PORT") or name == "STAXPIPE_HOME"]


def test_programs_leave_temporary_files_in_the_demos_folder_where_sockets_may_be(tmp_path: Path, world: Any) -> None:
    with own_folder(None) as folder:
        told = variables(demo_settings(folder, world, "smtp://127.0.0.1:2525"), world)
        assert told["TMPDIR"] == str(folder / "tmp")
        assert (folder / "tmp").is_dir()
    deep = demo_settings(tmp_path / ("deep" * 20), world, "smtp://127.0.0.1:2525")
    assert "TMPDIR" not in variables(deep, world)


def test_a_shell_reads_what_programs_are_told_and_nobody_else_does(tmp_path: Path, world: Any) -> None:
    home = tmp_path / "it's"
    home.mkdir()
    settings = demo_settings(home, world, "smtp://127.0.0.1:2525")
    keep_variables(settings.model_copy(update={"web_port": 8601, "dagster_port": 8611}), variables(settings, world))
    file = home / "variables.sh"
    read = subprocess.run(["sh", "-c", '. "$0"; env', file], capture_output=True, text=True, check=True, env={})
    told = {**variables(settings, world), "STAXPIPE_HOME": str(home), "STAXPIPE_DAGSTER_PORT": "8611"}
    assert {f"{name}={value}" for name, value in told.items() if name != "TMPDIR"} <= set(read.stdout.splitlines())
    assert "STAXPIPE_WEB_PORT=8601" in read.stdout
    assert file.stat().st_mode & 0o077 == 0
