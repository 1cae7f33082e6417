"""The FOCUS quantities: what was priced, what was consumed, and how much of a commitment it was.

Zero and missing are one thing in AWS's Parquet, so no rule here tells them apart: where FOCUS must have a quantity a
missing one is 0, and where it need not have one 0 is none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Mask
from staxpipe.focus.columns import MONEY
from staxpipe.focus.line_item_types import RULES, Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.numbers import minus, nonzero, zero
from staxpipe.focus.selection import keep, placed, where


def pricing_quantity(lines: Lines, charged: pa.Array) -> pa.Array:
    """The amount that is priced; null for Tax, and for credits and adjustments that have none.

    Reservation fees are priced by reserved units. A refund or discount takes money back, so its quantity is negative
    and its unit price is not (FOCUS 1.2: unit prices are never negative); where AWS gives no quantity it is one.
    """
    usage = lines.amount("line_item_usage_amount")
    fee = lines.of(Kind.RI_FEE, Kind.RI_UPFRONT_FEE)
    quantity = placed(fee, _reserved_units(lines.part(fee)), usage)
    given_back = lines.of(Kind.REFUND, Kind.PURCHASE_REFUND, Kind.UPFRONT_REFUND, Kind.DISCOUNT)
    if given_back.any():
        size = pc.coalesce(nonzero(pc.abs(usage)), pa.scalar(1, MONEY))
        negative = pc.fill_null(pc.less(charged, zero()), False)
        quantity = where(given_back, pc.if_else(negative, pc.negate(size), size), quantity)
    rest = lines.part(lines.unused)
    of_plan = rest.of(Kind.SAVINGS_PLAN_RECURRING_FEE)
    unused = where(of_plan, unused_commitment(rest), rest.amount("reservation_unused_quantity"))
    quantity = placed(lines.unused, unused, quantity)
    quantity = where(lines.of(Kind.SPLIT), zero(), quantity)
    may_lack = ~lines.in_category(("Usage", "Purchase"))
    lacking = nonzero(quantity.filter(pa.array(may_lack)))
    quantity = placed(may_lack, lacking, pc.fill_null(quantity, zero()))
    return keep(~lines.in_category(("Tax",)), quantity)


def consumed_quantity(lines: Lines) -> pa.Array:
    """Usage amount of metered usage. Refunds, discounts and split shares consume nothing more: 0. Others: null."""
    metered = lines.of(*(kind for kind in Kind if RULES[kind].metered))
    usage = pc.fill_null(lines.amount("line_item_usage_amount"), zero())
    consumed = where(metered, usage, zero())
    return keep(lines.in_category(("Usage",)) & ~lines.unused, consumed)


def unused_commitment(lines: Lines) -> pa.Array:
    """What is left of a Savings Plan's commitment to date; null where the commitment is not told."""
    total = nonzero(lines.amount("savings_plan_total_commitment_to_date"))
    return minus(total, pc.fill_null(lines.amount("savings_plan_used_commitment"), zero()))


def commitment_quantity(lines: Lines) -> tuple[pa.Array, Mask]:
    """How much of the commitment, and which rows count it in normalised hours.

    Currency for Savings Plans; hours for reservations, normalised where AWS normalises them: what a size-flexible
    reservation covers and leaves unused adds up to what was reserved in normalised hours and in no other unit (real
    months of 2018 show both). A purchase counts what it pays for itself, so that an upfront and a recurring fee add up
    to the commitment (FOCUS 1.2's example of a partial upfront purchase); all of it before discounts. Only where there
    is a commitment: without an ARN there is none to count.
    """
    normalised = np.zeros(len(lines), np.bool_)
    related = (
        lines.text("savings_plan_savings_plan_a_r_n").present | lines.text("reservation_reservation_a_r_n").present
    )
    counted = related & lines.in_category(("Usage", "Purchase")) & ~lines.of(Kind.SPLIT)
    quantity = where(counted, zero(), pa.nulls(len(lines), MONEY))
    for kinds, rule in _COMMITTED:
        mask = counted & lines.of(*kinds)
        if mask.any():
            amount, flexible = rule(lines.part(mask))
            quantity = placed(mask, pc.fill_null(amount, zero()), quantity)
            normalised[mask] = flexible
    return quantity, normalised


def gross_cost(lines: Lines, charged: pa.Array) -> pa.Array:
    """The cost before discounts; after them where the source has no other."""
    return pc.coalesce(nonzero(lines.amount("line_item_unblended_cost")), charged)


def _of_plan_usage(lines: Lines) -> tuple[pa.Array, Mask]:
    """The part of the commitment that covered usage takes."""
    used = pc.coalesce(
        nonzero(lines.amount("savings_plan_savings_plan_effective_cost")),
        lines.amount("savings_plan_net_savings_plan_effective_cost"),
    )
    return used, np.zeros(len(lines), np.bool_)


def _of_upfront_fee(lines: Lines) -> tuple[pa.Array, Mask]:
    return _paid(lines), np.zeros(len(lines), np.bool_)


def _of_recurring_fee(lines: Lines) -> tuple[pa.Array, Mask]:
    told = nonzero(lines.amount("savings_plan_recurring_commitment_for_billing_period"))
    bought = pc.coalesce(told, _paid(lines))
    return where(lines.unused, unused_commitment(lines), bought), np.zeros(len(lines), np.bool_)


def _paid(lines: Lines) -> pa.Array:
    return gross_cost(lines, lines.amount("line_item_net_unblended_cost"))


def _of_reserved_usage(lines: Lines) -> tuple[pa.Array, Mask]:
    units = nonzero(lines.amount("line_item_normalized_usage_amount"))
    return pc.coalesce(units, lines.amount("line_item_usage_amount")), _valid(units)


def _of_reservation_fee(lines: Lines) -> tuple[pa.Array, Mask]:
    units = nonzero(lines.amount("reservation_total_reserved_normalized_units"))
    flexible = _valid(units)
    unused = where(
        flexible,
        lines.amount("reservation_unused_normalized_unit_quantity"),
        lines.amount("reservation_unused_quantity"),
    )
    return where(lines.unused, unused, pc.coalesce(units, _reserved_units(lines))), flexible


_COMMITTED = (
    ((Kind.SAVINGS_PLAN_COVERED_USAGE,), _of_plan_usage),
    ((Kind.SAVINGS_PLAN_UPFRONT_FEE, Kind.UPFRONT_REFUND), _of_upfront_fee),
    ((Kind.SAVINGS_PLAN_RECURRING_FEE,), _of_recurring_fee),
    ((Kind.DISCOUNTED_USAGE,), _of_reserved_usage),
    ((Kind.RI_FEE, Kind.RI_UPFRONT_FEE), _of_reservation_fee),
)
"""Kinds of rows that are of a commitment, and how much of it they are: all others with its ARN are 0 of it."""


def _reserved_units(lines: Lines) -> pa.Array:
    return pc.coalesce(
        nonzero(lines.amount("reservation_total_reserved_units")), lines.amount("line_item_usage_amount")
    )


def _valid(amount: pa.Array) -> Mask:
    mask: Mask = pc.is_valid(amount).to_numpy(zero_copy_only=False)
    return mask
