"""Running whole processes in turn, and what each took: wall time, CPU time, peak memory. Nothing of what they do."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished process.

    CPU seconds are of the process and of the children that it waited for. `peak_mib` is the most that this process
    held (its children apart: of a load that is the database server). `said` is what it printed as its last line, where
    that is a JSON object: timers inside it.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    said: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Median:
    """The median of each figure over several runs, and how far the wall times lie apart."""

    runs: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    least_seconds: float
    most_seconds: float
    said: Mapping[str, float]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Median:
        """Of at least one run."""
        seconds = [run.seconds for run in runs]
        keys = set.intersection(*(set(run.said) for run in runs))
        return cls(
            len(runs),
            statistics.median(seconds),
            statistics.median(run.cpu_seconds for run in runs),
            statistics.median(run.peak_mib for run in runs),
            min(seconds),
            max(seconds),
            {key: statistics.median(run.said[key] for run in runs) for key in sorted(keys)},
        )


class FailedError(Exception):
    """A process that ended with an error, or that was stopped because it took too long; says what it printed last."""


def run(command: Sequence[str | Path], variables: Mapping[str, str] | None = None, limit_seconds: float = 1800) -> Run:
    """Run a command to its end, in a folder of its own for what it prints.

    Raises:
        FailedError: it ended with another status than 0, or ran longer than the limit and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as scratch:
        printed, complained = Path(scratch) / "stdout", Path(scratch) / "stderr"
        with printed.open("wb") as stdout, complained.open("wb") as stderr:
            begun = time.monotonic()
            process = subprocess.Popen(
                [str(part) for part in command],
                env={**os.environ, **(variables or {})},
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                status, usage = _wait(process.pid, begun + limit_seconds)
            except BaseException:  # a person's interrupt: nothing goes on without whoever measures it
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            seconds = time.monotonic() - begun
            process.returncode = status  # we have waited for it; Popen would not know
        lines = printed.read_text(encoding="utf-8", errors="replace").splitlines()
        if status:
            last = (complained.read_text(encoding="utf-8", errors="replace").splitlines() or lines)[-12:]
            reason = "was stopped, it took too long" if status == -signal.SIGKILL else f"ended with status {status}"
            raise FailedError("\n".join([f"{' '.join(map(str, command))[:300]} {reason}", *last]))
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, _said(lines))


def in_turn(contestants: Mapping[str, Callable[[], Run]], runs: int) -> dict[str, Median | str]:
    """Run each contestant once, then each again, so often: A B C A B C. One that fails once is left out from then on.

    Returns:
        by name the median, or the text of the failure.
    """
    done: dict[str, list[Run]] = {name: [] for name in contestants}
    failed: dict[str, str] = {}
    for turn in range(1, runs + 1):
        for name, contestant in contestants.items():
            if name in failed:
                continue
            try:
                finished = contestant()
            except FailedError as error:
                failed[name] = str(error)
                print(f"  {name}: {error}", file=sys.stderr, flush=True)
                continue
            done[name].append(finished)
            print(
                f"  {turn}/{runs} {name:<28} {finished.seconds:>7.1f} s wall {finished.cpu_seconds:>7.1f} s CPU "
                f"{finished.peak_mib:>7,.0f} MiB  {json.dumps(finished.said) if finished.said else ''}",
                file=sys.stderr,
                flush=True,
            )
    return {name: failed.get(name) or Median.of(done[name]) for name in contestants}


def _wait(pid: int, until: float) -> tuple[int, resource.struct_rusage]:
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), usage
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.02)


def _said(lines: Sequence[str]) -> dict[str, float]:
    try:
        said = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {str(key): float(value) for key, value in said.items() if isinstance(value, int | float)}
