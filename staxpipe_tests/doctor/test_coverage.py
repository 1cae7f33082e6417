"""Months as a heat map: what is there, what is missing between, and what cannot be there."""

from __future__ import annotations

from datetime import UTC, datetime

from staxpipe.doctor.coverage import Cell, gaps, heat_map, spans
from staxpipe_tests.doctor.cases import NOW, months


def test_nothing_has_no_gaps_and_no_rows() -> None:
    assert gaps((), NOW) == ()
    assert heat_map((), NOW) == ()


def test_a_gap_is_between_the_first_month_and_the_last_that_is_over() -> None:
    assert gaps(months("2026-07", "2026-09"), NOW) == months("2026-08", "2026-10")
    assert gaps(months("2026-10"), NOW) == ()


def test_the_month_that_runs_is_no_gap_until_it_is_over() -> None:
    there = months("2026-09", "2026-10")
    assert gaps(there, NOW) == ()
    assert gaps(there, datetime(2026, 12, 1, tzinfo=UTC)) == months("2026-11")


def test_rows_are_years_the_newest_first_with_twelve_states() -> None:
    this_year, last_year = heat_map(months("2025-11", "2026-01", "2026-02", "2026-11"), NOW)
    assert (this_year.year, last_year.year) == (2026, 2025)
    assert last_year.cells == (Cell.OUTSIDE,) * 10 + (Cell.REPORT, Cell.MISSING)
    assert this_year.marks == "■ ■ × × × × × × × × ■ ·"


def test_a_year_without_any_report_is_a_row_all_the_same() -> None:
    rows = heat_map(months("2024-12"), datetime(2026, 1, 15, tzinfo=UTC))
    assert [row.year for row in rows] == [2026, 2025, 2024]
    assert rows[0].cells == (Cell.OUTSIDE,) * 12
    assert rows[1].cells == (Cell.MISSING,) * 12


def test_months_in_words() -> None:
    assert spans(months("2025-12", "2026-01", "2026-02", "2026-05")) == "2025-12 to 2026-02, 2026-05"
    assert spans(()) == ""
