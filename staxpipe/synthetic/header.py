"""Which columns an organisation's report has in a month: columns come and go with what was used and activated."""

from __future__ import annotations

from collections.abc import Iterator

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.columns import (
    BILL,
    COST_CATEGORIES,
    DISCOUNT,
    IDENTITY,
    LATE_TAGS,
    LINE_ITEM,
    NET_LINE_ITEM,
    NET_RESERVATION,
    NET_SAVINGS_PLAN,
    NET_SPLIT,
    PRICING,
    PRODUCT,
    RESERVATION,
    SAVINGS_PLAN,
    SPLIT_LINE_ITEM,
    SPLIT_TAGS,
    TAGS,
)
from staxpipe.synthetic.organisation import Organisation


def header(organisation: Organisation, period: BillingPeriod) -> tuple[str, ...]:
    """The header of the legacy report of a month."""
    return tuple(f"{family}/{name}" for family, names in _families(organisation, period) for name in names)


def _families(organisation: Organisation, period: BillingPeriod) -> Iterator[tuple[str, tuple[str, ...]]]:
    features, spelling = organisation.features, organisation.spelling
    net, split = bool(features.net_per_mille), features.split_costs
    late = LATE_TAGS if organisation.months_open(period) < 2 else frozenset()
    tags = [*TAGS, *(SPLIT_TAGS if split else ())]
    yield "identity", IDENTITY
    yield "bill", BILL
    yield "lineItem", LINE_ITEM + (NET_LINE_ITEM if net else ())
    yield "product", PRODUCT
    yield "pricing", PRICING
    yield "reservation", RESERVATION + (NET_RESERVATION if net else ())
    yield "discount", DISCOUNT if net else ()
    yield "savingsPlan", SAVINGS_PLAN + (NET_SAVINGS_PLAN if net else ())
    yield "splitLineItem", tuple(name for name in SPLIT_LINE_ITEM if split and (net or name not in NET_SPLIT))
    yield "costCategory", tuple(spelling.cost_category(name) for name in COST_CATEGORIES)
    yield "resourceTags", tuple(spelling.tag(key) for key in tags if key not in late)
