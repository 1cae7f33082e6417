"""Text to exact decimals, once per distinct value, and exact sums of them.

Arrow's own cast reads everything that AWS writes (exponents too) and refuses what does not fit; only the
refused values go through Python's decimal module. Nothing passes through a float.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Mask, Rows
from staxpipe.focus.columns import MONEY, SCALE
from staxpipe.focus.exact import EXACT, quotients

INTEGER_DIGITS = 12

_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)
_QUANTUM = Decimal(1).scaleb(-SCALE)
_LIMIT = Decimal(10) ** INTEGER_DIGITS

# Digits are ASCII only: int(), Decimal() and \d also take the digits of other scripts, and underscores.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_PLAIN = r"^[+-]?([0-9]{1,12}(\.[0-9]{0,18})?|\.[0-9]{1,18})$"

MEANS_MISSING = frozenset({"None", "none", "null", "NULL", "nan", "NaN", "NA", "N/A", "n/a", "-"})
"""Words that some writers put into numeric columns for "no value"; koku-nise writes `None`."""


@dataclass(frozen=True)
class BadNumber:
    """A text that is no amount, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class Numbers:
    """A parsed column: `values` per code (null: missing or bad), `bad` by code, `rounded` codes."""

    source: Coded
    values: pa.Array
    bad: dict[int, BadNumber]
    rounded: frozenset[int]

    def array(self, rows: Rows | None = None) -> pa.Array:
        """decimal128(30, 18) of all rows, or of the rows at these positions."""
        codes = self.source.codes if rows is None else self.source.codes[rows]
        absent = codes < 0
        return self.values.take(pa.array(codes, mask=absent) if absent.any() else pa.array(codes))

    def flagged(self, codes: dict[int, BadNumber] | frozenset[int]) -> Mask:
        """Rows whose code is one of these."""
        if not codes:
            return np.zeros(len(self.source), np.bool_)
        return np.isin(self.source.codes, np.fromiter(codes, np.int32))


def parse_numbers(column: Coded) -> Numbers:
    """Parse every distinct value of a column."""
    try:
        return Numbers(column, pc.cast(column.values, MONEY), {}, frozenset())
    except pa.ArrowInvalid:
        pass  # some value is too long, too large or no number: find out which
    plain = pc.match_substring_regex(column.values, _PLAIN).to_numpy(zero_copy_only=False)
    strange = np.flatnonzero(~plain)
    bad: dict[int, BadNumber] = {}
    rounded: set[int] = set()
    parsed: list[Decimal | None] = []
    for code, text in zip(strange.tolist(), column.values.take(pa.array(strange)).to_pylist(), strict=True):
        number = parse_number(text)
        if isinstance(number, BadNumber):
            bad[code] = number
            parsed.append(None)
        elif number is None:
            parsed.append(None)
        else:
            value, exact = number
            if not exact:
                rounded.add(code)
            parsed.append(value)
    easy = pc.cast(column.values.filter(pa.array(plain)), MONEY)
    both = pa.concat_arrays([easy, pa.array(parsed, MONEY)])
    order = np.empty(len(column.values), np.int64)
    order[np.flatnonzero(plain)] = np.arange(len(easy))
    order[strange] = len(easy) + np.arange(len(strange))
    return Numbers(column, both.take(pa.array(order)), bad, frozenset(rounded))


def parse_number(text: str) -> tuple[Decimal, bool] | BadNumber | None:
    """Parse one text: (the amount, whether it is exact), None for missing, or why it is no amount."""
    if text in MEANS_MISSING:
        return None
    if not _NUMBER.fullmatch(text):
        return BadNumber(text, "is not a number")
    value = Decimal(text)
    if value and value.adjusted() >= INTEGER_DIGITS:
        return BadNumber(text, f"has more than {INTEGER_DIGITS} digits before the decimal point")
    if value.adjusted() < -80:  # far below any amount; also keeps the precision below bounded
        return Decimal(0).quantize(_QUANTUM), not value
    # Wide enough for every digit that the text has, so that only the quantum rounds.
    context = Context(prec=len(value.as_tuple().digits) + 60, rounding=ROUND_HALF_EVEN)
    nearest = value.quantize(_QUANTUM, context=context)
    if abs(nearest) >= _LIMIT:
        return BadNumber(text, f"has more than {INTEGER_DIGITS} digits before the decimal point")
    return nearest, nearest == value


