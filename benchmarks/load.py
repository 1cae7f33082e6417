"""How fast `staxpipe load` is and how much memory it takes, for months of one and of five million rows.

    python -m benchmarks.load                         # 1 M and 5 M rows: rows per second, peak memory, their ratio
    python -m benchmarks.load --against ../other      # the same beside another checkout of staxpipe, in turn

Each run is a whole process with a home of its own: it starts the embedded database, reads csv.gz, commits to the lake
and fills the marts. Peak memory is that of the loading process (the database is another). Inputs are generated once and
kept in `.bench`. Machines are shared and noisy: medians, and ratios between runs that took turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.delivery import Report, deliver, into_folder
from staxpipe.synthetic.organisation import Organisation

HERE = Path(__file__).resolve().parents[1]
INPUTS = HERE / ".bench"
ROWS_PER_SCALE = 180_000
PERIOD = BillingPeriod(2026, 9)


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout of staxpipe; the same Python runs it")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each (default 3)")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 5], help="months' sizes (default 1 5)")
    asked = parser.parse_args()
    checkouts = {"this": HERE} | ({"other": asked.against.resolve()} if asked.against else {})
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {asked.runs} runs each, medians")
    print(f"{'checkout':<9} {'rows':>10} {'wall s':>8} {'cpu s':>8} {'rows/s':>9} {'peak MiB':>9}")
    peaks: dict[tuple[str, int], float] = {}
    speeds: dict[tuple[str, int], float] = {}
    for millions in asked.millions:
        folder, rows = _input(millions)
        runs: dict[str, list[Run]] = {name: [] for name in checkouts}
        for _ in range(asked.runs):
            for name, checkout in checkouts.items():
                runs[name].append(_load(checkout, folder))
        for name, finished in runs.items():
            wall, cpu, peak = (
                statistics.median(getattr(run, field) for run in finished)
                for field in ("seconds", "cpu_seconds", "peak_mib")
            )
            peaks[name, rows], speeds[name, rows] = peak, rows / wall
            print(f"{name:<9} {rows:>10,} {wall:>8.1f} {cpu:>8.1f} {rows / wall:>9,.0f} {peak:>9,.0f}", flush=True)
    sizes = sorted({rows for _, rows in peaks})
    for name in checkouts:
        if len(sizes) > 1:
            ratio = peaks[name, sizes[-1]] / peaks[name, sizes[0]]
            print(f"{name}: peak memory at {sizes[-1]:,} rows is {ratio:.2f} times that at {sizes[0]:,}")
    if asked.against:
        for rows in sizes:
            print(f"{rows:,} rows: this / other = {speeds['this', rows] / speeds['other', rows]:.2f} times the speed")


def _input(millions: float) -> tuple[Path, int]:
    """A month of about so many million rows in ten files; made where it is not there yet."""
    folder = INPUTS / f"{millions:g}M"
    counted = folder / "rows"
    if not counted.exists():
        rows = int(millions * 1_000_000)
        report = Report("bench", rows_per_file=rows // 10)
        month = deliver(
            Organisation.sample(3, BillingPeriod(2026, 6)),
            PERIOD,
            datetime(2026, 10, 25, tzinfo=UTC),
            report,
            into_folder(folder / "bucket"),
            rows / ROWS_PER_SCALE,
        )
        counted.write_text(str(len(month.rows)), encoding="utf-8")
    return folder / "bucket", int(counted.read_text(encoding="utf-8"))


def _load(checkout: Path, folder: Path) -> Run:
    with tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as home:
        variables = {**os.environ, "STAXPIPE_HOME": home, "PYTHONPATH": str(checkout)}
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", "from staxpipe.cli import main; main()", "load", str(folder)],
            env=variables,
            cwd=home,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
    if status:
        sys.exit(f"staxpipe load of {folder} ended with status {os.waitstatus_to_exitcode(status)} in {checkout}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
