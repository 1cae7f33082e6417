"""The real processes of a running platform: found by what the kernel says of them, and killed without a word."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

DAEMON = "dagster._daemon"
WORKER = "multiprocessing.spawn import spawn_main"


def running(home: Path, words: str) -> list[int]:
    """Process ids of programs of the installation in `home` whose command line holds these words, the oldest first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ours = str(home) in command or str(home).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if ours and words in command and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return sorted(found)


def postmaster(home: Path) -> int:
    """The process id of the embedded Postgres; 0 while there is none."""
    try:
        return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        return 0


def descendants(process: int) -> list[int]:
    """Everything that a process started, and what that started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, look_at = [], [process]
    while look_at:
        begun = children.get(look_at.pop(), [])
        found += begun
        look_at += begun
    return found


def kill(processes: Sequence[int]) -> None:
    """SIGKILL for each that still runs."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
