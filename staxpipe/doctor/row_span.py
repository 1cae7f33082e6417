"""How much time the rows of a report are about, told by how one of its files begins. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from staxpipe.doctor.facts import Granularity
from staxpipe.exports.beginning import Beginning
from staxpipe.focus.names import canonical_name

_SPANS = {timedelta(hours=1): Granularity.HOURLY, timedelta(days=1): Granularity.DAILY}
_PAIRS = (("charge_period_start", "charge_period_end"),)
_INTERVAL = "identity_time_interval"
_KINDS = ("line_item_line_item_type", "charge_category")
_USAGE = frozenset({"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"})


def granularity_of(start: Beginning) -> Granularity | None:
    """By the first row's interval; None where that tells nothing.

    A fee for a whole month stands in an hourly report too, and so does a tax, which has a day as its interval: that
    rows are daily is told by usage alone.
    """
    row = {canonical_name(name): value for name, value in zip(start.header, start.first_row, strict=False)}
    ends = row.get(_INTERVAL, "").split("/")
    candidates = [ends, *([row.get(first, ""), row.get(last, "")] for first, last in _PAIRS)]
    found = next((span for pair in candidates if (span := _span(pair)) is not None), None)
    is_usage = any(row.get(kind) in _USAGE for kind in _KINDS)
    return None if found is Granularity.DAILY and not is_usage else found


def _span(ends: list[str]) -> Granularity | None:
    try:
        begin, end = (datetime.fromisoformat(moment) for moment in ends)
        return _SPANS.get(end - begin)
    except (ValueError, TypeError):  # no two moments, or one with and one without a time zone
        return None
