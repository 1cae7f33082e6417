"""Exact arithmetic on whole columns of amounts, decimal128(30, 18), as pairs of 64-bit integers.

Only what Arrow does too slowly: division and grouped sums. Floats appear as estimates alone; every result is proved by
its remainder in integers, and amounts for which that cannot be done are left to the caller (`quotients`).

Integers wrap around at 64 bits, as numpy's do. So a remainder `a - q * b` is right whatever the size of the products,
if only the remainder itself fits.
"""

from __future__ import annotations

import sys
from decimal import Context, Decimal, Inexact

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from staxpipe.focus.columns import MONEY, SCALE

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

EXACT = Context(prec=80, traps=[Inexact])
"""Arithmetic on single decimals that never rounds (Python's own does, to 28 digits)."""

_SHORT_SCALE = 10  # decimals that AWS writes
_SURPLUS = 10 ** (SCALE - _SHORT_SCALE)
_TIE = 10**13  # what divides 31 decimals from 18
_LARGEST = 2**61  # so that thrice a divisor fits 64 bits
_LARGEST_QUOTIENT = 2.0**50
_BLOCK = 2**14  # rows at once: what is needed on the way stays in the processor's cache
_LOW_WORDS = (0, 1) if sys.byteorder == "little" else (1, 0)


def sums_of(amounts: pa.Array, groups: npt.NDArray[np.integer], number: int) -> list[Decimal]:
    """The exact sum of each of `number` groups, with 18 decimals; nulls count nothing.

    Args:
        amounts: decimal128(30, 18).
        groups: the group of each amount, from 0.
        number: how many groups there are.
    """
    limbs = limbs_of(amounts)
    if amounts.null_count:
        limbs = limbs.copy()
        limbs[~valid_rows(amounts)] = 0
    # Most rows are of one group: what the others have, taken from what all have, is its sum.
    most = int(np.bincount(groups, minlength=1).argmax())
    others = np.flatnonzero(groups != most)
    found = _sums(limbs[others], groups[others], max(number, 1))
    found[most] = _sum(limbs) - sum(found)
    return [Decimal(value).scaleb(-SCALE, EXACT) for value in found[:number]]


def _sums(limbs: Integers, groups: npt.NDArray[np.integer], number: int) -> list[int]:
    found = [0] * number
    for start in range(0, len(limbs), _BLOCK):
        block = slice(start, start + _BLOCK)
        low, high = limbs[block].T
        # In floats, and exact: so many integers of 37 bits add up to less than 2**53.
        parts = [np.bincount(groups[block], part, number) for part in (high, low >> 32 & 0xFFFFFFFF, low & 0xFFFFFFFF)]
        for group, (first, second, third) in enumerate(zip(*parts, strict=True)):
            found[group] += (int(first) << 64) + (int(second) << 32) + int(third)
    return found


def _sum(limbs: Integers) -> int:
    words = limbs.view(np.uint32)
    high, low = int(limbs[:, 1].sum()), [int(words[:, place].sum(dtype=np.uint64)) for place in _LOW_WORDS]
    return (high << 64) + (low[1] << 32) + low[0]


def quotients(left: pa.Array, right: pa.Array) -> tuple[pa.Array, Mask]:
    """left / right rounded half-even to 18 decimals, null where either is null or right is 0, and where it is known.

    What is rounded is the quotient cut to 31 decimals, which is what Arrow's decimal256 gives: 0.5 and a trace below
    1E-31 is a tie. Rows that the mask leaves out (very large or very long amounts) hold nothing of use.
    """
    dividends, divisors = limbs_of(left), limbs_of(right)
    result = np.empty((len(left), 2), np.int64)
    known = np.empty(len(left), np.bool_)
    for start in range(0, len(left), _BLOCK):
        block = slice(start, start + _BLOCK)
        result[block], known[block] = _quotients(dividends[block], divisors[block])
    valid = valid_rows(left) & valid_rows(right) & divisors.any(axis=1)
    return amounts_of(result, valid), known | ~valid


def amounts_of(limbs: Integers, valid: Mask) -> pa.Array:
    """Amounts from their low and high 64 bits, one pair a row."""
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(MONEY, len(limbs), [bits, pa.py_buffer(np.ascontiguousarray(limbs))])


