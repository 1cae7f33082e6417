"""How often something was done of late, counted in Postgres so that every process counts the same.

Queries only; each takes a Connection whose transaction the caller owns. How often is too often is decided in
`staxpipe.onboarding.limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import rate_limits

_FORGOTTEN_AT_ONCE = 100
_HIGHEST = 1_000_000  # a counter that somebody drives up must not overflow


@dataclass(frozen=True)
class Usage:
    """How often it was done since the span of time began, this time included, and when that span ends."""

    used: int
    ends_at: datetime


def count(connection: Connection, key: str, now: datetime, span: timedelta, times: int = 1) -> Usage:
    """Count one more, or several: in the span that runs, or as the first of a new one.

    One statement, so that of any number that come at once each gets a number of its own. Commit soon: the others wait.
    """
    over = rate_limits.c.ends_at <= now
    row = connection.execute(
        upsert(rate_limits)
        .values(key=key, used=times, ends_at=now + span)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "used": case((over, times), else_=func.least(rate_limits.c.used + times, _HIGHEST)),
                "ends_at": case((over, now + span), else_=rate_limits.c.ends_at),
            },
        )
        .returning(rate_limits.c.used, rate_limits.c.ends_at)
    ).one()
    return Usage(row.used, row.ends_at)


def give_back(connection: Connection, key: str, now: datetime) -> None:
    """Take one back that turned out to be none."""
    connection.execute(
        update(rate_limits)
        .where(rate_limits.c.key == key, rate_limits.c.ends_at > now, rate_limits.c.used > 0)
        .values(used=rate_limits.c.used - 1)
    )


def forget(connection: Connection, now: datetime) -> None:
    """Remove some that are over; those that another process has just taken up are passed by, not waited for.

    Call it after all that a transaction counts: whoever waits for a row that is removed here must not hold one that is
    still wanted.
    """
    over = (
        select(rate_limits.c.key)
        .where(rate_limits.c.ends_at <= now)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(rate_limits).where(rate_limits.c.key.in_(over)))
