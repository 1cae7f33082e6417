"""README's typical questions on twelve months: how long each takes, and how little of the lake it reads.

    python -m benchmarks.queries                 # 12 x 5 million rows; made at first (about ten minutes), then kept
    python -m benchmarks.queries --quick         # 12 x 1 million rows

Each question is asked as `staxpipe sql` asks it, in one process: plan, session, answer. Bytes read are those that the
process really read while it answered (as Linux counts them), beside those that the question's columns have in the files
planned for it and in all files of the lake. The first run of each is not counted.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.arguments import parser_of
from benchmarks.inputs import WORK, generated
from benchmarks.questions import Question, questions
from benchmarks.sections import Section, write_sections
from benchmarks.year import MONTHS, Year, year_of
from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.lake.table import PlannedFile
from staxpipe.model import BillingPeriod
from staxpipe.query.connection import Connection
from staxpipe.query.session import open_session


@dataclass(frozen=True)
class Measured:
    """One question's figures: milliseconds, and bytes."""

    wall_ms: float
    cpu_ms: float
    read: int
    rows: int


@dataclass(frozen=True)
class Pruned:
    """What of the lake a question may have to read, by metadata alone."""

    files: int
    files_of_all: int
    groups: int
    groups_of_all: int
    columns: int
    bytes: int
    bytes_of_all: int


def main() -> None:
    """Measure, print, and write the tables where asked."""
    parser = parser_of(__doc__, quick="months of one million rows", runs=True, tables=True)
    parser.add_argument("--millions", type=float, default=5, help="rows of a month (default 5)")
    parser.add_argument("--bucket", type=Path, help="a month's delivery (default: the input of that size)")
    parser.add_argument("--home", type=Path, help="where the year is kept (default .bench/year-<millions>M)")
    parser.add_argument("--months", type=int, default=MONTHS, help="how many (default 12)")
    asked = parser.parse_args()
    millions = 1 if asked.quick else asked.millions
    bucket = asked.bucket or generated(f"{millions:g}M").folder
    home = (asked.home or WORK / f"year-{millions:g}M").resolve()
    with year_of(bucket, home, asked.months) as year:
        sections = [answered(year, asked.runs), pruning(year, asked.runs)]
    for section in sections:
        section.show()
    write_sections(asked.json, sections)


