"""Which source rows cannot be mapped: a number, a moment or an identity that is missing or is none.

A row is refused whole and named by its first fault; its money is then in no total of either side. Only values that a
rule reads for that kind of row count: a word in a rate column does not cost a row whose amounts are fine. Public
on-demand costs are such a column (koku-nise writes `convertible` there): list cost has other sources, and is no bill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Mask
from staxpipe.focus.line_item_types import Kind
from staxpipe.focus.lines import Kinds
from staxpipe.focus.moments import Moments
from staxpipe.focus.numbers import Numbers

_EVERY = frozenset(Kind)
_QUANTIFIED = _EVERY - {Kind.TAX, Kind.TAX_REFUND, Kind.CREDIT, Kind.UNKNOWN, Kind.SAVINGS_PLAN_NEGATION}
_DISCOUNTED = frozenset({Kind.DISCOUNTED_USAGE})
_COVERED = frozenset({Kind.SAVINGS_PLAN_COVERED_USAGE})
_RI_FEE = frozenset({Kind.RI_FEE})
_RECURRING = frozenset({Kind.SAVINGS_PLAN_RECURRING_FEE})

USED_BY: dict[str, frozenset[Kind]] = {
    "line_item_unblended_cost": _EVERY,
    "line_item_net_unblended_cost": _EVERY,
    "line_item_usage_amount": _QUANTIFIED,
    "reservation_effective_cost": _DISCOUNTED,
    "reservation_net_effective_cost": _DISCOUNTED,
    "reservation_unused_amortized_upfront_fee_for_billing_period": _RI_FEE,
    "reservation_unused_recurring_fee": _RI_FEE,
    "reservation_net_unused_amortized_upfront_fee_for_billing_period": _RI_FEE,
    "reservation_net_unused_recurring_fee": _RI_FEE,
    "savings_plan_savings_plan_effective_cost": _COVERED,
    "savings_plan_net_savings_plan_effective_cost": _COVERED,
    "savings_plan_total_commitment_to_date": _RECURRING,
    "savings_plan_used_commitment": _RECURRING,
}
"""Numeric columns whose bad values refuse a row, and the kinds of rows that they matter to."""


@dataclass(frozen=True)
class Rejected:
    """A source row that was not mapped: where it stands in its file, and which value is at fault.

    `cost` is what the row would have cost, where that can be read: the totals lack so much.
    """

    row: int
    column: str
    value: str
    reason: str
    cost: Decimal | None = None


def used(column: str, kinds: Kinds) -> Mask:
    """Rows that the numeric column decides anything for."""
    wanted = USED_BY.get(column, frozenset())
    return np.array([kind in wanted for kind in Kind], np.bool_)[kinds]


def refuse(
    source: Mapping[str, Coded],
    numbers: Mapping[str, Numbers],
    moments: Mapping[str, Moments],
    kinds: Kinds,
    among: Mask,
    first_row: int,
) -> tuple[Rejected, ...]:
    """Find the rows, of those in `among`, that cannot be mapped; in the file's order."""
    found: dict[int, Rejected] = {}

    def note(rows: Mask, column: str, reasons: Mapping[int, str], otherwise: str) -> None:
        for row in np.flatnonzero(rows & among).tolist():
            if row not in found:
                code = int(source[column].codes[row])
                value = source[column].values[code].as_py() if code >= 0 else ""
                found[row] = Rejected(first_row + row, column, value, reasons.get(code, otherwise))

    for column in ("bill_payer_account_id", "line_item_currency_code"):
        if column in source:
            note(~source[column].present, column, {}, "is empty")
    for column, parsed in moments.items():
        note(parsed.bad_rows, column, {}, "is not a date and time")
        note(~parsed.source.present, column, {}, "is empty")
    # What is no number in an amount that a rule reads.
    for column, amounts in numbers.items():
        if amounts.bad and column in USED_BY:
            reasons = {code: bad.reason for code, bad in amounts.bad.items()}
            note(amounts.flagged(amounts.bad) & used(column, kinds), column, reasons, "is not a number")
    uncharged = _null_rows(numbers["line_item_unblended_cost"])
    if "line_item_net_unblended_cost" in numbers:
        uncharged &= _null_rows(numbers["line_item_net_unblended_cost"])
    note(uncharged, "line_item_unblended_cost", {}, "is empty")
    return tuple(found[row] for row in sorted(found))


def priced(rejected: Sequence[Rejected], numbers: Mapping[str, Numbers], first_row: int) -> tuple[Rejected, ...]:
    """The same, each with the net or unblended cost that its row has."""
    if not rejected:
        return ()
    at = np.array([refused.row - first_row for refused in rejected], np.int64)
    gross = numbers["line_item_unblended_cost"].array(at)
    net = numbers.get("line_item_net_unblended_cost")
    costs = gross if net is None else pc.coalesce(net.array(at), gross)
    return tuple(replace(refused, cost=cost) for refused, cost in zip(rejected, costs.to_pylist(), strict=True))


def _null_rows(numbers: Numbers) -> Mask:
    table = np.empty(len(numbers.values) + 1, np.bool_)
    table[:-1] = numbers.values.is_null().to_numpy(zero_copy_only=False)
    table[-1] = True
    return table[numbers.source.codes]
