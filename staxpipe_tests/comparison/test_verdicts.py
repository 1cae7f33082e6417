from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe.comparison.verdicts import Against, Part, Reason, codes, concluded, equal, finding, words
from staxpipe.model import Severity

WHERE = ("111122223333", "2026-09")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("1.00", "1.0049", True), ("1.00", "1.005", False), ("-1.00", "-0.9951", True), ("0", "0.005", False)],
)
def test_equal_is_to_the_cent(left: str, right: str, same: bool) -> None:
    assert equal(Decimal(left), Decimal(right)) is same


def test_halves_of_a_cent_that_pile_up_are_rounding() -> None:
    parts = [Part(str(n), Decimal("1.00"), Decimal("1.004")) for n in range(5)]
    assert concluded(Against.INVOICES, "USD", parts).reason is Reason.ROUNDING


@pytest.mark.parametrize("against", list(Against))
def test_agreement_is_information(against: Against) -> None:
    said = finding(concluded(against, "USD", [Part("A1", Decimal("1234.5"), Decimal("1234.5"))]), *WHERE)
    assert said.severity is Severity.INFO
    assert said.code in codes(against)
    assert "agree, 1,234.50 USD" in said.message


@pytest.mark.parametrize("reason", list(Reason))
def test_a_difference_asks_to_look_unless_it_passes_by_itself(reason: Reason) -> None:
    said = finding(concluded(Against.INVOICES, "USD", [Part("A1", Decimal(105), Decimal(100), reason)]), *WHERE)
    passing = {Reason.NOT_FINAL, Reason.ROUNDING, Reason.OTHER_CURRENCY}
    assert said.severity is (Severity.INFO if reason in passing else Severity.WARNING)
    assert said.code == "invoice-differs"
    assert said.code in codes(Against.INVOICES)
    assert "2026-09 of account 111122223333" in said.message
    assert "105.00 USD" in said.message
    assert "difference of 5.00 USD" in said.message
    assert words(reason) in said.message
    assert said.examples == ("A1: 105.00, 100.00 in the report",)


def test_the_largest_parts_are_the_examples() -> None:
    parts = [Part(f"A{n}", Decimal(n), None, Reason.NOT_IN_REPORT) for n in range(1, 8)]
    said = finding(concluded(Against.INVOICES, "USD", [*parts, Part("same", Decimal(1), Decimal(1))]), *WHERE)
    assert said.count == 7
    assert [example.split(":")[0] for example in said.examples] == ["A7", "A6", "A5", "A4", "A3"]
