from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from staxpipe.model import ExportKind
from staxpipe.warehouse.holdings import Holding, not_counted
from staxpipe.warehouse.parity import Comparison, Verdict, compare
from staxpipe_tests.warehouse.shadows import (
    ANN,
    BEN,
    CLOSED,
    OCTOBER,
    PAYER,
    as_known_without_a_journal,
    days,
    holding,
    line,
)

WHOLE = (
    line("70"),
    line("20.5", sub_account=BEN, service="Amazon S3"),
    line("9.5", sub_account=PAYER, service="Tax", category="Tax"),
)


def compared(counted: Holding, shadow: Holding) -> Comparison:
    return compare(counted, shadow, OCTOBER)


def test_the_same_month_is_equal_to_the_cent() -> None:
    comparison = compared(holding(*WHOLE), holding(*WHOLE, export_id=2))
    assert comparison.verdict is Verdict.EQUAL
    assert comparison.in_words == "is equal to the cent"
    assert comparison.services == ()
    assert comparison.reasons == ()
    (total,) = comparison.totals
    assert (total.counted.rows, total.counted.billed, total.billed_difference) == (30, Decimal(100), Decimal(0))


def test_other_rows_and_fractions_of_a_cent_are_still_equal() -> None:
    other = (line("70.004", rows=7), *WHOLE[1:])
    comparison = compared(holding(*WHOLE), holding(*other, export_id=2))
    assert comparison.verdict is Verdict.EQUAL
    assert comparison.in_words == "is equal to the cent, in 27 rows where that has 30"


def test_a_difference_names_currency_amount_and_services_largest_first() -> None:
    other = (line("70.5"), line("15", sub_account=BEN, service="Amazon S3"), *WHOLE[2:])
    comparison = compared(holding(*WHOLE), holding(*other, export_id=2))
    assert comparison.verdict is Verdict.DIFFERS
    assert comparison.in_words == "differs by USD -5.00 billed: in Amazon S3 USD -5.50, Amazon EC2 USD +0.50"


def test_effective_cost_alone_may_differ() -> None:
    other = (line("70", effective="60"), *WHOLE[1:])
    comparison = compared(holding(*WHOLE), holding(*other, export_id=2))
    assert comparison.in_words == "differs by USD -10.00 effective: in Amazon EC2 USD -10.00 effective"


def test_currencies_are_never_added_up() -> None:
    other = (*WHOLE, line("1", currency="EUR"), line("-1", currency="JPY"))
    comparison = compared(holding(*WHOLE), holding(*other, export_id=2))
    assert comparison.verdict is Verdict.DIFFERS
    assert "EUR +1.00 billed; JPY -1.00 billed" in comparison.in_words


def test_the_same_total_in_other_categories_is_told() -> None:
    other = (replace(WHOLE[0], charge_category="Adjustment"), *WHOLE[1:])
    comparison = compared(holding(*WHOLE), holding(*other, export_id=2))
    assert comparison.verdict is Verdict.SAME_TOTAL
    assert comparison.agrees
    assert "(Adjustment, Usage)" in comparison.in_words


def test_four_services_are_three_and_one_more() -> None:
    other = tuple(line(str(cost), service=f"Service {cost}") for cost in (1, 2, 3, 4))
    comparison = compared(holding(line("0")), holding(*other, export_id=2))
    assert comparison.in_words.endswith("in Service 4 USD +4.00, Service 3 USD +3.00, Service 2 USD +2.00, 1 more")
    assert [service.part for service in comparison.services] == ["Service 4", "Service 3", "Service 2", "Service 1"]


def test_a_members_export_is_compared_with_the_members_part() -> None:
    comparison = compared(holding(*WHOLE), holding(WHOLE[0], export_id=2, owner=ANN))
    assert comparison.scope == (ANN,)
    assert comparison.verdict is Verdict.EQUAL
    assert any("member's costs only" in reason for reason in comparison.reasons)
    left_early = compared(holding(*WHOLE), holding(line("30"), export_id=2, owner=ANN))
    assert left_early.in_words == "differs by USD -40.00 billed: in Amazon EC2 USD -40.00"


