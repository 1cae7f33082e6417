from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.coded import from_arrow
from staxpipe.focus.columns import MONEY
from staxpipe.focus.numbers import (
    BadNumber,
    Numbers,
    exact_add,
    parse_number,
    parse_numbers,
    plus,
    product,
    total,
)

WIDE = Context(prec=400)


def parsed(*texts: str | None) -> Numbers:
    return parse_numbers(from_arrow(pa.array(texts, pa.string()).dictionary_encode()))


def amounts(*texts: str) -> pa.Array:
    return pa.array([Decimal(text) for text in texts], MONEY)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0", "0"),
        ("1.81E-8", "0.0000000181"),
        ("1e-07", "0.0000001"),
        ("-12.5", "-12.5"),
        ("+3", "3"),
        (".5", "0.5"),
        ("7.", "7"),
        ("1E+3", "1000"),
        ("999999999999.999999999999999999", "999999999999.999999999999999999"),
        ("000000000000000000000012", "12"),
        ("0e99999", "0"),
        ("1e-99999", "0"),
    ],
)
def test_every_spelling_of_a_number_is_read(text: str, value: str) -> None:
    # Beside a value that Arrow's cast refuses, so that both ways of parsing are taken.
    assert parsed(text).array().to_pylist() == [Decimal(value)]
    assert parsed(text, "oops").array().to_pylist() == [Decimal(value), None]


@pytest.mark.parametrize(
    "text", ["No Upfront", "1,5", "0x10", "1_000", "١٢", "Infinity", "--1", "1e", "$3", "1 2", "1e999999"]
)
def test_what_is_no_number_is_bad_and_not_zero(text: str) -> None:
    numbers = parsed("1", text)
    assert numbers.array().to_pylist() == [Decimal(1), None]
    assert numbers.bad == {1: BadNumber(text, "is not a number")}


@pytest.mark.parametrize(
    "text", ["1000000000000", "-1234567890123.5", "1e12", "9e99999", "999999999999.9999999999999999999"]
)
def test_thirteen_integer_digits_are_refused(text: str) -> None:
    assert parsed(text).bad[0].reason == "has more than 12 digits before the decimal point"


@pytest.mark.parametrize("text", ["None", "nan", "N/A", "-"])
def test_words_for_nothing_are_missing_and_not_bad(text: str) -> None:
    numbers = parsed(text, "1")
    assert numbers.array().to_pylist() == [None, Decimal(1)]
    assert numbers.bad == {}


def test_rounding_is_half_even_beyond_eighteen_decimals_and_is_told() -> None:
    numbers = parsed("0.0000000000000000005", "0.0000000000000000015", "0.5")
    assert numbers.array().to_pylist() == [Decimal(0), Decimal("0.000000000000000002"), Decimal("0.5")]
    assert numbers.flagged(numbers.rounded).tolist() == [True, True, False]


def test_null_and_empty_text_are_missing() -> None:
    assert parsed(None, "", "2").array().to_pylist() == [None, None, Decimal(2)]


@settings(deadline=None)
@given(st.lists(st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False)))
def test_parsing_equals_python_s_decimal(values: list[Decimal]) -> None:
    expected = [value.quantize(Decimal("1E-18"), ROUND_HALF_EVEN, WIDE) for value in values]
    assert parsed(*(str(value) for value in values)).array().to_pylist() == expected


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e11, max_value=1e11))
def test_the_text_of_a_double_is_read_exactly(value: float) -> None:
    assert parsed(repr(value)).array().to_pylist() == [
        Decimal(repr(value)).quantize(Decimal("1E-18"), ROUND_HALF_EVEN, WIDE)
    ]


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_at_all_is_a_number_missing_or_bad(text: str) -> None:
    outcome = parse_number(text)
    if isinstance(outcome, tuple):
        assert abs(outcome[0]) < 10**12


@settings(deadline=None)
@given(st.lists(st.decimals(min_value=-(10**11), max_value=10**11, places=18), max_size=50))
def test_sums_are_exact(values: list[Decimal]) -> None:
    exact = Decimal(0)
    for value in values:
        exact = WIDE.add(exact, value)
    assert total(pa.array(values, MONEY)) == exact


def test_adding_keeps_digits_that_python_s_plus_would_round_away() -> None:
    large, small = Decimal("123456789012.5"), Decimal("0.000000000000000001")
    assert exact_add(large, small) == Decimal("123456789012.500000000000000001")
    assert large + small != exact_add(large, small)


@settings(deadline=None)
@given(
    st.decimals(min_value=-(10**5), max_value=10**5, places=10),
    st.decimals(min_value=-(10**5), max_value=10**5, places=10),
)
def test_products_are_right_to_eighteen_decimals(left: Decimal, right: Decimal) -> None:
    step = Decimal("1E-18")
    a, b = pa.array([left], MONEY), pa.array([right], MONEY)
    assert product(a, b).to_pylist() == [WIDE.multiply(left, right).quantize(step, ROUND_HALF_EVEN, WIDE)]


def test_what_does_not_fit_is_null() -> None:
    assert product(amounts("999999999999"), amounts("2")).to_pylist() == [None]
    assert plus(amounts("999999999999"), amounts("999999999999")).to_pylist() == [None]
