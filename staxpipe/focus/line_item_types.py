"""What AWS's line-item types are in FOCUS: one rule a kind of charge.

AWS's words: https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html. A kind is finer than a type
where the money differs: a Fee that buys a reservation is not an ordinary Fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """How a source row is treated."""

    USAGE = 0
    DISCOUNTED_USAGE = 1
    SAVINGS_PLAN_COVERED_USAGE = 2
    SAVINGS_PLAN_NEGATION = 3
    SAVINGS_PLAN_UPFRONT_FEE = 4
    SAVINGS_PLAN_RECURRING_FEE = 5
    RI_FEE = 6
    FEE = 7
    RI_UPFRONT_FEE = 8  # a Fee with a reservation ARN
    TAX = 9
    CREDIT = 10
    REFUND = 11
    TAX_REFUND = 12
    PURCHASE_REFUND = 13  # of a reservation's or Savings Plan's charge
    UPFRONT_REFUND = 14  # of a Savings Plan's one-time fee
    DISCOUNT = 15
    FLAT_RATE = 16
    SPLIT = 17  # a task's or pod's share of an instance that has a row of its own
    UNKNOWN = 18


@dataclass(frozen=True)
class KindRule:
    """The FOCUS dimensions that follow from the kind alone.

    `spot_aware`: PricingCategory is Dynamic for Spot usage types. `metered`: the row's usage amount is consumption.
    """

    charge_category: str
    charge_frequency: str
    pricing_category: str | None
    spot_aware: bool = False
    metered: bool = False


RULES: dict[Kind, KindRule] = {
    Kind.USAGE: KindRule("Usage", "Usage-Based", "Standard", spot_aware=True, metered=True),
    Kind.DISCOUNTED_USAGE: KindRule("Usage", "Usage-Based", "Committed", metered=True),
    Kind.SAVINGS_PLAN_COVERED_USAGE: KindRule("Usage", "Usage-Based", "Committed", metered=True),
    Kind.SAVINGS_PLAN_NEGATION: KindRule("Adjustment", "One-Time", None),  # only its residual is ever written
    Kind.SAVINGS_PLAN_UPFRONT_FEE: KindRule("Purchase", "One-Time", "Standard"),
    Kind.SAVINGS_PLAN_RECURRING_FEE: KindRule("Purchase", "Recurring", "Standard"),
    Kind.RI_FEE: KindRule("Purchase", "Recurring", "Standard"),
    Kind.FEE: KindRule("Purchase", "One-Time", "Standard"),
    Kind.RI_UPFRONT_FEE: KindRule("Purchase", "One-Time", "Standard"),
    Kind.TAX: KindRule("Tax", "One-Time", None),
    Kind.CREDIT: KindRule("Credit", "One-Time", None),
    # FOCUS 1.2: a refund keeps the category of what is refunded. A CUR does not name it, so it is a guess from the
    # tax type, the commitment's ARN and the description; a refund that has none of them is of usage.
    Kind.REFUND: KindRule("Usage", "One-Time", "Standard"),
    Kind.TAX_REFUND: KindRule("Tax", "One-Time", None),
    Kind.PURCHASE_REFUND: KindRule("Purchase", "One-Time", "Standard"),
    Kind.UPFRONT_REFUND: KindRule("Purchase", "One-Time", "Standard"),
    Kind.DISCOUNT: KindRule("Usage", "Usage-Based", "Standard"),
    # A guess: no public file shows one. Usage, since that is what the subscription pays for.
    Kind.FLAT_RATE: KindRule("Usage", "Recurring", "Standard", metered=True),
    Kind.SPLIT: KindRule("Usage", "Usage-Based", "Standard"),
    Kind.UNKNOWN: KindRule("Adjustment", "One-Time", None),
}

KINDS: dict[str, Kind] = {
    "Usage": Kind.USAGE,
    "DiscountedUsage": Kind.DISCOUNTED_USAGE,
    "SavingsPlanCoveredUsage": Kind.SAVINGS_PLAN_COVERED_USAGE,
    "SavingsPlanNegation": Kind.SAVINGS_PLAN_NEGATION,
    "SavingsPlanUpfrontFee": Kind.SAVINGS_PLAN_UPFRONT_FEE,
    "SavingsPlanRecurringFee": Kind.SAVINGS_PLAN_RECURRING_FEE,
    "RIFee": Kind.RI_FEE,
    "Fee": Kind.FEE,
    "Tax": Kind.TAX,
    "Credit": Kind.CREDIT,
    "Refund": Kind.REFUND,
    "Discount": Kind.DISCOUNT,
    "BundledDiscount": Kind.DISCOUNT,
    "EdpDiscount": Kind.DISCOUNT,
    "PrivateRateDiscount": Kind.DISCOUNT,
    "RiVolumeDiscount": Kind.DISCOUNT,
    "SppDiscount": Kind.DISCOUNT,
    "FlatRateSubscription": Kind.FLAT_RATE,
}
"""Every line-item type that AWS documents; any other is UNKNOWN, is loaded as an Adjustment and reported."""

NEEDED_BY_KIND: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.DISCOUNTED_USAGE: (("reservation_effective_cost", "reservation_net_effective_cost"),),
    Kind.SAVINGS_PLAN_COVERED_USAGE: (
        ("savings_plan_savings_plan_effective_cost", "savings_plan_net_savings_plan_effective_cost"),
    ),
    Kind.SAVINGS_PLAN_RECURRING_FEE: (
        ("savings_plan_total_commitment_to_date", ""),
        ("savings_plan_used_commitment", ""),
    ),
    Kind.RI_FEE: (
        (
            "reservation_unused_amortized_upfront_fee_for_billing_period",
            "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        ),
        ("reservation_unused_recurring_fee", "reservation_net_unused_recurring_fee"),
    ),
}
"""Columns without which the effective cost of a kind is unknown: (column, or its net twin)."""

AMORTISED_SINCE = (2018, 1)
"""AWS delivers amortised reservation columns since January 2018; older months load without amortisation."""

PRICED = (Kind.USAGE, Kind.DISCOUNTED_USAGE, Kind.SAVINGS_PLAN_COVERED_USAGE, Kind.FLAT_RATE)
"""Kinds that have a public price; all others list what they cost."""

DOUBLED = frozenset({Kind.RI_FEE, Kind.SAVINGS_PLAN_RECURRING_FEE})
"""Kinds whose one row is two in FOCUS: the Purchase, and the Unused part of what it bought."""

SPLIT_OPERATIONS = frozenset({"EKSPod-EC2", "ECSTask-EC2"})
"""Operations of split cost allocation rows. They repeat the cost of the instance that they run on.

A row with `split_line_item_parent_resource_id` is one too, whatever its operation.
"""

SAVINGS_PLAN_REFUND = "Refund for one-time fee for Savings Plan ID"
"""How AWS's description of the refund of a Savings Plan's one-time fee begins."""


def kind_of(line_item_type: str) -> Kind:
    """The kind of a line-item type, before what other columns say."""
    return KINDS.get(line_item_type, Kind.UNKNOWN)
