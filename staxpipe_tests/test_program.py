"""The command as it can be copied: its name, its path, and the folder that it is about."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from staxpipe.program import typed
from staxpipe.settings import read_settings


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed command whose folder the shell does not search."""
    script = tmp_path / ".venv" / "bin" / "staxpipe"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("STAXPIPE_HOME", raising=False)
    return script


def test_what_the_shell_does_not_find_has_its_path(script: Path, tmp_path: Path) -> None:
    assert typed(read_settings()) == str(script)
    assert typed(read_settings(), here=tmp_path) == ".venv/bin/staxpipe"
    assert typed(read_settings(), here=tmp_path / "elsewhere") == str(script)


def test_what_the_shell_finds_has_its_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert typed(read_settings()) == "staxpipe"


def test_another_folder_than_the_usual_one_is_said(script: Path, tmp_path: Path) -> None:
    settings = read_settings({"home": tmp_path / "my state"})
    assert typed(settings) == f"STAXPIPE_HOME='{tmp_path}/my state' {script}"
