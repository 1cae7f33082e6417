"""The command as a person types it: what it says, and never a stack trace."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from staxpipe.local import address
from staxpipe.local.lock import FileLock, private_folder
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import deliver

COMMANDS = ("up", "demo", "load", "sql", "export", "status", "source", "parity", "audit", "unlink", "sign-in", "link")


def staxpipe(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from staxpipe.cli import main; main()", *arguments]
    path = {"PATH": "/usr/bin:/bin", "HOME": str(home), "STAXPIPE_HOME": str(home / "state"), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=path, cwd=home, timeout=120)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, tmp_path: Path) -> None:
    result = staxpipe(name, "--help", home=tmp_path)
    assert result.returncode == 0
    assert len(result.stdout) > 300


def test_the_version_is_told(tmp_path: Path) -> None:
    result = staxpipe("--version", home=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"staxpipe {version('staxpipe')}\n")


def test_wrong_settings_are_all_told_at_once(tmp_path: Path) -> None:
    result = staxpipe("status", home=tmp_path, STAXPIPE_WEB_PORT="99999", STAXPIPE_REGION="Ireland")
    assert result.returncode == 1
    assert "STAXPIPE_WEB_PORT" in result.stderr
    assert "STAXPIPE_REGION" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("place", ["a-file", "/proc/x"])
def test_a_home_that_cannot_be_made_is_a_sentence(place: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    result = staxpipe("status", home=tmp_path, STAXPIPE_HOME=str(tmp_path / place))
    assert result.returncode == 1
    assert "cannot be made" in result.stderr
    assert "STAXPIPE_HOME" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_path_is_a_sentence(tmp_path: Path) -> None:
    result = staxpipe("load", "nowhere", home=tmp_path)
    assert result.returncode == 1
    assert "There is nothing at" in result.stderr
    assert "Traceback" not in result.stderr


def test_brackets_in_an_error_are_shown_as_they_are(tmp_path: Path) -> None:
    result = staxpipe("load", "[/bold]nowhere", home=tmp_path)
    assert "[/bold]nowhere" in result.stderr


def test_a_sign_in_link_is_made_without_anything_running(tmp_path: Path, database_url: str) -> None:
    result = staxpipe("sign-in", home=tmp_path, STAXPIPE_DATABASE_URL=database_url)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("http://127.0.0.1:8600/sign-in/")


def test_a_sign_in_link_leads_to_the_pages_that_run(tmp_path: Path, database_url: str) -> None:
    home = private_folder(tmp_path / "state")
    with FileLock(home / address.LOCK) as lock:
        assert lock.acquire()
        address.remember(home, "http://127.0.0.1:43210")
        running = staxpipe("sign-in", home=tmp_path, STAXPIPE_DATABASE_URL=database_url)
        assert running.stdout.startswith("http://127.0.0.1:43210/sign-in/"), running.stderr
    stopped = staxpipe("sign-in", home=tmp_path, STAXPIPE_DATABASE_URL=database_url)
    assert stopped.stdout.startswith("http://127.0.0.1:8600/sign-in/"), stopped.stderr


def test_loading_files_does_without_what_takes_long_to_import(tmp_path: Path, database_url: str) -> None:
    deliver(tmp_path / "bucket", [[row()]], "a1")
    script = """
import sys
from staxpipe.cli import main
try:
    main()
finally:
    print(sorted({"alembic", "boto3", "dagster", "pandas"} & set(sys.modules)), file=sys.stderr)
"""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "STAXPIPE_HOME": str(tmp_path / "state"),
        "STAXPIPE_DATABASE_URL": database_url,
    }
    command = [sys.executable, "-c", script, "load", str(tmp_path / "bucket")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "[]\n"


INTERRUPTED = """
import os, signal, sys, time
from staxpipe.cli import main
from staxpipe.ingest import line_items

signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
write = line_items._write

def interrupted(platform, entry, *arguments):
    if "second" not in entry.delivery.export.source:
        return write(platform, entry, *arguments)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

line_items._write = interrupted
main()
"""


def test_an_interrupted_load_is_a_sentence_and_goes_on_the_next_time(tmp_path: Path, database_url: str) -> None:
    folders = [str(tmp_path / name) for name in ("first", "second")]
    for folder in folders:
        deliver(Path(folder), [[row()]], "a1")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "STAXPIPE_HOME": str(tmp_path / "state"),
        "STAXPIPE_DATABASE_URL": database_url,
    }
    command = [sys.executable, "-c", INTERRUPTED, "load", *folders]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "Interrupted. Months that were done are kept; the same command goes on with the others.\n"

    again = staxpipe("load", "--json", *folders, home=tmp_path, STAXPIPE_DATABASE_URL=database_url)
    assert [month["changed"] for month in json.loads(again.stdout)] == [False, True], again.stderr
