"""The four FOCUS costs, the quantities and the unit prices: which source column pays for which kind of charge.

Every rule of formats.md's mapping table that ends in a number is here. Net columns go first, each by itself and row
by row: a missing net value falls back to the gross one, and an absent column is never zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Mask
from staxpipe.focus.columns import MONEY
from staxpipe.focus.line_item_types import PRICED, RULES, Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.numbers import minus, plus, product, quotient, zero


@dataclass(frozen=True)
class Costs:
    """Numbers of the FOCUS rows, decimal128(30, 18) each.

    `unamortised` marks rows whose effective cost should have come from an amortisation column that is empty.
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
    unamortised: Mask


def cost_of(lines: Lines) -> Costs:
    """Apply every cost rule."""
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    discounted = lines.of(Kind.DISCOUNTED_USAGE)
    charged = pc.coalesce(lines.amount("line_item_net_unblended_cost"), lines.amount("line_item_unblended_cost"))

    # Covered usage is paid by its negation, so it bills nothing. Discounted usage is 0 in the source; where it is
    # not, that money is kept here and reported.
    billed = _where(covered | lines.unused, zero(), charged)
    amortised, unamortised = _amortised(lines)
    effective = _where(_amortised_kinds(lines), amortised, billed)
    quantity = _pricing_quantity(lines, charged)
    listed, from_price = _list_cost(lines, charged, billed, effective)
    contracted = _where(covered, _uncovered_cost(lines, charged), billed)
    # A guess: what reserved usage would cost at the negotiated price before the reservation is not in a CUR.
    contracted = _where(discounted, listed, contracted)

    unit = _unit_price(listed, quantity)
    rate = lines.amount("pricing_public_on_demand_rate")
    list_unit_price = _where(from_price, pc.coalesce(_not_negative(rate), unit), unit)
    priced = ~lines.in_category(("Tax",))
    return Costs(
        billed=billed,
        effective=effective,
        listed=listed,
        contracted=contracted,
        commitment_quantity=_commitment_quantity(lines, charged),
        pricing_quantity=quantity,
        consumed_quantity=_consumed_quantity(lines),
        list_unit_price=_keep(priced, list_unit_price),
        contracted_unit_price=_keep(priced, _unit_price(contracted, quantity)),
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
            value = _where(mask, rule(lines), value)
    unamortised = pc.is_null(value).to_numpy(zero_copy_only=False)
    return pc.fill_null(value, zero()), unamortised


def _covered_effective(lines: Lines) -> pa.Array:
    return pc.coalesce(
        lines.amount("savings_plan_net_savings_plan_effective_cost"),
        lines.amount("savings_plan_savings_plan_effective_cost"),
    )


def _discounted_effective(lines: Lines) -> pa.Array:
    return pc.coalesce(lines.amount("reservation_net_effective_cost"), lines.amount("reservation_effective_cost"))


def _unused_reservation(lines: Lines) -> pa.Array:
    upfront = pc.coalesce(
        lines.amount("reservation_net_unused_amortized_upfront_fee_for_billing_period"),
        lines.amount("reservation_unused_amortized_upfront_fee_for_billing_period"),
    )
    recurring = pc.coalesce(
        lines.amount("reservation_net_unused_recurring_fee"), lines.amount("reservation_unused_recurring_fee")
    )
    # An all-upfront reservation has no recurring part and a no-upfront one no upfront part.
    neither = pc.and_(pc.is_null(upfront), pc.is_null(recurring))
    both = plus(pc.fill_null(upfront, zero()), pc.fill_null(recurring, zero()))
    return pc.if_else(neither, pa.scalar(None, MONEY), both)


def _unused_commitment(lines: Lines) -> pa.Array:
    return minus(lines.amount("savings_plan_total_commitment_to_date"), lines.amount("savings_plan_used_commitment"))


def _unused_plan(lines: Lines) -> pa.Array:
    """Total commitment to date minus used commitment, times net/gross of the period's commitment where known.

    A guess: AWS has no net column for the unused part; discounts are taken to be proportional.
    """
    gross = _unused_commitment(lines)
    net_names = (
        "savings_plan_net_amortized_upfront_commitment_for_billing_period",
        "savings_plan_net_recurring_commitment_for_billing_period",
    )
    if not all(lines.has(name) for name in net_names):
        return gross
    net = plus(*(lines.amount(name) for name in net_names))
    whole = plus(
        lines.amount("savings_plan_amortized_upfront_commitment_for_billing_period"),
        lines.amount("savings_plan_recurring_commitment_for_billing_period"),
    )
    return pc.coalesce(quotient(product(gross, net), whole), gross)


def _uncovered_cost(lines: Lines, charged: pa.Array) -> pa.Array:
    """What covered usage would cost without its Savings Plan. A guess for the contracted cost: AWS writes it there."""
    return pc.coalesce(lines.amount("line_item_unblended_cost"), charged)


def _list_cost(lines: Lines, charged: pa.Array, billed: pa.Array, effective: pa.Array) -> tuple[pa.Array, Mask]:
    """List cost, and where it comes from the public price.

    Usage: the public on-demand cost; rate x quantity where that is absent or zero; else what the row costs. AWS writes
    0.0 for Spot and for free tiers, not a missing value: a list cost of zero below a real cost would show a
    negative discount. Everything else has no list price but its own.
    """
    priced = lines.of(*PRICED)
    on_demand = _nonzero(lines.amount("pricing_public_on_demand_cost"))
    unknown = priced & pc.is_null(on_demand).to_numpy(zero_copy_only=False)
    if unknown.any() and lines.has("pricing_public_on_demand_rate"):
        rate = _keep(unknown, _not_negative(lines.amount("pricing_public_on_demand_rate")))
        on_demand = pc.coalesce(on_demand, _nonzero(product(rate, lines.amount("line_item_usage_amount"))))
    known = priced & pc.is_valid(on_demand).to_numpy(zero_copy_only=False)
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    fallback = _where(covered, _uncovered_cost(lines, charged), billed)
    fallback = _where(lines.of(Kind.DISCOUNTED_USAGE), effective, fallback)
    return _where(known, on_demand, fallback), known


def _pricing_quantity(lines: Lines, charged: pa.Array) -> pa.Array:
    """The amount that is priced; null for Tax.

    Reservation fees are priced by reserved units. A refund or discount takes money back, so its quantity is negative
    and its unit price is not (FOCUS 1.2: unit prices are never negative); where AWS gives no quantity it is one.
    """
    usage = lines.amount("line_item_usage_amount")
    fee = lines.of(Kind.RI_FEE, Kind.RI_UPFRONT_FEE)
    quantity = _where(fee, pc.coalesce(lines.amount("reservation_total_reserved_units"), usage), usage)
    given_back = lines.of(Kind.REFUND, Kind.PURCHASE_REFUND, Kind.UPFRONT_REFUND, Kind.DISCOUNT)
    if given_back.any():
        size = pc.coalesce(_nonzero(pc.abs(usage)), pa.scalar(1, MONEY))
        negative = pc.fill_null(pc.less(charged, zero()), False)
        quantity = _where(given_back, pc.if_else(negative, pc.negate(size), size), quantity)
    if lines.unused.any():
        ri = lines.amount("reservation_unused_quantity")
        plan = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE) & lines.unused
        unused = _where(plan, _unused_commitment(lines), ri) if plan.any() else ri
        quantity = _where(lines.unused, pc.fill_null(unused, zero()), quantity)
    must_have = lines.in_category(("Usage", "Purchase"))
    quantity = _where(must_have, pc.fill_null(quantity, zero()), quantity)
    return _keep(~lines.in_category(("Tax",)), quantity)


