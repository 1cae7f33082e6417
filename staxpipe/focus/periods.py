"""When: the billing period that every row is of, and the times of its charge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.errors import PermanentError
from staxpipe.focus.coded import Coded, Mask, choose, constant, nothing
from staxpipe.focus.columns import MOMENT
from staxpipe.focus.line_item_types import Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.moments import Moments, parse_moments
from staxpipe.model import BillingPeriod

PERIOD_START = "bill_billing_period_start_date"
PERIOD_END = "bill_billing_period_end_date"
USAGE_START = "line_item_usage_start_date"
USAGE_END = "line_item_usage_end_date"


def in_period(period_start: Moments, wanted_period: BillingPeriod | None) -> tuple[Mask, set[BillingPeriod]]:
    """Rows of the wanted period (all where none is given; also those of unreadable dates), and the periods found.

    Raises:
        PermanentError: no period is given, and there are rows of several.
    """
    periods = [
        None if moment is None else BillingPeriod.containing(moment) for moment in period_start.values.to_pylist()
    ]
    numbers = np.array([0 if period is None else period.year * 12 + period.month for period in periods] + [0], np.int32)
    of_row = numbers[period_start.source.codes]
    if wanted_period is None:
        found = {periods[code] for code in np.unique(period_start.source.codes).tolist() if code >= 0} - {None}
        if len(found) > 1:
            months = ", ".join(sorted(str(period) for period in found))
            raise PermanentError(
                f"the file holds rows of several billing periods ({months}), where a delivery is one month. "
                "Data files without a manifest can be loaded so that each row goes to its month"
            )
        return np.ones(len(of_row), np.bool_), {period for period in found if period is not None}
    here = (of_row == wanted_period.year * 12 + wanted_period.month) | (of_row == 0)
    return here, {wanted_period} if here.any() else set()


def time_columns(
    lines: Lines, source: Mapping[str, Coded], moments: Mapping[str, Moments], period_start: Moments
) -> dict[str, Coded | pa.Array]:
    """The five FOCUS columns that are times, or follow from them."""
    month = Moments(period_start.source, _each(period_start.values, lambda period: period.start), {})
    following = Moments(period_start.source, _each(period_start.values, lambda period: period.end), {})
    begin = period_start.array(lines.rows) if PERIOD_START in source else month.array(lines.rows)
    end = following.array(lines.rows)
    if PERIOD_END in source:
        told = parse_moments(source[PERIOD_END], ends=True).array(lines.rows)
        end = pc.coalesce(told, end) if told.null_count else told
    start = moments[USAGE_START].array(lines.rows)
    # FOCUS: a correction is of a period that was invoiced before. A guess: a refund of usage before this period is.
    refund = lines.of(Kind.REFUND, Kind.TAX_REFUND, Kind.PURCHASE_REFUND, Kind.UPFRONT_REFUND)
    refund |= lines.text("bill_bill_type").lookup(lambda bill_type: bill_type == "Refund", np.bool_, False)
    if refund.any():
        refund &= pc.less(start, begin).to_numpy(zero_copy_only=False)
    count = len(lines)
    return {
        "BillingPeriodStart": begin,
        "BillingPeriodEnd": end,
        "ChargePeriodStart": start,
        "ChargePeriodEnd": moments[USAGE_END].array(lines.rows),
        "ChargeClass": choose(refund, constant("Correction", count), nothing(count)),
    }


def _each(values: pa.Array, bound: Callable[[BillingPeriod], datetime]) -> pa.Array:
    """A bound of the billing period that each moment falls in."""
    return pa.array(
        [None if moment is None else bound(BillingPeriod.containing(moment)) for moment in values.to_pylist()], MOMENT
    )
