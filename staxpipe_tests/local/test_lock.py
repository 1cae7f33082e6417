"""Locks end with their holders; private files are private and whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from staxpipe.local.lock import FileLock, is_held, private_folder, write_private
from staxpipe_tests.local.conftest import python

HOLD = """
import sys
from pathlib import Path
from staxpipe.local.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_a_lock_has_one_holder_whom_its_file_names(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == os.getpid()
    assert is_held(tmp_path / "lock")
    first.release()
    assert not is_held(tmp_path / "lock")
    assert second.acquire()
    second.release()


def test_a_lock_ends_when_its_holder_is_killed(tmp_path: Path) -> None:
    child = python(HOLD, tmp_path / "lock")
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    lock = FileLock(tmp_path / "lock")
    assert not lock.acquire()
    assert lock.holder() == child.pid
    child.kill()
    child.communicate()
    assert lock.acquire()
    lock.release()


def test_many_may_share_a_lock_and_keep_out_who_wants_it_alone(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as one, FileLock(tmp_path / "lock") as other:
        assert one.acquire(shared=True)
        assert other.acquire(shared=True)
        alone = FileLock(tmp_path / "lock")
        assert not alone.acquire()
        one.release()
        assert not alone.acquire()
        other.release()
        assert alone.acquire()
        alone.release()


def test_one_object_takes_its_lock_once(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as lock:
        lock.acquire()
        with pytest.raises(RuntimeError, match="already"):
            lock.acquire()
        assert lock.held


def test_a_lock_nobody_ever_took_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert FileLock(tmp_path / "lock").holder() is None


def test_new_folders_are_ours_alone_and_old_ones_stay_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "one" / "two")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "one", tmp_path / "one" / "two")] == [
        0o755,
        0o700,
        0o700,
    ]


def test_a_private_file_is_replaced_as_a_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "a long first version")
    write_private(tmp_path / "secret", "short")
    assert (tmp_path / "secret").read_text() == "short"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