def _consumed_quantity(lines: Lines) -> pa.Array:
    """Usage amount of metered usage. Refunds, discounts and split shares consume nothing more: 0. Others: null."""
    metered = lines.by_kind({kind: RULES[kind].metered for kind in Kind}, False, np.bool_)
    usage = pc.fill_null(lines.amount("line_item_usage_amount"), zero())
    consumed = _where(metered, usage, zero())
    return _keep(lines.in_category(("Usage",)) & ~lines.unused, consumed)


def _commitment_quantity(lines: Lines, charged: pa.Array) -> pa.Array:
    """How much of the commitment: currency for Savings Plans, hours for reservations (a guess of the unit).

    Only where there is a commitment (without an ARN there is none to count), 0 on its discounts and refunds.
    """
    quantity: pa.Array = pa.nulls(len(lines), MONEY)
    covered = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE)
    usage = lines.amount("line_item_usage_amount")
    reserved = pc.coalesce(lines.amount("reservation_total_reserved_units"), usage)
    recurring = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE)
    ri_fee = lines.of(Kind.RI_FEE)
    for mask, amount in (
        (covered, _covered_effective(lines) if covered.any() else quantity),
        (lines.of(Kind.SAVINGS_PLAN_UPFRONT_FEE, Kind.UPFRONT_REFUND), charged),
        (lines.of(Kind.DISCOUNTED_USAGE), usage),
        (lines.of(Kind.RI_UPFRONT_FEE) | ri_fee, reserved),
        (recurring, lines.amount("savings_plan_total_commitment_to_date")),
        (recurring & lines.unused, _unused_commitment(lines) if recurring.any() else quantity),
        (ri_fee & lines.unused, lines.amount("reservation_unused_quantity")),
    ):
        quantity = _where(mask, amount, quantity)
    related = (
        lines.text("savings_plan_savings_plan_a_r_n").present | lines.text("reservation_reservation_a_r_n").present
    )
    return _keep(related & lines.in_category(("Usage", "Purchase")), pc.fill_null(quantity, zero()))


def _unit_price(cost: pa.Array, quantity: pa.Array) -> pa.Array:
    """cost / quantity; 0 where both are 0; null where it would be negative or endless."""
    nothing = pc.and_(pc.equal(cost, zero()), pc.equal(quantity, zero()))
    price = _not_negative(quotient(cost, quantity))
    return pc.if_else(pc.fill_null(nothing, False), zero(), price)


def _where(mask: Mask, yes: pa.Array | pa.Scalar, no: pa.Array | pa.Scalar) -> pa.Array:
    if isinstance(no, pa.Array) and not mask.any():
        return no
    if isinstance(yes, pa.Array) and mask.all():
        return yes
    return pc.if_else(pa.array(mask), yes, no)


def _keep(mask: Mask, amount: pa.Array) -> pa.Array:
    return _where(mask, amount, pa.scalar(None, MONEY))


def _nonzero(amount: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(amount, zero()), pa.scalar(None, MONEY), amount)


def _not_negative(amount: pa.Array) -> pa.Array:
    return pc.if_else(pc.less(amount, zero()), pa.scalar(None, MONEY), amount)
