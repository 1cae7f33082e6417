"""The operator's word on which export counts: taking it, giving it back, and electing again at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from staxpipe.db import audit_log, source_choices, sources
from staxpipe.db.month_totals import month_totals
from staxpipe.db.source_choices import EVERY_MONTH
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod
from staxpipe.warehouse.election import reelect

MONTHS_NAMED = 12


@dataclass(frozen=True)
class MonthElected:
    """The source of one month after a choice. `before` is what counted until then."""

    period: BillingPeriod
    before: int | None
    export_id: int
    source: str
    reason: str


def choose(
    connection: Connection,
    account: str,
    period: BillingPeriod | None,
    export_id: int,
    actor: str,
    place: str | None = None,
) -> list[MonthElected]:
    """Have an export counted for a month of the account, or for every month that has no choice of its own.

    In a month that the export does not hold, the rule goes on deciding. Returns the months that this is about. Who
    chose, and from where, is `actor` and `place` in the audit log.

    Raises:
        PermanentError: there is no such export, or it has not loaded what it is chosen for.
    """
    sources.lock_account(connection, account)
    source = sources.export_source(connection, export_id)
    if source is None:
        raise PermanentError(f"There is no export {export_id}. `staxpipe source list` shows the exports there are.")
    held = _months_of(connection, account, export_id)
    months = sources.months(connection, account) if period is None else [period]
    if not set(months) & set(held):
        raise PermanentError(_not_held(account, period, export_id, source, held))
    source_choices.set_choice(connection, account, str(period or EVERY_MONTH), export_id, actor)
    _record(connection, actor, place, "source.chosen", account, period, {"export": export_id})
    return _reelect(connection, account, months, actor)


def release(
    connection: Connection, account: str, period: BillingPeriod | None, actor: str, place: str | None = None
) -> list[MonthElected]:
    """Take a choice back: the one for the month, or the one for every month. Then the rule decides.

    Raises:
        PermanentError: nothing was chosen.
    """
    sources.lock_account(connection, account)
    if not source_choices.remove_choice(connection, account, str(period or EVERY_MONTH)):
        raise PermanentError(_nothing_chosen(account, period, sorted(source_choices.choices(connection, account))))
    _record(connection, actor, place, "source.released", account, period, {})
    months = sources.months(connection, account) if period is None else [period]
    return _reelect(connection, account, months, actor)


def _reelect(connection: Connection, account: str, months: Sequence[BillingPeriod], actor: str) -> list[MonthElected]:
    outcome = []
    for month in months:
        before = sources.elected(connection, account, month)
        elected = reelect(connection, account, month, actor)
        if elected is not None:
            source = sources.export_source(connection, elected.export_id) or ""
            outcome.append(MonthElected(month, before, elected.export_id, source, elected.reason))
    return outcome


def _months_of(connection: Connection, account: str, export_id: int) -> list[BillingPeriod]:
    totals = month_totals(connection, account)
    return [BillingPeriod.parse(total.period) for total in totals if total.export_id == export_id]


def _record(
    connection: Connection,
    actor: str,
    place: str | None,
    action: str,
    account: str,
    period: BillingPeriod | None,
    detail: dict[str, object],
) -> None:
    subject = f"account:{account}/{period or EVERY_MONTH}"
    audit_log.record(connection, actor, action, subject, "done", place, detail)


def _not_held(
    account: str, period: BillingPeriod | None, export_id: int, source: str, held: Sequence[BillingPeriod]
) -> str:
    what = f"{period} of account {account}" if period else f"any month of account {account}"
    if not held:
        return (
            f"Export {export_id} ({source}) has not loaded {what}. `staxpipe source list --account {account}` shows "
            "the exports that have."
        )
    months = sorted({str(month) for month in held})
    named = ", ".join(months[-MONTHS_NAMED:])
    more = f" and {len(months) - MONTHS_NAMED} months before" if len(months) > MONTHS_NAMED else ""
    return f"Export {export_id} ({source}) has not loaded {what}; it holds {named}{more}. Choose it for one of those."


def _nothing_chosen(account: str, period: BillingPeriod | None, chosen: Sequence[str]) -> str:
    what = f"{period} of account {account}" if period else f"every month of account {account}"
    if not chosen:
        return f"No export was chosen for {what}, so there is nothing to release."
    there = ", ".join("every month (leave --period out)" if period == EVERY_MONTH else period for period in chosen)
    return f"No export was chosen for {what}, so there is nothing to release. There are choices for: {there}."
