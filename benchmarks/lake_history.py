"""How long a commit to the lake takes as its history grows: 36 months of 100 exports, restated again and again.

    python -m benchmarks.lake_history                    # 36 months x 100 exports, each month delivered three times
    python -m benchmarks.lake_history --quick            # 6 months x 20 exports
    python -m benchmarks.lake_history --seconds 300      # stop there, and fit what was measured

The lake is the real one, on an embedded Postgres; each delivery is one tiny file, so that what is measured is the
commit and nothing of a month's size. After every simulated month the daily round of expiry runs once, as if it were
three months later for what was superseded then. Seconds are CPU seconds of this process (the machine is shared).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyiceberg.catalog import Catalog
from sqlalchemy import Engine

from benchmarks.arguments import parser_of
from benchmarks.fit import exponent
from benchmarks.sections import Section, write_sections
from staxpipe.db.engine import make_engine
from staxpipe.db.migrate import migrate
from staxpipe.lake.catalog import TABLE, open_catalog
from staxpipe.lake.table import Lake
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings, read_settings
from staxpipe_tests.lake.line_item_batches import costs

FIRST = BillingPeriod(2023, 10)
MONTHS_KEPT = 3
FIRST_POINT = 50


@dataclass(frozen=True)
class Point:
    """The lake after so many commits: means of the last FIRST_POINT."""

    commits: int
    commit_seconds: float
    commit_cpu: float
    plan_month: float
    plan_all: float
    delivery_of: float
    metadata_kib: float
    snapshots: int
    manifests: int
    list_kib: float


@dataclass(frozen=True)
class _Bench:
    lake: Lake
    catalog: Catalog


def main() -> None:
    """Measure, print, and write the table where asked."""
    parser = parser_of(__doc__, quick="6 months, 20 exports, 2 deliveries", tables=True)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--exports", type=int, default=100)
    parser.add_argument("--deliveries", type=int, default=3, help="of each export's month (default 3)")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many seconds (default: never)")
    asked = parser.parse_args()
    if asked.quick:
        asked.months, asked.exports, asked.deliveries = 6, 20, 2
    with (
        tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as home,
        EmbeddedPostgres(Path(home) / "server") as server,
    ):
        settings = read_settings({"home": Path(home), "database_url": server.url("postgres")})
        engine = make_engine(server.url("postgres"))
        migrate(engine)
        points = list(measured(settings, engine, asked.months, asked.exports, asked.deliveries, asked.seconds))
        engine.dispose()
    section = as_section(points, asked.months, asked.exports, asked.deliveries)
    section.show()
    write_sections(asked.json, [section])


def measured(
    settings: Settings, engine: Engine, months: int, exports: int, deliveries: int, seconds: float
) -> Iterator[Point]:
    """Commit after commit; a point where their number has doubled."""
    bench = _Bench(Lake.open(settings, engine), open_catalog(settings, engine))
    total = months * exports * deliveries
    ends = time.monotonic() + seconds if seconds else float("inf")
    walls: list[float] = []
    cpus: list[float] = []
    over: list[datetime] = []
    commits, following = 0, FIRST_POINT
    period: BillingPeriod | None = None
    for month in range(months):
        period = FIRST if period is None else period.next()
        for delivery in range(deliveries):
            for export in range(1, exports + 1):
                wall, cpu = _commit(bench.lake, export, period, f"d{delivery}")
                walls.append(wall)
                cpus.append(cpu)
                commits += 1
                if commits in {following, total} or time.monotonic() > ends:
                    yield _point(bench, commits, walls[-FIRST_POINT:], cpus[-FIRST_POINT:], period)
                    following *= 2
                    if time.monotonic() > ends:
                        return
        over.append(datetime.now(UTC))
        if month >= MONTHS_KEPT:
            bench.lake.expire(over[month - MONTHS_KEPT])
            bench.lake.remove_unneeded()


def _commit(lake: Lake, export: int, period: BillingPeriod, delivery: str) -> tuple[float, float]:
    account = f"{export:012d}"
    with lake.writer(export, period, delivery) as writer:
        writer.write(costs(2, "1", account=account, period=period, export_id=export, delivery=delivery))
    wall, cpu = time.monotonic(), time.process_time()
    lake.replace(export, period, writer.files, delivery)
    return time.monotonic() - wall, time.process_time() - cpu


def _point(bench: _Bench, commits: int, walls: list[float], cpus: list[float], period: BillingPeriod) -> Point:
    table = bench.catalog.load_table(TABLE)
    snapshot = table.metadata.snapshots[-1]
    io = table.io
    return Point(
        commits=commits,
        commit_seconds=statistics.mean(walls),
        commit_cpu=statistics.mean(cpus),
        plan_month=_seconds(lambda: bench.lake.plan(period=period)),
        plan_all=_seconds(bench.lake.plan),
        delivery_of=_seconds(lambda: bench.lake.delivery_of(1, period)),
        metadata_kib=len(io.new_input(table.metadata_location)) / 1024,
        snapshots=len(table.metadata.snapshots),
        manifests=len(snapshot.manifests(io)),
        list_kib=len(io.new_input(snapshot.manifest_list)) / 1024,
    )


def _seconds(act: Callable[[], object]) -> float:
    act()
    begun = time.process_time()
    act()
    return time.process_time() - begun


def as_section(points: list[Point], months: int, exports: int, deliveries: int) -> Section:
    """The table, with the exponents that fit commit and planning against the number of commits."""
    commits = [float(point.commits) for point in points]
    rows = [
        [
            f"{point.commits:,}",
            f"{point.commit_seconds * 1000:,.0f}",
            f"{point.commit_cpu * 1000:,.0f}",
            f"{point.plan_month * 1000:,.0f}",
            f"{point.plan_all * 1000:,.0f}",
            f"{point.delivery_of * 1000:,.0f}",
            f"{point.metadata_kib:,.0f}",
            f"{point.snapshots:,}",
            f"{point.manifests:,}",
            f"{point.list_kib:,.0f}",
        ]
        for point in points
    ]
    fits = {
        "commit": exponent(commits, [point.commit_cpu for point in points]),
        "plan of a month": exponent(commits, [point.plan_month for point in points]),
        "metadata.json": exponent(commits, [point.metadata_kib for point in points]),
    }
    return Section(
        title=f"The lake's history: {months} months x {exports} exports, each month delivered {deliveries} times",
        columns=[
            "commits",
            "commit ms",
            "commit CPU ms",
            "plan a month, CPU ms",
            "plan all, CPU ms",
            "delivery_of, CPU ms",
            "metadata.json KiB",
            "snapshots",
            "manifests",
            "manifest list KiB",
        ],
        rows=rows,
        note="Grows with commits to the power of: " + ", ".join(f"{name} {value:.2f}" for name, value in fits.items()),
    )


if __name__ == "__main__":
    main()
