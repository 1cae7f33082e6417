"""Which delivery a person means by a number or the beginning of an id, and its files, where the lake still has them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from staxpipe.db import journal
from staxpipe.db.journal import JournalEntry
from staxpipe.errors import PermanentError
from staxpipe.lake.table import Lake, PlannedFile
from staxpipe.model import BillingPeriod

_SHOWN = 5


def find_delivery(
    engine: Engine, name: str, *, account: str | None = None, period: BillingPeriod | None = None
) -> JournalEntry:
    """The one delivery of that number, or whose id begins so.

    Raises:
        PermanentError: there is none, or there are several.
    """
    with engine.connect() as connection:
        found = journal.named(connection, name, period, account) if name else []
    if not found:
        of = f" of {period}" if period else ""
        of += f" of account {account}" if account else ""
        raise PermanentError(
            f"No delivery{of} has the number {name!r}, or an id that begins so. "
            "`staxpipe diff` and the view month_ledger name deliveries."
        )
    if len(found) > 1:
        raise PermanentError(
            f"The ids of {len(found)} deliveries begin with {name!r}. Name one by its number: {listed(found)}."
        )
    return found[0]


def files_as_of(lake: Lake, entry: JournalEntry) -> list[PlannedFile]:
    """The files of a delivery's month as of that delivery.

    Raises:
        PermanentError: it was never in the lake, or its time is over.
    """
    files = lake.files_of_delivery(entry.export_id, entry.period, entry.delivery_id)
    if files is None:
        raise PermanentError(why_not_held(entry))
    return files


def why_not_held(entry: JournalEntry) -> str:
    """Why the lake cannot be read as of a delivery that it does not hold, in a sentence."""
    if entry.snapshot_id is None:
        return f"D{called(entry)[1:]} was never loaded, so there is nothing to read as of it."
    since = f" since {entry.expired_at:%Y-%m-%d}" if entry.expired_at else ""
    return (
        f"The lake does not hold {called(entry)} any more{since}: superseded deliveries are kept for a time "
        "(STAXPIPE_KEEP_DELIVERIES_DAYS). What it came to is in the journal, which `staxpipe diff` reads."
    )


def called(entry: JournalEntry) -> str:
    """A delivery by its number, month and time."""
    return f"delivery {entry.id} of {entry.period} ({entry.delivered_at:%Y-%m-%d %H:%M} UTC)"


def listed(entries: Sequence[JournalEntry]) -> str:
    """Deliveries by their numbers and times, the newest few of them."""
    newest = [f"{entry.id} ({entry.period}, {entry.delivered_at:%Y-%m-%d %H:%M})" for entry in entries[-_SHOWN:]]
    return ", ".join((["…"] if len(entries) > _SHOWN else []) + newest)
