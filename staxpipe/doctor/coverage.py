"""Which months a bucket holds, as a small heat map: rows of years, twelve states each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from staxpipe.model import BillingPeriod


class Cell(StrEnum):
    """What there is of a month. The value is what is read out for it."""

    REPORT = "report"
    MISSING = "missing"
    OUTSIDE = "outside"  # before the first, or after what can be there by now


MARKS = {Cell.REPORT: "■", Cell.MISSING: "×", Cell.OUTSIDE: "·"}
"""The cells as one character each."""

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Year:
    """One row: a year and its twelve months."""

    year: int
    cells: tuple[Cell, ...]

    @property
    def marks(self) -> str:
        """The row as text, a character a month."""
        return " ".join(MARKS[cell] for cell in self.cells)


def gaps(months: Collection[BillingPeriod], now: datetime) -> tuple[BillingPeriod, ...]:
    """Months without a report, from the first that has one to the last that is over.

    The current month's first report comes within a day or two of its beginning, so that its absence says nothing.
    """
    if not months:
        return ()
    missing = []
    month, last = min(months), max(max(months), BillingPeriod.containing(now).previous())
    while month <= last:
        if month not in months:
            missing.append(month)
        month = month.next()
    return tuple(missing)


def heat_map(months: Collection[BillingPeriod], now: datetime) -> tuple[Year, ...]:
    """Rows of years, the newest first, from the first month with a report to this year; none where there is none."""
    if not months:
        return ()
    missing = set(gaps(months, now))
    years = range(max(max(months).year, BillingPeriod.containing(now).year), min(months).year - 1, -1)
    return tuple(
        Year(year, tuple(_cell(BillingPeriod(year, number), months, missing) for number in range(1, 13)))
        for year in years
    )


def spans(months: Sequence[BillingPeriod]) -> str:
    """Months in order as people write them: 2026-01 to 2026-03, 2026-05."""
    runs: list[list[BillingPeriod]] = []
    for month in months:
        if runs and runs[-1][-1].next() == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _cell(month: BillingPeriod, months: Collection[BillingPeriod], missing: Collection[BillingPeriod]) -> Cell:
    if month in months:
        return Cell.REPORT
    return Cell.MISSING if month in missing else Cell.OUTSIDE
