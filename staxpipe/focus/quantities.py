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
from staxpipe.focus.selection import keep, where


def pricing_quantity(lines: Lines, charged: pa.Array) -> pa.Array:
    """The amount that is priced; null for Tax, and for credits and adjustments that have none.

    Reservation fees are priced by reserved units. A refund or discount takes money back, so its quantity is negative
    and its unit price is not (FOCUS 1.2: unit prices are never negative); where AWS gives no quantity it is one.
    """
    usage = lines.amount("line_item_usage_amount")
    fee = lines.of(Kind.RI_FEE, Kind.RI_UPFRONT_FEE)
    quantity = where(fee, _reserved_units(lines), usage)
    given_back = lines.of(Kind.REFUND, Kind.PURCHASE_REFUND, Kind.UPFRONT_REFUND, Kind.DISCOUNT)
    if given_back.any():
        size = pc.coalesce(nonzero(pc.abs(usage)), pa.scalar(1, MONEY))
        negative = pc.fill_null(pc.less(charged, zero()), False)
        quantity = where(given_back, pc.if_else(negative, pc.negate(size), size), quantity)
    if lines.unused.any():
        ri = lines.amount("reservation_unused_quantity")
        plan = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE) & lines.unused
        unused = where(plan, unused_commitment(lines), ri) if plan.any() else ri
        quantity = where(lines.unused, unused, quantity)
    quantity = where(lines.of(Kind.SPLIT), zero(), quantity)
    must_have = lines.in_category(("Usage", "Purchase"))
    quantity = where(must_have, pc.fill_null(quantity, zero()), nonzero(quantity))
    return keep(~lines.in_category(("Tax",)), quantity)


def consumed_quantity(lines: Lines) -> pa.Array:
    """Usage amount of metered usage. Refunds, discounts and split shares consume nothing more: 0. Others: null."""
    metered = lines.by_kind({kind: RULES[kind].metered for kind in Kind}, False, np.bool_)
    usage = pc.fill_null(lines.amount("line_item_usage_amount"), zero())
    consumed = where(metered, usage, zero())
    return keep(lines.in_category(("Usage",)) & ~lines.unused, consumed)


def unused_commitment(lines: Lines) -> pa.Array:
    """What is left of a Savings Plan's commitment to date; null where the commitment is not told."""
    total = nonzero(lines.amount("savings_plan_total_commitment_to_date"))
    return minus(total, pc.fill_null(lines.amount("savings_plan_used_commitment"), zero()))


def commitment_quantity(lines: Lines, charged: pa.Array) -> tuple[pa.Array, Mask]:
    """How much of the commitment, and which rows count it in normalised hours.

    Currency for Savings Plans; hours for reservations, normalised where AWS normalises them: what a size-flexible
    reservation covers and leaves unused adds up to what was reserved in normalised hours and in no other unit (real
    months of 2018 show both). A purchase counts what it pays for itself, so that an upfront and a recurring fee add up
    to the commitment (FOCUS 1.2's example of a partial upfront purchase); all of it before discounts. Only where there is a commitment: without an ARN there is none to count.
    """
    usage, flexible = _normalised(
        lines, Kind.DISCOUNTED_USAGE, "line_item_normalized_usage_amount", lines.amount("line_item_usage_amount")
    )
    reserved, flexible_fee = _normalised(
        lines, Kind.RI_FEE, "reservation_total_reserved_normalized_units", _reserved_units(lines)
    )
    upfront, flexible_upfront = _normalised(
        lines, Kind.RI_UPFRONT_FEE, "reservation_total_reserved_normalized_units", _reserved_units(lines)
    )
    normalised = flexible | flexible_fee | flexible_upfront
    unused = where(
        normalised,
        lines.amount("reservation_unused_normalized_unit_quantity"),
        lines.amount("reservation_unused_quantity"),
    )
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    recurring = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE)
    ri_fee = lines.of(Kind.RI_FEE)
    quantity: pa.Array = pa.nulls(len(lines), MONEY)
    for mask, amount in (
        (covered, _used_commitment(lines) if covered.any() else quantity),
        (lines.of(Kind.SAVINGS_PLAN_UPFRONT_FEE, Kind.UPFRONT_REFUND), gross_cost(lines, charged)),
        (lines.of(Kind.DISCOUNTED_USAGE), usage),
        (lines.of(Kind.RI_UPFRONT_FEE), upfront),
        (ri_fee, reserved),
        (recurring, _recurring_commitment(lines, charged) if recurring.any() else quantity),
        (recurring & lines.unused, unused_commitment(lines) if recurring.any() else quantity),
        (ri_fee & lines.unused, unused),
    ):
        quantity = where(mask, amount, quantity)
    related = (
        lines.text("savings_plan_savings_plan_a_r_n").present | lines.text("reservation_reservation_a_r_n").present
    )
    counted = related & lines.in_category(("Usage", "Purchase")) & ~lines.of(Kind.SPLIT)
    return keep(counted, pc.fill_null(quantity, zero())), normalised


def gross_cost(lines: Lines, charged: pa.Array) -> pa.Array:
    """The cost before discounts; after them where the source has no other."""
    return pc.coalesce(nonzero(lines.amount("line_item_unblended_cost")), charged)


def _recurring_commitment(lines: Lines, charged: pa.Array) -> pa.Array:
    told = nonzero(lines.amount("savings_plan_recurring_commitment_for_billing_period"))
    return pc.coalesce(told, gross_cost(lines, charged))


def _used_commitment(lines: Lines) -> pa.Array:
    """The part of the commitment that covered usage takes: gross, since commitments are made before discounts."""
    return pc.coalesce(
        nonzero(lines.amount("savings_plan_savings_plan_effective_cost")),
        lines.amount("savings_plan_net_savings_plan_effective_cost"),
    )


def _reserved_units(lines: Lines) -> pa.Array:
    return pc.coalesce(
        nonzero(lines.amount("reservation_total_reserved_units")), lines.amount("line_item_usage_amount")
    )


def _normalised(lines: Lines, kind: Kind, column: str, hours: pa.Array) -> tuple[pa.Array, Mask]:
    """The column's normalised amount on rows of this kind where it has one, else the hours."""
    mask = lines.of(kind)
    if not mask.any() or not lines.has(column):
        return hours, np.zeros(len(lines), np.bool_)
    amount = nonzero(lines.amount(column))
    return pc.coalesce(amount, hours), mask & pc.is_valid(amount).to_numpy(zero_copy_only=False)
