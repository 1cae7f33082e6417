"""What docs/performance.md says follows from what was measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.document import DOCUMENT, write_document
from benchmarks.measuring import FailedError, Median, Run, in_turn, run
from benchmarks.results import GOALS, figures_of


def _figure(seconds: float, peak: float, rows: int = 5_000_000, **said: float) -> dict[str, Any]:
    return {
        "title": "someone",
        "input": "5M",
        "rows": rows,
        "runs": 3,
        "seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "peak_mib": peak,
        "least_seconds": seconds,
        "most_seconds": seconds,
        "said": said,
    }


RESULTS: dict[str, Any] = {
    "machine": {"cores": "2"},
    "versions": {"duckdb": "2.0"},
    "inputs": {"5M": {"rows": 10, "files": 2, "bytes_packed": 1_000_000, "bytes_unpacked": 2_000_000}},
    "figures": {
        "load": _figure(10, 500, commit_marts_ledger=1.5),
        "duckdb-copy": _figure(30, 3000),
        "koku": _figure(20, 100, rows=200_000),
        "gunzip": _figure(1, 10),
        "encode-limit": _figure(9, 500) | {"said": {"rows": 2e6, "seconds": 2.0, "cpu_seconds": 4.0}},
    },
    "failed": {"polars-mapping": "killed\nout of memory"},
    "sections": {
        "growth": [{"title": "Rows", "columns": ["n"], "rows": [["1|2"]], "note": "why"}],
        "landing": [{"mb_per_s": 1.5}],
    },
}


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("`load` against DuckDB's plain copy: speed", 3),
        ("`load` against DuckDB's plain copy: peak memory", 500 / 3000),
        ("`load` against koku's processing, re-enacted", 50),
        ("`load` against the limit (unpacking plus Parquet encoding, alone)", 10 / (1 + 5)),
        ("commit + marts + ledger, of the load", 15),
        ("`load` against focus-converter", None),
    ],
)
def test_ratios(what: str, value: float | None) -> None:
    (goal,) = [goal for goal in GOALS if goal.what == what]
    assert goal.of(figures_of(RESULTS)) == (None if value is None else pytest.approx(value))


def test_a_goal_of_memory_is_an_upper_bound() -> None:
    (goal,) = [goal for goal in GOALS if goal.what == "peak memory of the largest load"]
    assert goal.reached(1023)
    assert not goal.reached(1025)


def test_blocks_are_replaced_and_the_words_around_them_kept(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    before = DOCUMENT.read_text(encoding="utf-8")
    document.write_text(before, encoding="utf-8")
    write_document(RESULTS, document)
    once = document.read_text(encoding="utf-8")
    write_document(RESULTS, document)
    assert document.read_text(encoding="utf-8") == once
    assert "## Running it again" in once
    assert "| `load` against koku's processing, re-enacted | at least 35× | 50× | yes |" in once
    assert "Failed, so not measured: polars-mapping." in once
    assert "| 1\\|2 |" in once
    assert "| mb per s |" in once


def test_a_document_without_a_block_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("nothing to fill", encoding="utf-8")
    with pytest.raises(ValueError, match="0 blocks"):
        write_document(RESULTS, document)


def test_contestants_take_turns_and_one_that_fails_is_told_and_left_out() -> None:
    order: list[str] = []

    def good() -> Run:
        order.append("good")
        return Run(len(order), 1, 1)

    def bad() -> Run:
        order.append("bad")
        raise FailedError("out of luck")

    done = in_turn({"good": good, "bad": bad}, 3)
    assert order == ["good", "bad", "good", "good"]
    assert done["bad"] == "out of luck"
    median = done["good"]
    assert isinstance(median, Median)
    assert median.seconds == 3


def test_a_process_is_measured_with_what_it_says_last() -> None:
    finished = run([sys.executable, "-c", "x = bytearray(200 * 2**20); print('hello'); print('{\"rows\": 7}')"])
    assert finished.said == {"rows": 7}
    assert finished.peak_mib > 200
    assert finished.seconds > 0


def test_a_process_that_fails_or_does_not_end_is_an_error() -> None:
    with pytest.raises(FailedError, match="no such luck"):
        run([sys.executable, "-c", "raise SystemExit('no such luck')"])
    with pytest.raises(FailedError, match="too long"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], limit_seconds=0.2)
