"""Invoices beside line items: what is matched with what, what is left out, and the reason of each difference."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from staxpipe.comparison.billed import Billed
from staxpipe.comparison.invoices import Amount, Invoice, compare_invoices
from staxpipe.comparison.verdicts import Comparison, Reason

PAYER = "111122223333"


def invoice(
    total: str, id: str = "A1", before_tax: str | None = None, currency: str = "USD", **values: object
) -> Invoice:
    amount = Amount(currency, Decimal(total), None if before_tax is None else Decimal(before_tax))
    return replace(Invoice(id, PAYER, (amount,), issuer="AWS EMEA SARL"), **values)  # type: ignore[arg-type]


def billed(cost: str, id: str = "A1", currency: str = "USD", tax: str = "0", lines: int = 1) -> Billed:
    return Billed(id, currency, "AWS EMEA SARL", Decimal(cost), Decimal(tax), lines=lines)


def compared(ours: list[Billed], theirs: list[Invoice]) -> Comparison:
    [comparison] = compare_invoices(PAYER, ours, theirs)
    return comparison


def reasons(comparison: Comparison) -> dict[str, Reason | None]:
    return {part.subject: part.reason for part in comparison.parts}


def test_equal_to_the_cent_over_several_legal_entities() -> None:
    ours = [billed("100.0049"), billed("20.5", "B2")]
    comparison = compared(ours, [invoice("100.00"), invoice("20.50", "B2")])
    assert comparison.reason is None
    assert (comparison.theirs, comparison.ours) == (Decimal("120.50"), Decimal("120.5049"))
    assert not comparison.needs_a_look


def test_tax_is_part_of_both_sides() -> None:
    comparison = compared([billed("119", tax="19")], [invoice("119.00", before_tax="100.00")])
    assert comparison.reason is None


@pytest.mark.parametrize(("report", "tax_in_report"), [("100", "0"), ("119.37", "19.37")])
def test_what_differs_by_tax_alone_says_so(report: str, tax_in_report: str) -> None:
    comparison = compared([billed(report, tax=tax_in_report)], [invoice("119.00", before_tax="100.00")])
    assert comparison.reason is Reason.TAX
    assert comparison.difference == Decimal("119.00") - Decimal(report)
    assert comparison.needs_a_look


def test_before_tax_must_be_equal_too_for_tax_to_explain_it() -> None:
    comparison = compared([billed("100", tax="0")], [invoice("119.00", before_tax="101.00")])
    assert comparison.reason is Reason.UNEXPLAINED


@pytest.mark.parametrize(
    ("off", "lines", "reason"),
    [
        ("0.01", 2, Reason.ROUNDING),
        ("0.02", 2, Reason.UNEXPLAINED),
        ("0.25", 50, Reason.ROUNDING),
        ("-0.25", 50, Reason.ROUNDING),
        ("0.26", 50, Reason.UNEXPLAINED),
        ("1.00", 1, Reason.UNEXPLAINED),
    ],
)
def test_rounding_explains_half_a_cent_for_each_line_of_an_invoice(off: str, lines: int, reason: Reason) -> None:
    theirs = invoice(str(Decimal("100") + Decimal(off)))
    comparison = compared([billed("100", lines=lines)], [theirs])
    assert comparison.reason is reason
    assert comparison.needs_a_look is (reason is Reason.UNEXPLAINED)


def test_two_wrong_invoices_do_not_make_a_right_month() -> None:
    ours = [billed("100"), billed("50", "B2")]
    comparison = compared(ours, [invoice("90.00"), invoice("60.00", "B2")])
    assert comparison.theirs == comparison.ours
    assert comparison.reason is Reason.UNEXPLAINED


def test_a_month_without_invoices_that_the_report_does_not_name_either_is_not_final() -> None:
    comparison = compared([billed("100", "")], [])
    assert comparison.reason is Reason.NOT_FINAL
    assert (comparison.theirs, comparison.ours) == (Decimal(0), Decimal(100))
    assert not comparison.needs_a_look


def test_invoices_that_the_report_names_and_aws_does_not_list_are_told() -> None:
    comparison = compared([billed("100")], [])
    assert comparison.reason is Reason.NOT_LISTED
    assert comparison.needs_a_look


def test_an_invoice_that_is_out_before_the_report_names_it_agrees_or_waits() -> None:
    assert compared([billed("100", "")], [invoice("100.00")]).reason is None
    waits = compared([billed("100", "")], [invoice("90.00")])
    assert waits.reason is Reason.NOT_FINAL
    assert waits.difference == Decimal("-10.00")


def test_rows_without_an_invoice_that_cost_nothing_keep_no_month_open() -> None:
    comparison = compared([billed("0.0001", ""), billed("100")], [invoice("100.00")])
    assert comparison.reason is None


def test_zero_is_equal_to_zero_with_an_invoice_or_without() -> None:
    assert compared([billed("0")], [invoice("0.00")]).reason is None
    assert compared([billed("0.001")], []).reason is None
    assert compared([billed("0", "")], []).reason is None
    assert compare_invoices(PAYER, [], []) == ()


def test_another_currency_cannot_be_compared_and_says_what_it_is() -> None:
    comparison = compared([billed("100")], [invoice("92.50", currency="EUR")])
    assert comparison.reason is Reason.OTHER_CURRENCY
    assert (comparison.currency, comparison.theirs) == ("USD", Decimal(0))
    assert comparison.parts[0].note == "92.50 EUR"
    assert not comparison.needs_a_look


def test_of_an_invoice_in_two_currencies_the_reports_counts() -> None:
    both = invoice("92.50", currency="EUR")
    both = replace(both, amounts=(*both.amounts, Amount("USD", Decimal("100.00"))))
    assert compared([billed("100")], [both]).reason is None


def test_currencies_are_never_summed() -> None:
    ours = [billed("100"), billed("5000", "I1", "INR")]
    dollars, rupees = sorted(
        compare_invoices(PAYER, ours, [invoice("100.00"), invoice("4000.00", "I1", currency="INR")]),
        key=lambda comparison: comparison.currency == "INR",
    )
    assert (dollars.currency, dollars.reason) == ("USD", None)
    assert (rupees.theirs, rupees.ours, rupees.reason) == (Decimal("4000.00"), Decimal(5000), Reason.UNEXPLAINED)


def test_invoices_that_no_row_names_are_told_by_what_they_are() -> None:
    ours = [billed("100")]
    extra = [
        (invoice("30.00", "M1", marketplace=True), Reason.MARKETPLACE),
        (invoice("30.00", "C1", kind="CREDIT_MEMO"), Reason.CREDIT_MEMO),
        (invoice("30.00", "X1"), Reason.NOT_IN_REPORT),
    ]
    for more, reason in extra:
        comparison = compared(ours, [invoice("100.00"), more])
        assert comparison.reason is reason
        assert reasons(comparison) == {"A1": None, more.id: reason}
        assert comparison.needs_a_look


@pytest.mark.parametrize("printed", ["30.00", "-30.00"])
def test_a_credit_memo_takes_money_away_whatever_its_sign(printed: str) -> None:
    memo = invoice(printed, "C1", kind="CREDIT_MEMO")
    assert compared([billed("100"), billed("-30", "C1")], [invoice("100.00"), memo]).reason is None
    assert compared([billed("100")], [invoice("100.00"), memo]).theirs == Decimal("70.00")


@pytest.mark.parametrize(
    "other",
    [
        invoice("55.00", "P1", kind="PAYMENT_RECEIPT"),
        invoice("55.00", "S1", role="SELLER"),
        invoice("55.00", "T1", commercial_id="A1"),
        invoice("55.00", "O1", account_id="999999999999"),
        invoice("55.00", "O2", bill_sources=("999999999999",)),
        replace(invoice("55.00", "E1"), amounts=()),
    ],
    ids=lambda other: other.id,
)
def test_what_is_no_bill_of_this_account_is_left_out(other: Invoice) -> None:
    comparison = compared([billed("100")], [invoice("100.00"), other])
    assert comparison.reason is None
    assert set(reasons(comparison)) == {"A1"}


def test_an_invoice_to_another_account_about_this_ones_bill_counts() -> None:
    theirs = invoice("100.00", account_id="999999999999", bill_sources=(PAYER,))
    assert compared([billed("100")], [theirs]).reason is None


def test_the_gravest_reason_is_the_months() -> None:
    ours = [billed("100"), billed("10", ""), billed("50", "B2", lines=9)]
    comparison = compared(ours, [invoice("107.00"), invoice("50.02", "B2")])
    assert set(reasons(comparison).values()) == {Reason.UNEXPLAINED, Reason.NOT_FINAL, Reason.ROUNDING}
    assert comparison.reason is Reason.UNEXPLAINED
