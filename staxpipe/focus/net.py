"""What a row costs after discounts: its net unblended cost, or its unblended cost.

AWS delivers net columns where an account has a discount in the period, and a net column is the cost after all
discounts (Cost and Usage Report guide, "Line item details"). So discounts are never subtracted here: a net cost has
them in it, and without a net column they stand in rows of their own (EdpDiscount and the like), or only as
information in the discount columns.

A missing value cannot be told from 0: AWS's Parquet has no nulls, so 0.0 may be either, and an empty CSV field must
give the same row. What decides is the rest of the row (`_said_zero`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Mask, Rows
from staxpipe.focus.columns import MONEY
from staxpipe.focus.line_item_types import Kind
from staxpipe.focus.lines import Kinds
from staxpipe.focus.numbers import Numbers, narrowed, nonzero, parse_numbers, quotient, zero
from staxpipe.focus.source_columns import DISCOUNT_PREFIX

GROSS = "line_item_unblended_cost"
NET = "line_item_net_unblended_cost"
NET_RATE = "line_item_net_unblended_rate"
NET_COLUMNS = frozenset({NET, NET_RATE})
TOTAL_DISCOUNT = "discount_total_discount"

_WHOLE = (Decimal("-1.0001"), Decimal("-0.9999"))
"""Discounts over cost where they take all of it away; AWS rounds both to ten decimals or so."""


def charged_cost(source: Mapping[str, Coded], numbers: Mapping[str, Numbers], kinds: Kinds) -> pa.Array:
    """The cost of each row after discounts, decimal128(30, 18); null where the row has no cost at all.

    * no net column: the unblended cost;
    * a net cost other than 0: that;
    * a net cost of 0 or none: the unblended cost, unless the row says that nothing is left of it. A discount's own
      row counts nothing then, because the net costs of the rows that it discounts have it in them.

    Each row is decided by itself, whatever else is in the batch.
    """
    gross = numbers[GROSS].array()
    if NET not in numbers:
        return gross
    net = numbers[NET].array()
    said = nonzero(net)
    silent = (pc.is_null(said)).to_numpy(zero_copy_only=False)
    silent &= pc.is_valid(nonzero(gross)).to_numpy(zero_copy_only=False)
    if silent.any():
        at = np.flatnonzero(silent)
        gone = at[_said_zero(source, numbers, at, kinds[at], gross.take(pa.array(at)))]
        if len(gone):
            nothing = np.zeros(len(kinds), np.bool_)
            nothing[gone] = True
            said = pc.if_else(pa.array(nothing), zero(), said)
    return pc.coalesce(said, gross, net)


def _said_zero(
    source: Mapping[str, Coded], numbers: Mapping[str, Numbers], rows: Rows, kinds: Kinds, gross: pa.Array
) -> Mask:
    """Rows whose net cost is 0 indeed: discounts, a net rate of 0, or discounts as large as the cost."""
    zeroed: Mask = kinds == Kind.DISCOUNT
    if NET_RATE in numbers:
        zeroed = zeroed | _true(pc.equal(numbers[NET_RATE].array(rows), zero()))
    taken = quotient(_discounts(source, rows), gross)
    low, high = (pa.scalar(bound, MONEY) for bound in _WHOLE)
    return zeroed | _true(pc.and_(pc.greater_equal(taken, low), pc.less_equal(taken, high)))


def _discounts(source: Mapping[str, Coded], rows: Rows) -> pa.Array:
    """The row's total discount, or the sum of its discount columns where it has no total."""
    columns = {
        name: parse_numbers(column.take(rows).compact()).array()
        for name, column in source.items()
        if name.startswith(DISCOUNT_PREFIX)
    }
    summed: pa.Array = pa.repeat(zero(), len(rows))
    for name, amounts in columns.items():
        if name != TOTAL_DISCOUNT:
            summed = narrowed(pc.add(summed, pc.fill_null(amounts, zero())))
    if TOTAL_DISCOUNT in columns:
        return pc.coalesce(nonzero(columns[TOTAL_DISCOUNT]), summed)
    return summed


def _true(condition: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask
