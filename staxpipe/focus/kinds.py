"""Of which kind every source row is: its line-item type, refined by the few columns that change the money."""

from __future__ import annotations

import numpy as np

from staxpipe.errors import PermanentError
from staxpipe.focus.coded import Coded, Mask, coalesce, constant, nothing
from staxpipe.focus.line_item_types import (
    AMORTISED_SINCE,
    NEEDED_BY_KIND,
    SAVINGS_PLAN_REFUND,
    SPLIT_OPERATIONS,
    Kind,
    kind_of,
)
from staxpipe.focus.lines import Kinds
from staxpipe.model import BillingPeriod

NO_TYPE = "Unknown"
"""What x_LineItemType says where the source row has no type."""


def line_item_types(source: dict[str, Coded], count: int) -> Coded:
    """AWS's word for every row; Usage where the whole file does not say (reported as assumed)."""
    if "line_item_line_item_type" not in source:
        return constant("Usage", count)
    return coalesce((source["line_item_line_item_type"], constant(NO_TYPE, count)))


def row_kinds(source: dict[str, Coded], types: Coded) -> Kinds:
    """The kind of every source row."""
    kinds: Kinds = types.lookup(lambda text: int(kind_of(text)), np.int8, int(Kind.UNKNOWN))
    count = len(types)

    def column(name: str) -> Coded:
        return source.get(name, nothing(count))

    reserved = column("reservation_reservation_a_r_n").present
    committed = reserved | column("savings_plan_savings_plan_a_r_n").present
    refund = kinds == Kind.REFUND
    if refund.any():
        upfront = column("line_item_line_item_description").lookup(
            lambda text: text.startswith(SAVINGS_PLAN_REFUND), np.bool_, False
        )
        kinds[refund & committed] = Kind.PURCHASE_REFUND
        kinds[refund & column("line_item_tax_type").present] = Kind.TAX_REFUND
        kinds[refund & upfront] = Kind.UPFRONT_REFUND
    kinds[(kinds == Kind.FEE) & reserved] = Kind.RI_UPFRONT_FEE
    split = column("line_item_operation").lookup(lambda text: text in SPLIT_OPERATIONS, np.bool_, False)
    # Last, and whatever the type: a share of a charge that has a row of its own is never a charge.
    kinds[split | column("split_line_item_parent_resource_id").present] = Kind.SPLIT
    return kinds


def require_amortisation(source: dict[str, Coded], kinds: Kinds, among: Mask, periods: set[BillingPeriod]) -> None:
    """Refuse a file with commitment rows and without the columns that say what they cost over time.

    Raises:
        PermanentError: naming the line-item types and every column that is absent.
    """
    if periods and max(periods) < BillingPeriod(*AMORTISED_SINCE):
        return
    missing: set[str] = set()
    types: set[str] = set()
    for kind, columns in NEEDED_BY_KIND.items():
        absent = [gross for gross, net in columns if gross not in source and net not in source]
        if absent and bool(((kinds == kind) & among).any()):
            missing.update(absent)
            types.add(kind.name.lower().replace("_", " "))
    if missing:
        raise PermanentError(
            f"there are {' and '.join(sorted(types))} rows, and the columns that tell their amortised cost are not in "
            f"the file: {', '.join(sorted(missing))}. Add them to the export, or use an AWS report with all columns"
        )
