"""Measure staxpipe beside what else there is, in one run, and write docs/performance.md.

    python -m benchmarks                     # everything: about an hour on two cores, inputs included
    python -m benchmarks --thorough          # growth and the lake's history at full length too: two hours more
    python -m benchmarks --quick             # a million rows, one run each: does it work, and roughly how fast
    python -m benchmarks --only load duckdb-copy --rows 1M
    python -m benchmarks --document          # write docs/performance.md from the last results, measure nothing

Every contestant is a whole process; they take turns (A B C A B C …) and medians are kept. Results are in
`.bench/results.json`; the document is written by a full run only, or where `--document` is given. With `--only`, tables
of benchmarks that are not named stay as they were measured before, and contestants are all measured anew. What failed
is left out, told at the end, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.arguments import parser_of
from benchmarks.contestants import CONTESTANTS, LARGE, MAIN, PARQUET, PEERS, SMALL, Contestant, measured
from benchmarks.document import CHART, write_document
from benchmarks.inputs import HERE, WORK, Input, generated
from benchmarks.machine import machine, versions
from benchmarks.measuring import Median, in_turn

SECTIONS = ("growth", "queries", "landing", "lake_history", "pages")
"""Benchmarks of their own, each a module that writes a list of tables where `--json` says."""


def main() -> None:
    """The command."""
    asked = _arguments()
    WORK.mkdir(exist_ok=True)
    part = bool(asked.only or asked.quick or asked.rows or asked.runs)
    if part or not asked.document:
        _measure(asked)
    if asked.document or not part:
        write_document(json.loads(asked.json.read_text(encoding="utf-8")))
        if PEERS.exists():
            subprocess.run([PEERS, "-m", "benchmarks.peers.chart", asked.json, CHART], cwd=HERE, check=True)
    failed = json.loads(asked.json.read_text(encoding="utf-8"))["failed"]
    if failed:
        sys.exit("not measured: " + ", ".join(failed))


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, quick="a million rows, one run each, no largest month", runs=True)
    parser.set_defaults(runs=None)  # so that it is seen whether it was asked for
    names = [*(contestant.name for contestant in CONTESTANTS), *SECTIONS]
    parser.add_argument("--thorough", action="store_true", help="growth and the lake's history at full length")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=", ".join(names))
    parser.add_argument("--rows", choices=("0.2M", "1M", "5M"), help="the size of the main input (default 5M)")
    parser.add_argument("--json", type=Path, default=WORK / "results.json", help="where the results are kept")
    parser.add_argument("--document", action="store_true", help="write docs/performance.md, whatever was measured")
    return parser.parse_args()


def _measure(asked: argparse.Namespace) -> None:
    size = asked.rows or ("1M" if asked.quick else "5M")
    names = {MAIN: size, PARQUET: f"{size}-parquet", SMALL: "0.2M", LARGE: "50M"}
    taking_part = [
        contestant
        for contestant in CONTESTANTS
        if (contestant.name in asked.only if asked.only else not (asked.quick and contestant.role == LARGE))
    ]
    results = _begun(asked.json, bool(taking_part))
    inputs = {role: generated(names[role]) for role in dict.fromkeys(each.role for each in taking_part)}
    for given in inputs.values():
        results["inputs"][given.name] = {
            "rows": given.rows,
            "files": len(given.files),
            "bytes_packed": given.bytes_packed,
            "bytes_unpacked": given.bytes_unpacked,
        }
    runs = asked.runs or (1 if asked.quick else 3)
    for group, times in (
        ([each for each in taking_part if not each.once], runs),
        ([each for each in taking_part if each.once], 1),
    ):
        _contest(results, group, inputs, times)
        _keep(results, asked.json)
    for name in SECTIONS:
        if name in asked.only if asked.only else True:
            _section(results, name, asked.quick, asked.thorough)
            _keep(results, asked.json)


def _begun(file: Path, compares: bool) -> dict[str, Any]:
    """What is measured now takes the place of what was: contestants all together, for they are compared.

    The tables of the other benchmarks stand for themselves; those that are not measured now stay.
    """
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    figures = {"machine": machine(), "versions": versions(), "inputs": {}, "figures": {}}
    if not compares:
        figures |= {name: before[name] for name in figures if name in before}
    return {**figures, "failed": {}, "sections": before.get("sections", {})}


def _contest(results: dict[str, Any], group: Sequence[Contestant], inputs: dict[str, Input], times: int) -> None:
    titles = {each.name: (each.title, inputs[each.role]) for each in group}
    medians = in_turn({each.name: partial(measured, each, inputs[each.role]) for each in group}, times)
    for name, median in medians.items():
        title, given = titles[name]
        if isinstance(median, Median):
            results["figures"][name] = {"title": title, "input": given.name, "rows": given.rows, **asdict(median)}
        else:
            results["failed"][name] = median


def _section(results: dict[str, Any], name: str, quick: bool, thorough: bool) -> None:
    """Run a benchmark of its own; its tables become a block of the document."""
    if not (HERE / "benchmarks" / f"{name}.py").exists():
        return
    tables = WORK / f"{name}.json"
    given = {"queries": "--bucket", "landing": "--input"}.get(name)
    month = [given, str(generated("1M" if quick else "5M").folder)] if given else []
    short = {"growth": not thorough, "lake_history": not thorough, "queries": quick, "pages": quick}.get(name, False)
    shorter = ["--quick"] if short else []
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(tables), *month, *shorter]
    if subprocess.run(command, cwd=HERE, check=False).returncode:
        results["failed"][name] = "it failed"
    else:
        results["sections"][name] = json.loads(tables.read_text(encoding="utf-8"))


def _keep(results: dict[str, Any], file: Path) -> None:
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
