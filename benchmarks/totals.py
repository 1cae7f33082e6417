"""Whether two checkouts of staxpipe make the same of the same reports, to the last digit.

    python -m benchmarks.totals --against ../other FOLDER [FOLDER ...]

Each folder is loaded by both, each into a home of its own. What must be equal: the whole ledger (`staxpipe ledger`),
every row of the marts, and the lake as a multiset of rows, by an order-free sum of hashes over all columns. Use it
after a change that is meant to change speed and nothing else. Exit status 1, and the first differences, where anything
differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.arguments import parser_of
from benchmarks.inputs import HERE

QUESTIONS = {
    # Names of accounts are joined by the view, not loaded, and older versions have none.
    "marts": "SELECT COLUMNS(lambda name: name NOT IN ('delivery', 'billing_account_name', 'sub_account_name')) "
    "FROM daily_costs ORDER BY ALL",
    "lake": "SELECT BillingAccountId, BillingPeriodStart, count(*) AS rows, sum(BilledCost) AS billed, "
    "sum(EffectiveCost) AS effective, sum(ListCost) AS list, sum(ContractedCost) AS contracted, "
    "sum(hash(item::VARCHAR)::HUGEINT) AS hashes FROM line_items_all AS item GROUP BY ALL ORDER BY ALL",
    "ledger view": "SELECT * EXCLUDE (delivery, loaded_at, delivered_at) FROM month_ledger ORDER BY ALL",
}
MOMENTS = {"loaded_at", "committed_at", "delivered_at", "seen_at", "found_at"}
"""What may differ between two loads of one report."""


def main() -> None:
    """Load, ask, compare, print."""
    parser = parser_of(__doc__, against="required")
    parser.add_argument("folders", type=Path, nargs="+", help="folders with reports, as AWS delivers them")
    asked = parser.parse_args()
    differing = 0
    for folder in asked.folders:
        here, there = (_answers(checkout, folder.resolve()) for checkout in (HERE, asked.against.resolve()))
        for name, answer in here.items():
            same = answer == there[name]
            differing += not same
            print(f"{folder}: {name}: {len(answer):,} lines, {'equal' if same else 'DIFFERENT'}", flush=True)
            if not same:
                _show(answer, there[name])
    sys.exit(1 if differing else 0)


def _answers(checkout: Path, folder: Path) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory(prefix="staxpipe-totals-") as home:
        _staxpipe(checkout, home, "load", str(folder))
        answers = {name: _lines(_staxpipe(checkout, home, "sql", "--json", text)) for name, text in QUESTIONS.items()}
        answers["ledger"] = _lines(_staxpipe(checkout, home, "ledger", "--json"))
    return answers


def _lines(text: str) -> list[str]:
    """JSON, or JSON lines, as one line an entry, without the moments at which things were done."""
    found = json.loads(text)
    entries = found if isinstance(found, list) else [{key: value} for key, value in found.items()]
    return [json.dumps(_timeless(entry), sort_keys=True) for entry in entries]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key not in MOMENTS}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _show(here: list[str], there: list[str]) -> None:
    only_here = [line for line in here if line not in set(there)]
    only_there = [line for line in there if line not in set(here)]
    for mark, lines in (("this ", only_here), ("other", only_there)):
        for line in lines[:3]:
            print(f"  {mark} {line[:1000]}")


def _staxpipe(checkout: Path, home: str, *arguments: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", "from staxpipe.cli import main; main()", *arguments],
        env={**os.environ, "STAXPIPE_HOME": home, "PYTHONPATH": str(checkout)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode and arguments[0] != "load":  # a month that is off by something is worth comparing, too
        sys.exit(f"staxpipe {arguments[0]} ended with {process.returncode} in {checkout}: {process.stderr}")
    return process.stdout


if __name__ == "__main__":
    main()
