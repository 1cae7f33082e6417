"""The four FOCUS costs and the unit prices: which source column pays for which kind of charge.

Every rule of docs/focus-mapping.md that ends in an amount of money is here; quantities are in quantities.py, and what
a row costs after discounts in net.py. Net columns go first, each by itself and row by row: where a net column says
nothing (null, or the 0.0 that AWS's Parquet writes for it) the gross one counts, and an absent column is never zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Mask
from staxpipe.focus.columns import MONEY
from staxpipe.focus.exact import valid_rows
from staxpipe.focus.line_item_types import PRICED, Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.numbers import nonzero, plus, product, quotient, zero
from staxpipe.focus.quantities import (
    commitment_quantity,
    consumed_quantity,
    gross_cost,
    pricing_quantity,
    unused_commitment,
)
from staxpipe.focus.selection import keep, placed, where


@dataclass(frozen=True)
class Costs:
    """Numbers of the FOCUS rows, decimal128(30, 18) each.

    `normalised` marks rows whose commitment is counted in normalised hours; `unamortised` marks rows whose effective
    cost should have come from an amortisation column that is empty.
    """

    billed: pa.Array
    effective: pa.Array
    listed: pa.Array
    contracted: pa.Array
    commitment_quantity: pa.Array
    pricing_quantity: pa.Array
    consumed_quantity: pa.Array
    list_unit_price: pa.Array
    contracted_unit_price: pa.Array
    normalised: Mask
    unamortised: Mask


def cost_of(lines: Lines, charged: pa.Array) -> Costs:
    """Apply every cost rule; `charged` is what each row costs after discounts (net.py)."""
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    discounted = lines.of(Kind.DISCOUNTED_USAGE)

    # Covered usage is paid by its negation, so it bills nothing. Discounted usage is 0 in the source; where it is
    # not, that money is kept here and reported. A share of a split cost is no charge.
    billed = where(covered | lines.unused | lines.of(Kind.SPLIT), zero(), charged)
    of_commitments = _amortised_kinds(lines)
    amortised, lacking = _amortised(lines.part(of_commitments))
    effective = placed(of_commitments, amortised, billed)
    unamortised = np.zeros(len(lines), np.bool_)
    unamortised[of_commitments] = lacking
    quantity = pricing_quantity(lines, charged)
    gross_covered = gross_cost(lines.part(covered), charged.filter(pa.array(covered)))
    rate = nonzero(_not_negative(lines.amount("pricing_public_on_demand_rate")))
    listed, from_price = _list_cost(lines, rate, placed(covered, gross_covered, billed), effective)
    # A decision: AWS writes the on-demand price of covered usage as its unblended cost, and negotiated discounts come
    # after Savings Plans, so no CUR has a negotiated price before the commitment. Likewise for reservations.
    contracted = where(discounted, listed, placed(covered, gross_covered, billed))

    unit = _unit_price(listed, quantity)
    list_unit_price = where(from_price, pc.coalesce(rate, unit), unit)
    differs = pc.fill_null(pc.not_equal(contracted, listed), True).to_numpy(zero_copy_only=False)
    less = pa.array(differs)
    contracted_unit = placed(differs, _unit_price(contracted.filter(less), quantity.filter(less)), unit)
    priced = ~lines.in_category(("Tax",))
    committed, normalised = commitment_quantity(lines)
    return Costs(
        billed=billed,
        effective=effective,
        listed=listed,
        contracted=contracted,
        commitment_quantity=committed,
        pricing_quantity=quantity,
        consumed_quantity=consumed_quantity(lines),
        list_unit_price=keep(priced, list_unit_price),
        contracted_unit_price=keep(priced, contracted_unit),
        normalised=normalised,
        unamortised=unamortised,
    )


def _amortised_kinds(lines: Lines) -> Mask:
    return lines.of(
        Kind.SAVINGS_PLAN_COVERED_USAGE,
        Kind.DISCOUNTED_USAGE,
        Kind.SAVINGS_PLAN_UPFRONT_FEE,
        Kind.SAVINGS_PLAN_RECURRING_FEE,
        Kind.RI_FEE,
        Kind.RI_UPFRONT_FEE,
        Kind.UPFRONT_REFUND,
    )


def _amortised(lines: Lines) -> tuple[pa.Array, Mask]:
    """Effective cost of rows that belong to a commitment, and which of them lack the column to tell it.

    Purchases cover other charges, so theirs is 0; the Unused row of a fee has the unused part.
    """
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    discounted = lines.of(Kind.DISCOUNTED_USAGE)
    plan_unused = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE) & lines.unused
    ri_unused = lines.of(Kind.RI_FEE) & lines.unused
    value: pa.Array = pa.repeat(zero(), len(lines))
    for mask, rule in (
        (covered, _covered_effective),
        (discounted, _discounted_effective),
        (plan_unused, _unused_plan),
        (ri_unused, _unused_reservation),
    ):
        if mask.any():
            value = placed(mask, rule(lines.part(mask)), value)
    lacking = pc.is_null(value).to_numpy(zero_copy_only=False)
    return pc.fill_null(value, zero()), lacking & ~(plan_unused & _nothing_committed_yet(lines))


def _nothing_committed_yet(lines: Lines) -> Mask:
    """Rows that say that their plan has committed nothing to date: fees of hours to come. They lack nothing."""
    used = pc.fill_null(lines.amount("savings_plan_used_commitment"), zero())
    none = pc.and_(pc.equal(lines.amount("savings_plan_total_commitment_to_date"), zero()), pc.equal(used, zero()))
    mask: Mask = pc.fill_null(none, False).to_numpy(zero_copy_only=False)
    return mask


def _covered_effective(lines: Lines) -> pa.Array:
    return pc.coalesce(
        nonzero(lines.amount("savings_plan_net_savings_plan_effective_cost")),
        lines.amount("savings_plan_savings_plan_effective_cost"),
        lines.amount("savings_plan_net_savings_plan_effective_cost"),
    )


def _discounted_effective(lines: Lines) -> pa.Array:
    return pc.coalesce(
        nonzero(lines.amount("reservation_net_effective_cost")),
        lines.amount("reservation_effective_cost"),
        lines.amount("reservation_net_effective_cost"),
    )


def _unused_reservation(lines: Lines) -> pa.Array:
    upfront = pc.coalesce(
        nonzero(lines.amount("reservation_net_unused_amortized_upfront_fee_for_billing_period")),
        lines.amount("reservation_unused_amortized_upfront_fee_for_billing_period"),
    )
    recurring = pc.coalesce(
        nonzero(lines.amount("reservation_net_unused_recurring_fee")), lines.amount("reservation_unused_recurring_fee")
    )
    # An all-upfront reservation has no recurring part and a no-upfront one no upfront part.
    neither = pc.and_(pc.is_null(upfront), pc.is_null(recurring))
    both = plus(pc.fill_null(upfront, zero()), pc.fill_null(recurring, zero()))
    return pc.if_else(neither, pa.scalar(None, MONEY), both)


def _unused_plan(lines: Lines) -> pa.Array:
    """Total commitment to date minus used commitment, times net/gross of the period's commitment where known.

    A decision: AWS has no net column for the unused part; discounts are taken to be proportional. Only the parts
    (upfront, recurring) whose net commitment is told go into the proportion.
    """
    gross = unused_commitment(lines)
    net: pa.Array = pa.repeat(zero(), len(lines))
    whole = net
    for part in ("amortized_upfront_commitment", "recurring_commitment"):
        told = nonzero(lines.amount(f"savings_plan_net_{part}_for_billing_period"))
        of = pc.if_else(pc.is_valid(told), lines.amount(f"savings_plan_{part}_for_billing_period"), zero())
        net = plus(net, pc.fill_null(told, zero()))
        whole = plus(whole, pc.fill_null(of, zero()))
    return pc.coalesce(nonzero(quotient(product(gross, net), whole)), gross)


def _list_cost(lines: Lines, rate: pa.Array, own: pa.Array, effective: pa.Array) -> tuple[pa.Array, Mask]:
    """List cost, and where it comes from the public price.

    `rate` is the public on-demand rate where it is one; `own` is what a row costs before its commitment.

    Usage: the public on-demand cost; rate x quantity where that is absent or zero; else what the row costs. AWS writes
    0.0 for Spot and for free tiers, not a missing value: a list cost of zero below a real cost would show a
    negative discount. Everything else has no list price but its own.
    """
    priced = lines.of(*PRICED)
    on_demand = nonzero(lines.amount("pricing_public_on_demand_cost"))
    unknown = priced & ~valid_rows(on_demand) & valid_rows(rate)
    if unknown.any():
        usage = lines.part(unknown).amount("line_item_usage_amount")
        on_demand = placed(unknown, nonzero(product(rate.filter(pa.array(unknown)), usage)), on_demand)
    known = priced & valid_rows(on_demand)
    fallback = where(lines.of(Kind.DISCOUNTED_USAGE), effective, own)
    return where(known, on_demand, fallback), known


def _unit_price(cost: pa.Array, quantity: pa.Array) -> pa.Array:
    """cost / quantity; 0 where both are 0; null where it would be negative or endless."""
    nothing = pc.and_(pc.equal(cost, zero()), pc.equal(quantity, zero()))
    price = _not_negative(quotient(cost, quantity))
    return pc.if_else(pc.fill_null(nothing, False), zero(), price)


def _not_negative(amount: pa.Array) -> pa.Array:
    return pc.if_else(pc.less(amount, zero()), pa.scalar(None, MONEY), amount)
