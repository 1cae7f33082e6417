"""Comparing what staxpipe shows with what the generator knows, and showing it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from staxpipe.demo.comparison import MonthComparison, ServiceCost, Totals, compare
from staxpipe.demo.mailbox import Mail
from staxpipe.demo.progress import Done
from staxpipe.demo.run import Outcome, Restated
from staxpipe.demo.show import as_json, show, show_addresses
from staxpipe.model import BillingPeriod
from staxpipe.program import program, typed
from staxpipe.settings import read_settings
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation

PERIOD = BillingPeriod(2026, 9)


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation.sample(3, PERIOD, 0.01)


@pytest.fixture(scope="module")
def month(organisation: Organisation) -> Month:
    return generate_month(organisation, PERIOD, datetime(2026, 11, 1, tzinfo=UTC), 0.01)


@pytest.fixture
def totals(month: Month) -> Totals:
    return {("2026-09", category): sums for category, sums in month.expected.focus_by_category.items()}


def test_equal_totals_agree(month: Month, totals: Totals) -> None:
    (compared,) = compare([month], totals, totals)
    assert compared.agrees
    assert compared.marts == compared.expected == month.expected.focus


def test_a_digit_a_row_or_a_category_that_differs_is_named(month: Month, totals: Totals) -> None:
    usage, tax = ("2026-09", "Usage"), ("2026-09", "Tax")
    off = {**totals, usage: replace(totals[usage], billed=totals[usage].billed + Decimal("1E-10"))}
    fewer = {**totals, usage: replace(totals[usage], rows=totals[usage].rows - 1)}
    without = {key: sums for key, sums in totals.items() if key != tax}
    assert compare([month], off, totals)[0].differing == ("line items, Usage",)
    assert compare([month], totals, fewer)[0].differing == ("daily costs, Usage",)
    assert compare([month], without, totals)[0].differing == ("line items, Tax",)
    unknown = {**totals, ("2026-09", "Adjustment"): totals[tax]}
    assert compare([month], unknown, totals)[0].differing == ("line items, Adjustment",)


def _outcome(organisation: Organisation, month: Month, compared: MonthComparison) -> Outcome:
    services = [ServiceCost(f"Service {number}", "2026-09", Decimal(number), Decimal(number)) for number in range(20)]
    return Outcome(
        organisation=organisation,
        months=(compared,),
        restated=(Restated(month, month),),
        services=tuple(services),
        mail=Mail(("ada@example.com",), "It is [ready]", "Totals [bold]\n"),
        bucket_url="s3://b/p",
        pages_url="http://pages",
        request_url="http://pages/requests/r",
        dagster_url="http://dagster",
        home=Path("/tmp/demo"),
        steps=(Done("One", 1.234),),
        seconds=12.34,
    )


def test_people_see_costs_restatements_the_comparison_and_the_mail(
    organisation: Organisation, month: Month, totals: Totals
) -> None:
    output = io.StringIO()
    console = Console(file=output, width=80)
    settings = read_settings({"home": "/demo"})
    outcome = _outcome(organisation, month, compare([month], totals, totals)[0])
    show(console, outcome)
    assert max(len(line) for line in output.getvalue().splitlines()) <= 80
    show_addresses(console, outcome, settings, f"http://pages/sign-in/{'t' * 100}")
    shown = output.getvalue()
    assert "Service 19" in shown
    assert "8 more" in shown
    assert "190.00" in shown  # the total
    assert f"{month.expected.focus.billed:,.2f}" in shown
    assert "equal" in shown
    assert "It is [ready]" in shown
    assert "Totals [bold]" in shown
    assert "t" * 100 in shown  # in one piece, to be copied
    assert f"  {typed(settings, Path.cwd())} sign-in\n" in shown
    assert f"  {typed(settings, Path.cwd())} sql '" in shown
    assert f"  . /demo/variables.sh; {program(Path.cwd())} status\n" in shown


def test_a_difference_is_seen(organisation: Organisation, month: Month, totals: Totals) -> None:
    output = io.StringIO()
    outcome = _outcome(organisation, month, compare([month], {}, totals)[0])
    show(Console(file=output, width=200), outcome)
    assert "differs: line items, Credit" in output.getvalue()
    assert as_json(outcome)["ok"] is False


def test_programs_get_every_digit(organisation: Organisation, month: Month, totals: Totals) -> None:
    outcome = _outcome(organisation, month, compare([month], totals, totals)[0])
    summary = json.loads(json.dumps(as_json(outcome)))
    assert summary["ok"] is True
    assert Decimal(summary["months"][0]["billed_cost"]) == month.expected.focus.billed
    assert summary["mail"]["subject"] == "It is [ready]"
    assert summary["restated"][0]["period"] == "2026-09"
