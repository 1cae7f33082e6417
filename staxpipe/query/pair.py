"""Which two deliveries of an account's month are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from enum import StrEnum

from sqlalchemy import Connection

from staxpipe.db import journal
from staxpipe.db.journal import JournalEntry
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod
from staxpipe.query.past import called, listed


class Since(StrEnum):
    """Moments that people ask about."""

    YESTERDAY = "yesterday"  # what was published last before today, UTC
    CLOSE = "close"  # the first delivery in which every charge had an invoice


def choose(
    connection: Connection,
    account: str,
    period: BillingPeriod,
    now: datetime,
    before: str | None,
    after: str | None,
    since: Since | None,
) -> tuple[JournalEntry, JournalEntry]:
    """The earlier and the later delivery; arguments and errors are those of `staxpipe.query.diff.compare`."""
    entries = journal.published(connection, period, account)
    if not entries:
        raise PermanentError(_nothing(connection, account, period))
    counted = journal.counted_export(connection, account, period)
    if since is not None:
        if before is not None or after is not None:
            raise PermanentError("--since says what to compare with; leave --from and --to out, or leave it out.")
        own = _of_export(entries, counted) or entries
        return _since(since, own, now), own[-1]
    everything = journal.published(connection, period)
    first = None if before is None else _named(everything, before)
    second = None if after is None else _named(everything, after)
    if second is None:
        export = counted if first is None else first.export_id
        second = (_of_export(everything, export) or entries)[-1]
    if first is None:
        own = _of_export(everything, second.export_id)
        earlier = own[: own.index(second)]
        if not earlier:
            raise PermanentError(_alone(entries, second))
        first = earlier[-1]
    elif after is None and first == second:
        raise PermanentError(f"D{called(first)[1:]} is the newest of {first.source}: nothing came after it.")
    return first, second


def _since(since: Since, own: Sequence[JournalEntry], now: datetime) -> JournalEntry:
    """What the newest delivery of an export is compared with."""
    if since is Since.CLOSE:
        final = [entry for entry in own if entry.final]
        if not final:
            raise PermanentError(
                f"{own[-1].period} is not closed: there are charges without an invoice in every delivery so far."
            )
        return final[0]
    today = datetime.combine(now.astimezone(UTC), time.min, UTC)
    earlier = [entry for entry in own if entry.published_at is not None and entry.published_at < today]
    if not earlier:
        raise PermanentError(
            f"No delivery of {own[0].period} was published before today (UTC). There are: {listed(own)}."
        )
    return earlier[-1]


def _named(entries: Sequence[JournalEntry], name: str) -> JournalEntry:
    found = [entry for entry in entries if str(entry.id) == name]
    found = found or [entry for entry in entries if name and entry.delivery_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise PermanentError(f"The ids of {len(found)} deliveries begin with {name!r}: {listed(found)}.")
    raise PermanentError(
        f"No published delivery of the month has the number {name!r}, or an id that begins so. "
        f"There are: {listed(entries)}."
    )


def _of_export(entries: Iterable[JournalEntry], export_id: int | None) -> list[JournalEntry]:
    return [entry for entry in entries if entry.export_id == export_id]


def _alone(entries: Sequence[JournalEntry], only: JournalEntry) -> str:
    others = [entry for entry in entries if entry.export_id != only.export_id]
    more = f" Other exports have the month too: name two by --from and --to of {listed([only, *others])}."
    return (
        f"Before {called(only)} nothing of the month was published by {only.source}, so there is nothing to compare "
        f"it with.{more if others else ''}"
    )


def _nothing(connection: Connection, account: str, period: BillingPeriod) -> str:
    known = journal.counted_months(connection)
    if account in known:
        return f"{period} of account {account} is not loaded. These months of it are: {', '.join(known[account])}."
    if known:
        return f"Nothing of billing account {account} is loaded. These accounts are: {', '.join(known)}."
    return "Nothing is loaded yet. `staxpipe load` loads files that you have; `staxpipe up` links an AWS account."