def answered(year: Year, runs: int) -> Section:
    """How long each question takes, and what it reads."""
    connection = Connection(year.lake, year.engine)
    month, files = year.months[-1], year.lake.plan()
    rows = []
    for question in questions():
        pruned = _pruned(year, question, files)
        measured = _measured(connection, question.sql, question.of(month), runs)
        rows.append(
            [
                question.title + (", one month" if question.one_month else f", {len(year.months)} months"),
                "lake" if question.of_lake else "mart",
                f"{measured.rows:,}",
                f"{measured.wall_ms:,.0f}",
                f"{measured.cpu_ms:,.0f}",
                *_read_columns(question, measured, pruned),
            ]
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = sum(file.rows for file in files)
    return Section(
        f"Typical questions on {len(year.months)} months, {total:,} line items",
        [
            "question",
            "from",
            "answer rows",
            "ms",
            "CPU ms",
            "files",
            "columns",
            "MB read",
            "of their columns",
            "of all",
        ],
        rows,
        f"Medians of {runs}, in one process whose peak was {peak:,.0f} MiB. MB read is what the process read; beside "
        "it what the question's columns come to in the files planned, and all files.",
    )


def _read_columns(question: Question, measured: Measured, pruned: Pruned) -> list[str]:
    if not question.of_lake:
        return ["", "", f"{measured.read / 1e6:,.1f}", "", ""]
    return [
        f"{pruned.files} of {pruned.files_of_all}",
        str(pruned.columns),
        f"{measured.read / 1e6:,.1f}",
        f"{pruned.bytes / 1e6:,.1f}",
        f"{pruned.bytes_of_all / 1e6:,.1f}",
    ]


NARROWED = (
    ("--period", "SELECT ServiceName, sum(EffectiveCost) FROM line_items GROUP BY ALL", True),
    (
        "WHERE BillingPeriodStart = …",
        "SELECT ServiceName, sum(EffectiveCost) FROM line_items WHERE BillingPeriodStart = TIMESTAMPTZ '{start}' "
        "GROUP BY ALL",
        False,
    ),
    (
        "WHERE ChargePeriodStart within a day",
        "SELECT ServiceName, sum(EffectiveCost) FROM line_items WHERE ChargePeriodStart >= TIMESTAMPTZ '{start}' "
        "AND ChargePeriodStart < TIMESTAMPTZ '{start}' + INTERVAL 1 DAY GROUP BY ALL",
        False,
    ),
    ("nothing", "SELECT ServiceName, sum(EffectiveCost) FROM line_items GROUP BY ALL", False),
)


def pruning(year: Year, runs: int) -> Section:
    """One question, narrowed in several ways: what is read of the lake."""
    connection = Connection(year.lake, year.engine)
    month, files = year.months[-1], year.lake.plan()
    footers = sum(pq.read_metadata(file.path.removeprefix("file://")).serialized_size for file in files)
    rows = []
    for name, sql, by_option in NARROWED:
        text = sql.format(start=month.start.isoformat())
        period = str(month) if by_option else None
        measured = _measured(connection, text, period, runs)
        planned = year.lake.plan(period=month) if by_option else files
        kept, groups = _row_groups(planned, month, "BillingPeriodStart" in sql, "ChargePeriodStart" in sql)
        rows.append(
            [
                name,
                f"{len(planned)} of {len(files)}",
                f"{kept:,} of {groups:,}",
                f"{measured.wall_ms:,.0f}",
                f"{measured.cpu_ms:,.0f}",
                f"{measured.read / 1e6:,.1f}",
            ]
        )
    return Section(
        "Cost by service, narrowed to a month",
        ["narrowed by", "files planned", "row groups whose bounds match", "ms", "CPU ms", "MB read"],
        rows,
        f"Of {sum(file.bytes for file in files) / 1e6:,.0f} MB in all; the footers of all files are "
        f"{footers / 1e6:,.1f} MB, which a question that is narrowed by WHERE only reads to find what it may skip.",
    )


def _row_groups(files: list[PlannedFile], month: BillingPeriod, billed: bool, a_day: bool) -> tuple[int, int]:
    """Row groups whose statistics do not exclude the month (or its first day), and all, of the files planned."""
    kept = groups = 0
    for file in files:
        footer = pq.read_metadata(file.path.removeprefix("file://"))
        names = {footer.schema.column(at).path: at for at in range(footer.num_columns)}
        for at in range(footer.num_row_groups):
            groups += 1
            matches = not billed or file.period == month
            if a_day:
                bounds = footer.row_group(at).column(names["ChargePeriodStart"]).statistics
                day = month.start.date()
                matches = bounds is None or bounds.min.date() <= day <= bounds.max.date()
            kept += matches
    return kept, groups


def _pruned(year: Year, question: Question, all_files: list[PlannedFile]) -> Pruned:
    """What the question's own plan says that it scans, and what that comes to in the files."""
    if not question.of_lake:
        return Pruned(0, len(all_files), 0, 0, 0, 0, 0)
    month = year.months[-1] if question.one_month else None
    files = year.lake.plan(period=month)
    columns = _scanned(year, question, month)
    size = groups = 0
    for file in files:
        footer = pq.read_metadata(file.path.removeprefix("file://"))
        groups += footer.num_row_groups
        for at in range(footer.num_row_groups):
            group = footer.row_group(at)
            chunks = [group.column(column) for column in range(footer.num_columns)]
            size += sum(
                chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns
            )
    total = sum(file.bytes for file in all_files)
    return Pruned(len(files), len(all_files), groups, groups, len(columns), size, total)


def _scanned(year: Year, question: Question, month: BillingPeriod | None) -> set[str]:
    """The columns that DuckDB's plan takes from the files: those it shows, and those it filters by."""
    with open_session(year.lake, year.engine, question.sql, period=month) as session:
        plan = json.loads(session.execute(f"EXPLAIN (FORMAT json) {question.sql}").fetchall()[0][1])
    names = {name for node in _scans(plan) for name in _words(node)}
    return names & {column.name for column in LINE_ITEM_COLUMNS}


def _scans(nodes: list[dict[str, object]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if str(node["name"]).strip() in {"READ_PARQUET", "PARQUET_SCAN"}:
            found.append(node)
        children = node.get("children")
        waiting += children if isinstance(children, list) else []
    return found


def _words(node: dict[str, object]) -> set[str]:
    text = json.dumps(node.get("extra_info"))
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


def _measured(connection: Connection, sql: str, period: str | None, runs: int) -> Measured:
    connection.arrow(sql, period=period)
    walls, cpus, reads, rows = [], [], [], 0
    for _ in range(runs):
        before, wall, cpu = _bytes_read(), time.monotonic(), time.process_time()
        answer = connection.arrow(sql, period=period)
        walls.append(time.monotonic() - wall)
        cpus.append(time.process_time() - cpu)
        reads.append(_bytes_read() - before)
        rows = answer.num_rows
    return Measured(
        statistics.median(walls) * 1000, statistics.median(cpus) * 1000, int(statistics.median(reads)), rows
    )


def _bytes_read() -> int:
    """What this process has read so far by system calls, from the page cache too."""
    text = Path("/proc/self/io").read_text(encoding="ascii")
    return int(text.split("rchar:")[1].split()[0])


if __name__ == "__main__":
    main()
