"""Children end with their parents, and run as who they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from staxpipe.local.launch import Become, RunAs, launch, launcher_command, unprivileged_user, who_can_run
from staxpipe.local.launcher import CANNOT_BECOME
from staxpipe_tests.local.conftest import is_gone, python, wait_until

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="a kernel's feature")
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

PARENT = """
import os, signal, subprocess, sys
from staxpipe.local.launch import launch
child = launch([sys.executable, "-c", "import time; time.sleep(600)"], environment=dict(os.environ),
               output=subprocess.DEVNULL, death_signal=signal.SIGTERM)
print(child.pid, flush=True)
sys.stdin.read()
"""


@linux_only
def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = python(PARENT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not is_gone(child)
    parent.kill()
    parent.communicate()
    wait_until(lambda: is_gone(child))


@linux_only
def test_a_child_whose_parent_died_before_it_could_ask_ends_at_once() -> None:
    command = launcher_command(["/bin/echo", "alive"], death_signal=signal.SIGTERM)
    orphaned = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *command]
    done = subprocess.run(
        orphaned, capture_output=True, text=True, check=False
    )  # its parent is not who the child expects
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "")


def test_a_child_is_the_leader_of_its_own_group_and_keeps_its_process_id() -> None:
    child = launch(
        ["/bin/sh", "-c", "echo $$; ps -o pgid= -p $$ 2>/dev/null || true"],
        environment={"PATH": os.defpath},
        output=subprocess.PIPE,
        death_signal=signal.SIGTERM,
    )
    said, _ = child.communicate()
    assert said.split()[0] == str(child.pid).encode()
    assert set(said.split()) == {str(child.pid).encode()}


def test_a_program_that_does_not_exist_is_reported_not_raised_in_the_child() -> None:
    command = launcher_command(["/nowhere/program"], death_signal=None)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT_BECOME
    assert done.stderr == "/nowhere/program: No such file or directory\n"


@linux_only
@as_root_only
@pytest.mark.parametrize("become", [Become.USER, Become.NAMESPACE, Become.USER_WITH_FILE_ACCESS])
def test_nobody_is_root_after_the_change_and_the_death_signal_survives_it(become: Become) -> None:
    nobody = unprivileged_user()
    assert nobody is not None
    ask = "import ctypes, os; s = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(s))"
    ask += "; print(os.getuid(), s.value)"
    command = launcher_command(
        ["/usr/bin/python3", "-c", ask], death_signal=signal.SIGINT, run_as=RunAs(become, *nobody)
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.split() == [str(nobody[0]), str(int(signal.SIGINT))], done.stderr


@linux_only
@as_root_only
@pytest.mark.parametrize(
    ("become", "reads"), [(Become.USER, False), (Become.NAMESPACE, True), (Become.USER_WITH_FILE_ACCESS, True)]
)
def test_below_a_closed_folder_some_ways_reach_files_and_plain_nobody_does_not(
    tmp_path: Path, become: Become, reads: bool
) -> None:
    nobody = unprivileged_user()
    assert nobody is not None
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "file").write_text("inside")
    command = launcher_command(
        ["/bin/cat", str(tmp_path / "closed" / "file")], death_signal=None, run_as=RunAs(become, *nobody)
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout == ("inside" if reads else "")


@linux_only
@as_root_only
def test_plain_nobody_is_preferred_and_a_closed_folder_needs_another_way(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    open_way = who_can_run(Path("/bin/ls"), Path("/tmp/not-made-yet"))
    closed_way = who_can_run(Path("/bin/ls"), tmp_path / "closed" / "data")
    assert open_way is not None
    assert open_way.become is Become.USER
    assert closed_way is not None
    assert closed_way.become in (Become.NAMESPACE, Become.USER_WITH_FILE_ACCESS)


@as_root_only
def test_a_program_that_nobody_can_run_has_no_way() -> None:
    assert who_can_run(Path("/nowhere/postgres"), Path("/tmp")) is None