def limbs_of(amounts: pa.Array) -> Integers:
    """The low and the high 64 bits of each amount; of nulls anything, for Arrow leaves open what lies under them."""
    data = amounts.buffers()[1]
    if data is None or not len(amounts):
        return np.zeros((len(amounts), 2), np.int64)
    limbs = np.frombuffer(data, np.int64, 2 * len(amounts), 16 * amounts.offset)
    return limbs.reshape(-1, 2)


def valid_rows(array: pa.Array) -> Mask:
    """Which elements of an array are there."""
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return mask


def _quotients(left: Integers, right: Integers) -> tuple[Integers, Mask]:
    (low_left, high_left), (low_right, high_right) = left.T.copy(), right.T.copy()
    short_left, is_short_left = _shortened(low_left, high_left)
    short_right, is_short_right = _shortened(low_right, high_right)
    short = is_short_left & is_short_right
    if short.all():
        return _divided(short_left, short_right, (9, 9))
    # Amounts of more than ten decimals are taken as they are where they are small; more digits make up for it.
    whole_left, whole_right = _is_small(low_left, high_left), _is_small(low_right, high_right)
    result = np.zeros(left.shape, np.int64)
    known = np.zeros(len(left), np.bool_)
    for rows, dividend, divisor, steps in (
        (short, short_left, short_right, (9, 9)),
        (whole_left & whole_right & ~short, low_left, low_right, (9, 9)),
        (whole_left & ~is_short_left & is_short_right & ~whole_right, low_left, short_right, (1, 9)),
        (is_short_left & ~whole_left & ~is_short_right & whole_right, short_left, low_right, (8, 9, 9)),
    ):
        at = np.flatnonzero(rows)
        if len(at):
            result[at], known[at] = _divided(dividend[at], divisor[at], steps)
    return result, known


def _is_small(low: Integers, high: Integers) -> Mask:
    """Amounts (below 2.3) whose 18 decimals fit one integer."""
    small: Mask = (high == low >> 63) & (low < _LARGEST) & (low > -_LARGEST)
    return small


def _shortened(low: Integers, high: Integers) -> tuple[Integers, Mask]:
    """The amounts as integers of 10 decimals, and where they are such (below 230 million, no further decimals)."""
    about = high * 2.0**64 + low.view(np.uint64)
    about /= _SURPLUS
    fits = np.abs(about) < _LARGEST
    if not fits.all():
        about[~fits] = 0
    short = about.astype(np.int64)
    # The estimate is a few hundred off at worst, so what it leaves is known exactly, and so is its own quotient.
    rest = low - short * _SURPLUS
    more = rest // _SURPLUS
    short += more
    rest -= more * _SURPLUS
    return short, fits & (rest == 0)


def _divided(dividend: Integers, divisor: Integers, steps: tuple[int, ...]) -> tuple[Integers, Mask]:
    """dividend * 10**sum(steps) / divisor as pairs of 64 bits, and where it is not too large to be known.

    Long division, some digits a step; both amounts are below 2**61. A step's digits are a float's estimate that is off
    by less than one, so what it leaves is less than a divisor, and exact.
    """
    negative = (dividend < 0) != (divisor < 0)
    rest = np.abs(dividend)
    below = np.abs(divisor)
    below[below == 0] = 1
    inverse = 1.0 / below
    known = rest * inverse * 10.0 ** (sum(steps) - steps[-1]) < _LARGEST_QUOTIENT
    if not known.all():
        rest[~known] = 0
    quotient = before = np.zeros(len(rest), np.int64)
    power = 1
    for digits in steps:
        before, power = quotient, 10**digits
        quotient = np.rint(rest * inverse * power).astype(np.int64)
        rest = rest * power - quotient * below
        quotient += before * power
    # Cut instead of nearest, so that what is left is not negative.
    less = rest < 0
    quotient -= less
    rest[less] += below[less]
    # A tie is what cannot be told from one at 31 decimals: over / (2 * below) < 1E-13.
    over = 2 * rest - below
    tie = np.minimum(over, 500_000) * _TIE < 2 * below
    quotient += (over >= 0) & (~tie | (quotient & 1 == 1))
    # The last step was added modulo 2**64. The estimate is right to 2**31 or so, and the high bits begin at 2**64.
    high = np.rint((before * float(power) - quotient.view(np.uint64)) * 2.0**-64).astype(np.int64)
    limbs = np.empty((len(rest), 2), np.int64)
    limbs[:, 0] = np.where(negative, -quotient, quotient)
    limbs[:, 1] = np.where(negative, ~high + (quotient == 0), high)
    return limbs, known
