"""Starting child processes that die with this one, as another user where needed."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launcher.py")


class Become(StrEnum):
    """How a child gets to run as somebody else than root."""

    SELF = ""
    USER = "user"  # another user, with that user's reach
    NAMESPACE = "namespace"  # not root as far as the child can see; outside it is still us, and files stay ours
    USER_WITH_FILE_ACCESS = "user-with-file-access"  # another user who may pass closed folders


@dataclass(frozen=True)
class RunAs:
    """Who a child runs as. `owner` is who its files must belong to, as seen from here."""

    become: Become = Become.SELF
    uid: int = 0
    gid: int = 0

    @property
    def owner(self) -> tuple[int, int]:
        """User and group id of the child's files, as seen from outside."""
        if self.become in (Become.USER, Become.USER_WITH_FILE_ACCESS):
            return self.uid, self.gid
        return os.geteuid(), os.getegid()


MYSELF = RunAs()


def launcher_command(
    command: Sequence[str],
    *,
    death_signal: signal.Signals | None,
    run_as: RunAs = MYSELF,
    reach: Path | None = None,
) -> list[str]:
    """The command by which `command` runs below our launcher (same process id: the launcher becomes it)."""
    spec = {
        "parent": os.getpid(),
        "death_signal": int(death_signal) if death_signal else None,
        "become": run_as.become.value,
        "uid": run_as.uid,
        "gid": run_as.gid,
        "reach": str(reach) if reach else None,
    }
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(spec), *command]


def launch(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    death_signal: signal.Signals,
    run_as: RunAs = MYSELF,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (so that Ctrl-C reaches only us) that gets a signal when we die.

    The kernel sends `death_signal` when the *thread* that called this ends: call it from one that lives as long
    as the child should. On systems other than Linux the child survives a kill -9 of its parent.
    """
    return subprocess.Popen(
        launcher_command(command, death_signal=death_signal, run_as=run_as),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def unprivileged_user() -> tuple[int, int] | None:
    """User and group id of `nobody`, the user that every system has for this; None where it is missing."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


@cache
def who_can_run(program: Path, data: Path) -> RunAs | None:
    """For root: the first way of not being root in which a program can be run and a folder be reached.

    Tried rather than looked up: containers, kernels and mounts forbid one or the other in many ways. None where
    nothing works.
    """
    nobody = unprivileged_user()
    if nobody is None:
        return None
    for become in (Become.USER, Become.NAMESPACE, Become.USER_WITH_FILE_ACCESS):
        candidate = RunAs(become, *nobody)
        command = launcher_command([str(program), "--version"], death_signal=None, run_as=candidate, reach=data)
        if subprocess.run(command, capture_output=True, env={"LC_ALL": "C"}, check=False).returncode == 0:
            return candidate
    return None
