"""How long the months on their way will take, with how sure that is. Pure.

What is left is measured by two yardsticks, bytes and months, and both by the pace since it began and by the pace of
late: none of them is right for every account, and what lies between them is what can honestly be said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.onboarding.progress import DONE_SHARE, Month, Progress

FEWEST_MONTHS = 2
"""With fewer loaded, nobody can tell: the first month's time holds everything that happens only once."""


@dataclass(frozen=True)
class Estimate:
    """The time that is left lies between the two, most likely."""

    least: timedelta
    most: timedelta


def remaining(progress: Progress, now: datetime) -> Estimate | None:
    """How long the months on their way will take; None while nobody can tell, or where none is on its way."""
    if not progress.pending:
        return None
    began = min(month.discovered_at for month in progress.pending)
    done = sorted(
        (month.loaded_at, month.bytes)
        for month in progress.loaded
        if month.loaded_at is not None and began < month.loaded_at <= now
    )
    if len(done) < FEWEST_MONTHS:
        return None
    left_bytes, left_months = _left(progress.pending)
    middle = len(done) // 2
    late, since = done[middle:], done[middle - 1][0]
    guesses = [
        span * (left / amount)
        for span, months in ((now - began, done), (now - since, late))
        for left, amount in (
            (left_bytes, sum(max(size, 1) for _, size in months)),
            (left_months, len(months)),
        )
        if span > timedelta()
    ]
    doubt = 1 / math.sqrt(len(done))
    return Estimate(min(guesses) * (1 - doubt / 2), max(guesses) * (1 + doubt))


def _left(pending: tuple[Month, ...]) -> tuple[float, float]:
    shares = [1 - DONE_SHARE[month.state] for month in pending]
    return sum(max(month.bytes, 1) * share for month, share in zip(pending, shares, strict=True)), sum(shares)
