"""How the cost of `staxpipe load` grows: with rows, files of a delivery, member accounts, exports, and months.

    python -m benchmarks.growth                          # all: rows 1 M to 50 M, the rest 1 to 1,000 or 36 (an hour)
    python -m benchmarks.growth files months --quick     # some of them, smaller
    python -m benchmarks.growth rows --sizes 1 5         # sizes of one's own (rows: in millions)

Each figure is of one whole process with a home of its own, whose database is made beforehand: it starts the server,
reads csv.gz, commits and fills the marts. Peak memory is that of the process, not of the database. The exponent is that
of the power law which fits all sizes; as every load has a constant part, the one between the last two is given beside
it.
Inputs are generated once and kept in `.bench`.
"""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.arguments import parser_of
from benchmarks.contestants import PREPARE
from benchmarks.fit import exponent
from benchmarks.inputs import HERE, WORK, folder_of
from benchmarks.measuring import Run, run
from benchmarks.sections import Section, write_sections
from staxpipe.model import AccountId, BillingPeriod
from staxpipe.synthetic.bulk import ROWS_AT_SCALE_1, write_month
from staxpipe.synthetic.delivery import deliver, into_folder
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.report import Report

LIMIT_SECONDS = 3600
PERIOD = BillingPeriod(2026, 9)
SMALLEST = 7
"""Accounts of the generator's sample."""


@dataclass(frozen=True)
class Axis:
    """What grows, and what stays as it is."""

    title: str
    sizes: Sequence[float]
    quick: Sequence[float]
    bucket: Callable[[float, bool], Path]  # the input of a size; smaller where it is to be quick


def main() -> None:
    """Measure, print, and write the tables where asked."""
    parser = parser_of(__doc__, quick="fewer and smaller", tables=True)
    parser.add_argument("axes", nargs="*", default=list(AXES), help=f"some of: {', '.join(AXES)} (default: all)")
    parser.add_argument("--sizes", type=float, nargs="+", help="of one axis")
    asked = parser.parse_args()
    if set(asked.axes) - set(AXES):
        parser.error(f"there is no {', '.join(sorted(set(asked.axes) - set(AXES)))}")
    sections = []
    for name in asked.axes:
        axis = AXES[name]
        sizes = asked.sizes or (axis.quick if asked.quick else axis.sizes)
        runs = [_load(axis.bucket(size, asked.quick)) for size in sizes]
        sections.append(as_section(axis, name, sizes, runs))
        sections[-1].show()
        write_sections(asked.json, sections)


def as_section(axis: Axis, name: str, sizes: Sequence[float], runs: Sequence[Run]) -> Section:
    """The table of one axis, a run for each size, with its exponents."""
    fits = []
    for what, costs in (
        ("time", [done.cpu_seconds for done in runs]),
        ("memory", [done.peak_mib for done in runs]),
    ):
        fits.append(f"{what} {exponent(sizes, costs):.2f} ({exponent(sizes[-2:], costs[-2:]):.2f} at the end)")
    return Section(
        axis.title,
        [name, "seconds", "CPU seconds", "peak MiB"],
        [
            [f"{size:,g}", f"{done.seconds:,.1f}", f"{done.cpu_seconds:,.1f}", f"{done.peak_mib:,.0f}"]
            for size, done in zip(sizes, runs, strict=True)
        ],
        f"Grows with {name} to the power of: " + ", ".join(fits),
    )


def _load(bucket: Path) -> Run:
    with tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as home:
        variables = {"STAXPIPE_HOME": home, "PYTHONPATH": str(HERE)}
        run([sys.executable, "-c", PREPARE], variables)
        command = [sys.executable, "-c", "from staxpipe.cli import main; main()", "load", str(bucket)]
        return run(command, variables, LIMIT_SECONDS)


def _rows(millions: float, _quick: bool) -> Path:
    """So many million rows in ten files (those of `benchmarks.load`, where they are there)."""
    for folder in (folder_of(f"{millions:g}M") / "bucket", WORK / f"{millions:g}M" / "bucket"):
        if folder.is_dir():
            return folder
    return _made(f"rows-{millions:g}M", _write_files, int(millions * 1_000_000), 10)


