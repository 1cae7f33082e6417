from __future__ import annotations

from decimal import Context, Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from staxpipe.focus.columns import MONEY
from staxpipe.focus.exact import amounts_of, limbs_of, quotients, sums_of, valid_rows
from staxpipe.focus.numbers import quotient, wide_quotient

_EXACT = Context(prec=120)


def _decimal(value: int, scale: int) -> Decimal:
    return Decimal(value).scaleb(scale - 18, _EXACT)


AMOUNTS = st.one_of(
    st.none(),
    st.just(Decimal(0)),
    st.integers(-(10**30) + 1, 10**30 - 1).map(lambda value: _decimal(value, 0)),
    st.integers(-(2**63), 2**63).map(lambda value: _decimal(value, 0)),
    st.integers(-(2**62), 2**62).map(lambda value: _decimal(value, 8)),
    st.integers(-(10**6), 10**6).map(lambda value: _decimal(value, 12)),
    st.integers(-18, 11).map(lambda power: Decimal(1).scaleb(power)),
)

LIMBS = st.sampled_from([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]) | st.integers(-(2**63), 2**63 - 1)
GARBAGE = st.lists(st.tuples(LIMBS, LIMBS), min_size=1, max_size=3)
"""What may lie under nulls, over and over."""


def amounts(values: list[Decimal | None], garbage: list[tuple[int, int]] | None = None) -> pa.Array:
    clean = pa.array(values, MONEY)
    if not garbage or not values:
        return clean
    valid = valid_rows(clean)
    under = np.resize(np.array(garbage, np.int64), (len(values), 2))
    return amounts_of(np.where(valid[:, None], limbs_of(clean), under), valid)


def divided(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """By Python's integers: cut at 31 decimals, then rounded half-even to 18; null where it does not fit."""
    if left is None or right is None or right == 0:
        return None
    above, below = (int(value.scaleb(18, _EXACT)) for value in (left, right))
    cut = abs(above) * 10**31 // abs(below)
    if cut >= 10 ** (12 + 31):
        return None
    whole, rest = divmod(cut, 10**13)
    if rest > 5 * 10**12 or (rest == 5 * 10**12 and whole % 2):
        whole += 1
    return Decimal(whole if (above < 0) == (below < 0) else -whole).scaleb(-18, _EXACT)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=20), GARBAGE)
@example([(Decimal("0.1"), Decimal("0.3")), (Decimal("-7.25"), Decimal("730"))], [])
@example([(Decimal("0.012345678901234567"), Decimal("730")), (Decimal("730.1"), Decimal("0.012345678901234567"))], [])
@example([(Decimal("0.000000000000000001"), Decimal(2)), (Decimal("0.000000000000000003"), Decimal(-2))], [])  # ties
@example([(Decimal("0.057646075230342349"), Decimal("115292150.4606846975"))], [])  # a trace above a tie
@example([(Decimal("-9.223372036854775808"), Decimal(1))], [])  # the smallest 64-bit integer
@example([(Decimal("999999999999"), Decimal("0.000000000000000001"))], [])  # too large
@example([(Decimal(1), None), (None, Decimal(1)), (None, None)], [(0, 0), (-(2**63), -(2**63)), (-1, 2**63 - 1)])
def test_a_quotient_is_what_decimals_say(
    pairs: list[tuple[Decimal | None, Decimal | None]], garbage: list[tuple[int, int]]
) -> None:
    left, right = (amounts(list(side), garbage) for side in zip(*pairs, strict=True))
    expected = [divided(one, other) for one, other in pairs]
    assert quotient(left, right).to_pylist() == expected
    assert wide_quotient(left, right).to_pylist() == expected


def test_what_aws_writes_needs_no_wide_arithmetic() -> None:
    costs = amounts([Decimal(number) / 10**10 for number in range(-50_000, 50_000)])
    hours = amounts([Decimal(number % 977) for number in range(100_000)])
    found, known = quotients(costs, hours)
    assert known.all()
    assert found.equals(wide_quotient(costs, hours))


@given(st.lists(st.tuples(AMOUNTS, st.integers(0, 2)), max_size=20), GARBAGE)
@example([(Decimal(1), 0), (Decimal(2), 0), (None, 0), (Decimal(3), 1)], [(5, 2**53 + 1)])
def test_sums_are_exact(pairs: list[tuple[Decimal | None, int]], garbage: list[tuple[int, int]]) -> None:
    values, groups = [value for value, _ in pairs], [group for _, group in pairs]
    found = sums_of(amounts(values, garbage), np.array(groups, np.int32), 3)
    assert found == [sum_of([value for value, of in pairs if of == group]) for group in range(3)]


def test_sums_of_the_largest_amounts_are_exact() -> None:
    largest = Decimal("999999999999.999999999999999999")
    many = amounts([largest, largest.copy_negate(), largest] * 20_000)
    assert sums_of(many, np.zeros(60_000, np.int32), 1) == [_EXACT.multiply(largest, Decimal(20_000))]


def sum_of(values: list[Decimal | None]) -> Decimal:
    return reduce(_EXACT.add, (value for value in values if value is not None), Decimal(0))