def test_an_export_of_one_account_is_taken_for_a_members() -> None:
    assert compared(holding(*WHOLE), holding(WHOLE[0], export_id=2)).scope == (ANN,)


def test_two_members_have_nothing_in_common() -> None:
    comparison = compared(holding(line("1"), owner=ANN), holding(line("1", sub_account=BEN), export_id=2, owner=BEN))
    assert comparison.verdict is Verdict.NOTHING_IN_COMMON
    assert not comparison.agrees


def test_without_a_journal_categories_are_compared_and_no_service_is_named() -> None:
    counted, shadow = holding(*WHOLE), holding(line("1"), *WHOLE, export_id=2)
    comparison = compared(as_known_without_a_journal(counted), shadow)
    assert comparison.in_words == "differs by USD +1.00 billed"
    assert comparison.services == ()
    assert as_known_without_a_journal(shadow).sub_accounts is None


@pytest.mark.parametrize(
    ("shadow", "words"),
    [
        (holding(*WHOLE, export_id=2, kind=ExportKind.FOCUS_1_0), "divides charges into other rows"),
        (holding(*WHOLE[1:], export_id=2), f"nothing of {ANN}"),
        (holding(*WHOLE, export_id=2, columns=("line_item_net_unblended_cost",)), "Only the shadow has net costs"),
        (holding(*WHOLE, export_id=2, final=False), "The shadow is provisional"),
        (holding(*WHOLE, export_id=2, delivered_at=CLOSED + days(2)), "delivery is 2 days newer."),
    ],
)
def test_what_is_known_to_make_exports_differ(shadow: Holding, words: str) -> None:
    counted = holding(*WHOLE, columns=("lineItem/UnblendedCost", "pricing/term"))
    assert any(words in reason for reason in compared(counted, shadow).reasons)


def test_between_versions_of_focus_aws_changed_the_values() -> None:
    old = holding(*WHOLE, kind=ExportKind.FOCUS_1_0)
    (reason,) = compared(old, holding(*WHOLE, export_id=2, kind=ExportKind.FOCUS_1_2)).reasons
    assert "row counts and values changed" in reason
    assert compared(old, holding(*WHOLE, export_id=2, kind=ExportKind.FOCUS_1_0)).reasons == ()


def test_columns_that_are_not_known_are_no_reason() -> None:
    net = holding(*WHOLE, export_id=2, columns=("lineItem/UnblendedCost", "lineItem/NetUnblendedCost"))
    for columns in ((), ("BilledCost",)):
        assert compared(holding(*WHOLE, columns=columns), net).reasons == ()


def test_while_the_month_runs_the_hours_between_are_named() -> None:
    morning, evening = datetime(2026, 10, 9, 8, tzinfo=UTC), datetime(2026, 10, 9, 20, tzinfo=UTC)
    counted, shadow = holding(delivered_at=evening), holding(export_id=2, delivered_at=morning)
    assert compared(counted, shadow).reasons == (
        "The shadow's delivery is 12 hours older, and the month went on meanwhile.",
    )


def test_a_usage_account_that_only_shadows_hold_is_named_once_with_its_cost() -> None:
    counted = holding(line("1"))
    of_ben = holding(line("5", sub_account=BEN), line("2", sub_account=BEN, service="Amazon S3"), export_id=2)
    again = holding(line("6", sub_account=BEN), line("0", sub_account="444444444444"), export_id=3)
    (missing,) = not_counted(counted, [of_ben, again])
    assert (missing.sub_account_id, missing.export_id, missing.currency) == (BEN, 2, "USD")
    assert (missing.billed, missing.effective) == (Decimal(7), Decimal(7))


def test_what_is_not_known_is_not_said_to_be_missing() -> None:
    of_ben = holding(line("5", sub_account=BEN), export_id=2)
    assert not_counted(as_known_without_a_journal(holding(line("1"))), [of_ben]) == ()
    assert not_counted(holding(line("1")), [as_known_without_a_journal(of_ben)]) == ()
    assert not_counted(holding(line("1")), [holding(line("1"), line("3", sub_account=None), export_id=2)]) == ()
