"""Split cost allocation: a task's or pod's share of an instance that has a row of its own.

AWS repeats the amortised cost of the parent in these rows (Cost and Usage Report guide, "Split line item details"), so
they are no charges: their four FOCUS costs are 0 and what AWS says stands in columns of our own. FOCUS 1.2 has none
for it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, coalesce, constant
from staxpipe.focus.columns import MONEY
from staxpipe.focus.line_item_types import Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.numbers import nonzero, zero

UNKNOWN_PARENT = "unknown"

_AMOUNTS: dict[str, tuple[str, ...]] = {
    "x_SplitCost": ("split_line_item_net_split_cost", "split_line_item_split_cost"),
    "x_SplitUnusedCost": ("split_line_item_net_unused_cost", "split_line_item_unused_cost"),
    "x_SplitUsageRatio": ("split_line_item_split_usage_ratio",),
    "x_SplitActualUsage": ("split_line_item_actual_usage",),
    "x_SplitReservedUsage": ("split_line_item_reserved_usage",),
}
"""Our column, and AWS's in the order of their right: net before gross, where net says something."""


def split_columns(lines: Lines) -> dict[str, Coded | pa.Array]:
    """The x_Split columns. The parent is there on split rows, and on no others."""
    split = lines.of(Kind.SPLIT)
    if not split.any():
        return {}
    parent = coalesce(
        (
            lines.text("split_line_item_parent_resource_id"),
            lines.text("line_item_resource_id"),
            constant(UNKNOWN_PARENT, len(lines)),
        )
    )
    columns: dict[str, Coded | pa.Array] = {"x_SplitParentResourceId": parent.where(split)}
    for name, sources in _AMOUNTS.items():
        present = [source for source in sources if lines.has(source)]
        if present:  # a column that is not in the file stays null: absent is not 0
            said = pc.coalesce(*(nonzero(lines.amount(source)) for source in present), zero())
            columns[name] = pc.if_else(pa.array(split), said, pa.scalar(None, MONEY))
    return columns
