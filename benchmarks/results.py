"""What was measured, as it is kept in `.bench/results.json`, and the ratios that the goals are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One contestant's medians. `rows` is how many rows its input has, or those of the stage that was timed alone."""

    title: str
    input: str
    rows: int
    runs: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    least_seconds: float
    most_seconds: float
    said: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """By wall time; of a stage that is timed inside its process, by that time."""
        return self.said["rows"] / self.said["seconds"] if "seconds" in self.said else self.rows / self.seconds

    @property
    def rows_per_cpu_second(self) -> float:
        """The same by CPU time of all threads: what other work on the machine distorts less."""
        if "seconds" in self.said:
            return self.said["rows"] / self.said["cpu_seconds"]
        return self.rows / self.cpu_seconds


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Goal:
    """A ratio that is to be reached: at least, or at most where `at_most`."""

    what: str
    goal: float
    value: Callable[[Figures], float]
    unit: str = "×"
    at_most: bool = False

    def of(self, figures: Figures) -> float | None:
        """The ratio; None where one of its parts was not measured."""
        try:
            return self.value(figures)
        except KeyError:
            return None

    def reached(self, value: float) -> bool:
        """Whether that is enough."""
        return value <= self.goal if self.at_most else value >= self.goal


def _faster(name: str, than: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name].rows_per_second / figures[than].rows_per_second


def _against_limit(figures: Figures) -> float:
    load = figures["load"]
    return load.seconds / (figures["gunzip"].seconds + load.rows / figures["encode-limit"].rows_per_second)


def _commit_share(figures: Figures) -> float:
    return 100 * figures["load"].said["commit_marts_ledger"] / figures["load"].seconds


GOALS: tuple[Goal, ...] = (
    Goal("`load` against DuckDB's plain copy: speed", 2.5, _faster("load", "duckdb-copy")),
    Goal(
        "`load` against DuckDB's plain copy: peak memory",
        1 / 3,
        lambda figures: figures["load"].peak_mib / figures["duckdb-copy"].peak_mib,
        at_most=True,
    ),
    Goal("read + normalise + write against the same: speed", 3.5, _faster("read-write", "duckdb-copy")),
    Goal("`load` against focus-converter", 6, _faster("load", "focus-converter")),
    Goal("`load` against koku's processing, re-enacted", 35, _faster("load", "koku")),
    Goal("`load` against pandas in chunks, as usually written", 50, _faster("load", "pandas-usual")),
    Goal(
        "Parquet: read + normalise + write against DuckDB's plain copy",
        2.2,
        _faster("read-write-parquet", "duckdb-copy-parquet"),
    ),
    Goal("Parquet: `load` against the same", 1.6, _faster("load-parquet", "duckdb-copy-parquet")),
    Goal("`load` against the limit (unpacking plus Parquet encoding, alone)", 2.5, _against_limit, at_most=True),
    Goal(
        "peak memory of the largest load",
        1024,
        lambda figures: figures["load-large"].peak_mib,
        unit=" MiB",
        at_most=True,
    ),
    Goal(
        "the same against a load of a tenth of it",
        1.2,
        lambda figures: figures["load-large"].peak_mib / figures["load"].peak_mib,
        at_most=True,
    ),
    Goal("commit + marts + ledger, of the load", 20, _commit_share, unit=" %", at_most=True),
)


def figures_of(results: Mapping[str, Any]) -> dict[str, Figure]:
    """The contestants of a results file that were measured."""
    return {name: Figure(**found) for name, found in results["figures"].items()}
