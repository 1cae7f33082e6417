from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe.comparison.billed import Billed
from staxpipe.comparison.costs import Costs, compare_costs
from staxpipe.comparison.verdicts import Comparison, Reason, finding

OURS = [
    Billed("A1", "USD", "AWS", Decimal("90.001"), tax=Decimal(15)),
    Billed("B2", "USD", "AWS", Decimal("10"), credit=Decimal("-5")),
]


def costs(usage: str, tax: str = "15", credit: str = "-5", *, estimated: bool = False) -> Costs:
    types = {"Usage": Decimal(usage), "Tax": Decimal(tax), "Credit": Decimal(credit)}
    return Costs({"USD": {"NetUnblendedCost": types}}, estimated)


def compared(theirs: Costs, ours: list[Billed] = OURS) -> Comparison:
    [comparison] = compare_costs(ours, theirs)
    return comparison


def test_equal_to_the_cent() -> None:
    comparison = compared(costs("90"))
    assert comparison.reason is None
    assert (comparison.theirs, comparison.ours) == (Decimal(100), Decimal("100.001"))


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (costs("90", tax="18"), Reason.TAX),
        (costs("90", credit="-25"), Reason.CREDITS),
        (costs("93"), Reason.UNEXPLAINED),
        (costs("93", tax="18"), Reason.UNEXPLAINED),
        (costs("93", estimated=True), Reason.NOT_FINAL),
    ],
)
def test_a_difference_has_the_reason_of_the_charges_that_differ(theirs: Costs, reason: Reason) -> None:
    assert compared(theirs).reason is reason


def test_what_nothing_explains_names_the_usual_suspect() -> None:
    said = finding(compared(costs("93")), "111122223333", "2026-09").message
    assert "refreshes closed months" in said
    assert "103.00 USD" in said


def test_the_metric_that_the_report_is_made_of_is_the_one_compared() -> None:
    gross, net = {"Usage": Decimal("100.00")}, {"Usage": Decimal("88.00")}
    theirs = Costs({"USD": {"UnblendedCost": gross, "NetUnblendedCost": net}})
    for total in (Decimal(100), Decimal(88)):
        assert compared(theirs, [Billed("A1", "USD", "AWS", total)]).reason is None
    assert compared(theirs, [Billed("A1", "USD", "AWS", Decimal(94))]).reason is Reason.UNEXPLAINED


def test_another_currency_is_no_difference_of_amounts() -> None:
    ours = [Billed("A1", "INR", "AWS", Decimal(8000))]
    rupees, dollars = compare_costs(ours, costs("90"))
    assert (rupees.currency, rupees.reason) == ("INR", Reason.OTHER_CURRENCY)
    assert (dollars.currency, dollars.ours, dollars.theirs) == ("USD", Decimal(0), Decimal(100))


def test_nothing_on_their_side_is_told_and_nothing_on_both_is_equal() -> None:
    assert compared(Costs({})).reason is Reason.UNEXPLAINED
    assert compared(Costs({}, estimated=True)).reason is Reason.NOT_FINAL
    assert compared(Costs({}), [Billed("", "USD", "AWS", Decimal(0))]).reason is None
    assert compare_costs([], Costs({})) == ()