def _files(count: float, quick: bool) -> Path:
    """One month of a million rows, cut into so many files."""
    rows = 100_000 if quick else 1_000_000
    return _made(f"files-{count:g}-of-{rows}", _write_files, rows, int(count))


def _accounts(count: float, quick: bool) -> Path:
    """One month of so many member accounts; each has at least a few thousand rows, so a thousand have millions."""
    rows = 100_000 if quick else 1_000_000
    return _made(f"accounts-{count:g}-of-{rows}", _write_members, rows, int(count))


def _exports(count: float, _quick: bool) -> Path:
    """So many exports, each of a payer of its own, with a month of about two thousand rows."""
    return _made(f"exports-{count:g}", _write_exports, 2_000, int(count))


def _months(count: float, _quick: bool) -> Path:
    """So many months of one export, twelve thousand rows each."""
    return _made(f"months-{count:g}", _write_months, 12_000, int(count))


def _made(name: str, write: Callable[[Path, int, int], None], rows: int, count: int) -> Path:
    """An input's bucket; made where it is missing, by a process of its own: a child begins with its parent's peak."""
    folder = WORK / "growth" / name
    done = folder / "done"
    if not done.exists():
        maker = multiprocessing.get_context("spawn").Process(target=write, args=(folder / "bucket", rows, count))
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit(f"{name} could not be generated")
        done.touch()
    return folder / "bucket"


def _write_files(root: Path, rows: int, count: int) -> None:
    write_month(root, rows, PERIOD, Report("bench", rows_per_file=-(-rows * 11 // (10 * count))))


def _write_members(root: Path, rows: int, count: int) -> None:
    organisation = _of_members(count)
    scale = rows / ROWS_AT_SCALE_1 * SMALLEST / count
    deliver(organisation, PERIOD, PERIOD.end + timedelta(days=20), Report("bench"), into_folder(root), scale)


def _of_members(count: int) -> Organisation:
    """The sample, its payer and six members, and as many more like them as it takes."""
    sample = Organisation.sample(3, PERIOD.previous())
    more = tuple(
        replace(member, id=AccountId(f"{700_000_000_000 + number:012d}"), name=f"team-{number:04d}")
        for number, member in zip(range(count - len(sample.accounts)), itertools.cycle(sample.members), strict=False)
    )
    return replace(sample, members=(*sample.members, *more))


def _write_exports(root: Path, rows: int, count: int) -> None:
    for number in range(count):
        organisation = Organisation.sample(number + 1, PERIOD.previous(), rows / ROWS_AT_SCALE_1)
        report = Report(f"export-{number:04d}", prefix=f"export-{number:04d}")
        as_of = PERIOD.end + timedelta(days=20)
        deliver(organisation, PERIOD, as_of, report, into_folder(root), rows / ROWS_AT_SCALE_1)


def _write_months(root: Path, rows: int, count: int) -> None:
    period = PERIOD
    for _ in range(count - 1):
        period = period.previous()
    organisation = Organisation.sample(3, period.previous(), rows / ROWS_AT_SCALE_1)
    for _ in range(count):
        as_of = period.end + timedelta(days=20)
        deliver(organisation, period, as_of, Report("bench"), into_folder(root), rows / ROWS_AT_SCALE_1)
        period = period.next()


AXES = {
    "rows": Axis("Rows of a month, in millions", (1, 5, 50), (1, 5, 50), _rows),
    "files": Axis("Files of one delivery", (1, 10, 100, 1000), (1, 10, 100, 1000), _files),
    "accounts": Axis("Accounts of one delivery", (SMALLEST, 30, 100, 1000), (SMALLEST, 30, 100, 1000), _accounts),
    "exports": Axis("Exports, a payer and a month each", (1, 10, 100, 1000), (1, 10, 30), _exports),
    "months": Axis("Months of one export", (1, 3, 12, 36), (1, 3, 12, 36), _months),
}


if __name__ == "__main__":
    main()