def plain_text(text: str) -> str | None:
    """One spelling of a number, None for 0 and for missing; any other text as it is.

    `-0.0500000000` in CSV and `-0.05` in Parquet are one discount.
    """
    number = parse_number(text)
    if number is None:
        return None
    if isinstance(number, BadNumber):
        return text
    value, _ = number
    return f"{value.normalize(_ROUNDING):f}" if value else None


def exact_add(left: Decimal, right: Decimal) -> Decimal:
    """Add without rounding (Decimal's own + rounds to 28 digits); raises Inexact beyond 80 digits."""
    return EXACT.add(left, right)


def exact_sum(amounts: Iterable[Decimal | None]) -> Decimal:
    """Sum without rounding; None counts nothing."""
    return reduce(exact_add, (amount for amount in amounts if amount is not None), Decimal(0))


def exact_subtract(left: Decimal, right: Decimal) -> Decimal:
    """Subtract without rounding."""
    return EXACT.subtract(left, right)


def widened(array: pa.Array) -> pa.Array:
    """The same amounts with room for sums of a batch: decimal128(38, 18)."""
    return pc.cast(array, pa.decimal128(38, SCALE))


def total(array: pa.Array) -> Decimal:
    """The exact sum, nulls left out."""
    if len(array) == 0:
        return Decimal(0)
    value = pc.sum(widened(array)).as_py()
    return Decimal(0) if value is None else value


def narrowed(array: pa.Array) -> pa.Array:
    """Round half-even to 18 decimals; null where the amount does not fit twelve integer digits."""
    limit = pa.scalar(_LIMIT, array.type)
    fits = pc.and_(pc.less(array, limit), pc.greater(array, pc.negate(limit)))
    return pc.cast(pc.round(pc.if_else(fits, array, None), SCALE, round_mode="half_to_even"), MONEY, safe=False)


def product(left: pa.Array, right: pa.Array) -> pa.Array:
    """left x right, exact to 18 decimals."""
    return narrowed(pc.multiply(pc.cast(left, pa.decimal256(30, SCALE)), pc.cast(right, pa.decimal256(30, SCALE))))


def quotient(left: pa.Array, right: pa.Array) -> pa.Array:
    """left / right to 18 decimals; null where right is zero."""
    result, known = quotients(left, right)
    if known.all():
        return result
    unknown = pa.array(~known)
    return pc.replace_with_mask(result, unknown, wide_quotient(left.filter(unknown), right.filter(unknown)))


def wide_quotient(left: pa.Array, right: pa.Array) -> pa.Array:
    """The same for amounts of any size, slowly."""
    divisor = pc.if_else(pc.equal(right, zero()), None, right)
    return narrowed(pc.divide(pc.cast(left, pa.decimal256(30, SCALE)), pc.cast(divisor, pa.decimal256(30, SCALE))))


def zero() -> pa.Scalar:
    """Nothing, as an amount."""
    return pa.scalar(Decimal(0), MONEY)


def nonzero(amount: pa.Array) -> pa.Array:
    """The same amounts, null where 0: for columns in which AWS's Parquet writes 0.0 for "no value"."""
    return pc.if_else(pc.equal(amount, zero()), pa.scalar(None, MONEY), amount)


def plus(left: pa.Array, right: pa.Array) -> pa.Array:
    """left + right; null where it does not fit."""
    return narrowed(pc.add(left, right))


def minus(left: pa.Array, right: pa.Array) -> pa.Array:
    """left - right; null where it does not fit."""
    return narrowed(pc.subtract(left, right))
