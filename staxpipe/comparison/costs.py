"""A month's total in Cost Explorer beside that of its line items. Pure; the answer comes from
`staxpipe.aws.cost_explorer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from staxpipe.comparison.billed import Billed
from staxpipe.comparison.verdicts import ZERO, Against, Comparison, Part, Reason, concluded, equal
from staxpipe.focus.numbers import exact_subtract, exact_sum

METRICS = ("NetUnblendedCost", "UnblendedCost")
"""BilledCost is the net unblended cost where the report has it, else the unblended cost."""

LATER = (
    "Cost Explorer includes refunds, credits and support fees that are charged after a month is closed; a report does "
    "so only where it refreshes closed months."
)
"""AWS says so: https://docs.aws.amazon.com/cur/latest/userguide/troubleshooting-cur.html."""


@dataclass(frozen=True)
class Costs:
    """Cost Explorer's answer about one month: currency → metric → record type (``Tax``) → amount.

    `estimated` is AWS's own word that the month may still change.
    """

    by_currency: Mapping[str, Mapping[str, Mapping[str, Decimal]]]
    estimated: bool = False


def compare_costs(ours: Sequence[Billed], theirs: Costs) -> tuple[Comparison, ...]:
    """A month's comparison for each currency, ordered; none where neither side has anything."""
    currencies = {billed.currency for billed in ours} | set(theirs.by_currency)
    return tuple(
        _compare([billed for billed in ours if billed.currency == currency], currency, theirs)
        for currency in sorted(currencies)
    )


def _compare(ours: Sequence[Billed], currency: str, theirs: Costs) -> Comparison:
    billed = exact_sum(row.billed for row in ours)
    tax, credit = exact_sum(row.tax for row in ours), exact_sum(row.credit for row in ours)
    if currency not in theirs.by_currency:
        elsewhere = any(exact_sum(_types(metrics, billed).values()) for metrics in theirs.by_currency.values())
        reason = Reason.NOT_FINAL if theirs.estimated else Reason.OTHER_CURRENCY if elsewhere else Reason.UNEXPLAINED
        return concluded(
            Against.COST_EXPLORER, currency, [Part("", None, billed, None if equal(billed, ZERO) else reason)]
        )
    types = _types(theirs.by_currency[currency], billed)
    total = exact_sum(types.values())
    parts = [Part("Tax", types.get("Tax", ZERO), tax), Part("Credit", types.get("Credit", ZERO), credit)]
    other = Part(
        "Other",
        exact_subtract(total, exact_sum(part.theirs for part in parts)),
        exact_subtract(billed, exact_sum((tax, credit))),
    )
    if equal(total, billed):
        return concluded(Against.COST_EXPLORER, currency, [*parts, other])
    if theirs.estimated:
        why = dict.fromkeys(("Tax", "Credit", "Other"), Reason.NOT_FINAL)
    else:
        why = {"Tax": Reason.TAX, "Credit": Reason.CREDITS, "Other": Reason.UNEXPLAINED}
    told = [
        part if equal(*_sides(part)) else Part(part.subject, part.theirs, part.ours, why[part.subject])
        for part in (*parts, other)
    ]
    unexplained = any(part.reason is Reason.UNEXPLAINED for part in told)
    return concluded(Against.COST_EXPLORER, currency, told, LATER if unexplained else "")


def _types(metrics: Mapping[str, Mapping[str, Decimal]], billed: Decimal) -> Mapping[str, Decimal]:
    """Record types of the metric that our side is made of: of net and gross, the one that is nearer.

    Which of the two a report's rows hold is not kept in the lake, and may differ from row to row.
    """
    there = [metrics[name] for name in METRICS if name in metrics]
    return min(there, key=lambda types: abs(exact_subtract(exact_sum(types.values()), billed)), default={})


def _sides(part: Part) -> tuple[Decimal, Decimal]:
    return part.theirs or ZERO, part.ours or ZERO
