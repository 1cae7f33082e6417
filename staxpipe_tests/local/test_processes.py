"""Exits in words, long logs, and finding what outlived its parents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from staxpipe.local.processes import describe_exit, end_marked, group_alive, process_alive, shorten
from staxpipe_tests.local.conftest import is_gone

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-9, "was killed by SIGKILL"),
        (-250, "was killed by signal 250"),
    ],
)
def test_an_exit_is_said_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


def test_a_long_log_is_put_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab") as writer:
        writer.write(b"x" * 200)
        writer.flush()
        shorten(log, limit=100)
        writer.write(b"more")
    assert log.read_bytes() == b"more"
    assert (tmp_path / "worker.log.1").read_bytes() == b"x" * 200


def test_a_short_log_and_a_missing_one_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "short.log").write_text("short")
    shorten(tmp_path / "short.log")
    shorten(tmp_path / "missing.log")
    assert [path.name for path in tmp_path.iterdir()] == ["short.log"]


@linux_only
def test_a_group_of_the_dead_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    assert group_alive(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody collected it
    assert not group_alive(child.pid)
    child.communicate()


@linux_only
def test_a_dead_process_is_not_alive_whether_collected_or_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_alive(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process_alive(child.pid)
    child.communicate()
    assert not process_alive(child.pid)


@linux_only
def test_processes_are_found_by_their_mark_and_no_others(tmp_path: Path) -> None:
    def start(value: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "print(1, flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"STAXPIPE_STARTED_FOR": value},
        )

    ours, others = start(str(tmp_path)), start(f"{tmp_path}-not")
    for child in (ours, others):
        assert child.stdout is not None
        child.stdout.readline()
    assert end_marked(f"STAXPIPE_STARTED_FOR={tmp_path}") == 1
    assert is_gone(ours.pid)
    assert not is_gone(others.pid)
    assert end_marked(f"STAXPIPE_STARTED_FOR={tmp_path}") == 0
    for child in (ours, others):
        child.kill()
        child.communicate()
