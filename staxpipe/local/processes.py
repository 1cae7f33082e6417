"""One child program of `staxpipe up`: started in a process group of its own, logged to a file, stopped as a whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from staxpipe.local.launch import launch

LOG_BYTES = 20_000_000


class Service(Protocol):
    """Something that runs until it is told to stop, or dies."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def hint(self) -> str:
        """Where to look when it fails: the end of a sentence, or nothing."""
        ...

    def start(self) -> None:
        """Start it; it does not run now."""
        ...

    def died(self) -> str | None:
        """How it ended, in words; None while it runs."""
        ...

    def healthy(self) -> bool:
        """Whether it does what it is for, now."""
        ...

    def ask_to_stop(self) -> None:
        """Begin to stop it, and return at once."""
        ...

    def stop(self, patience: float) -> None:
        """Stop it with everything that it started: kindly at first, by force when `patience` (seconds) is over."""
        ...


@dataclass
class ChildProcess:
    """A program with its environment, log file and health check."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    health: Callable[[], bool] = field(default=lambda: True)
    _child: subprocess.Popen[bytes] | None = None
    _groups: set[int] = field(default_factory=set)  # of every child there was: one's own children may outlive it

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C in the terminal reaches only us."""
        shorten(self.log)
        with self.log.open("ab") as output:
            self._child = launch(
                self.command,
                environment=self.environment,
                output=output,
                # If we are killed, the kernel asks the child to end, and a child that is asked ends its own children.
                death_signal=signal.SIGTERM,
            )
        self._groups.add(self._child.pid)

    @property
    def hint(self) -> str:
        """What it said last, and where the rest is."""
        said = self.log.read_text(errors="replace").strip().splitlines()[-6:] if self.log.exists() else []
        return "".join(f"\n  {line}" for line in said) + f"\nMore is in {self.log}."

    @property
    def process_id(self) -> int | None:
        """The program's process id."""
        return self._child.pid if self._child is not None else None

    def died(self) -> str | None:
        """How it ended, in words; None while it runs."""
        self._alive()  # forgets groups that ended: their numbers will be others' one day
        if self._child is None or self._child.returncode is None:
            return None
        return describe_exit(self._child.returncode)

    def healthy(self) -> bool:
        """Whether it runs and its check succeeds."""
        return self._child is not None and self._child.poll() is None and self.health()

    def ask_to_stop(self) -> None:
        """Ask it, and all that it started, to end."""
        self._signal(signal.SIGTERM)

    def stop(self, patience: float) -> None:
        """End it and all that it started."""
        self.ask_to_stop()
        deadline = time.monotonic() + patience
        while self._alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._alive():
            self._signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _alive(self) -> bool:
        if self._child is not None:
            self._child.poll()
        self._groups = {group for group in self._groups if group_alive(group)}
        return bool(self._groups)

    def _signal(self, number: signal.Signals) -> None:
        for group in self._groups:
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                continue


def describe_exit(code: int) -> str:
    """An exit code in words, as in "was killed by SIGKILL"."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def process_exists(process: int) -> bool:
    """Whether there is such a process, anybody's, dead or alive: its number is taken."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_alive(process: int) -> bool:
    """Whether a process, anybody's, still runs (the dead whom nobody collected do not count)."""
    if not process_exists(process):
        return False
    if sys.platform != "linux":
        return True
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # gone meanwhile
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def group_alive(group: int) -> bool:
    """Whether a process group has a member that still runs (the dead whom nobody collected do not count)."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    if sys.platform != "linux":
        return True
    return any(member == group and state != "Z" for state, member in _all_processes())


def _all_processes() -> list[tuple[str, int]]:
    """State and process group of every process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything: what follows the last one is regular.
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # gone meanwhile
        found.append((state, int(group)))
    return found


def end_marked(mark: str, patience: float = 10.0) -> int:
    """Kill every process whose environment holds ``name=value`` as given; returns how many there were.

    Children of children that outlived theirs are found by it, whatever happened to groups and parents. Only on Linux:
    elsewhere environments cannot be read, and nothing is done.
    """
    found = _marked(mark)
    deadline = time.monotonic() + patience
    while (left := _marked(mark)) and time.monotonic() < deadline:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
    return len(found)


def _marked(mark: str) -> list[int]:
    wanted, found = mark.encode(), []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = environ.read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if wanted in variables and int(environ.parent.name) != os.getpid():
            found.append(int(environ.parent.name))
    return found


def shorten(log: Path, limit: int = LOG_BYTES) -> None:
    """Put a long log aside as ``….log.1``. Its writer appends, so it goes on in the same, now empty, file."""
    if log.exists() and log.stat().st_size > limit:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
