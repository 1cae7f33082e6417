"""Which account-months to run now: decided from the ledger and from what runs already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from staxpipe.db.deliveries import PENDING, LedgerEntry
from staxpipe.ingest.announcement import GIVE_UP_WAITING
from staxpipe.model import BillingPeriod


@dataclass(frozen=True)
class Request:
    """One run to ask for. `key` names account, month, newest delivery and attempt, so it is never used twice.
    `deliveries` are row ids of the ledger, with the attempts there were."""

    account_id: str
    period: BillingPeriod
    deliveries: Mapping[int, int]
    key: str


def choose_requests(due: Iterable[LedgerEntry], working: Set[str], most: int) -> list[Request]:
    """Account-months that wait and are not being worked on, newest month first within each turn of the accounts.

    Accounts take turns, so that one with years of history does not keep the others waiting; within an account
    the newest months come first, since people look at those first.

    Args:
        due: pending deliveries.
        working: partition keys (``account|YYYY-MM``) of runs that are queued or under way.
        most: how many to ask for at once.
    """
    by_account: dict[str, dict[BillingPeriod, list[LedgerEntry]]] = {}
    for entry in due:
        if entry.account_id is not None and f"{entry.account_id}|{entry.period}" not in working:
            by_account.setdefault(entry.account_id, {}).setdefault(entry.period, []).append(entry)
    queues = [(account, sorted(months.items(), reverse=True)) for account, months in by_account.items()]
    turns = max((len(months) for _account, months in queues), default=0)
    fair = [(account, *months[turn]) for turn in range(turns) for account, months in queues if turn < len(months)]
    return [
        Request(
            account,
            period,
            {entry.id: entry.attempts for entry in entries},
            ":".join([account, str(period), entries[-1].delivery.delivery_id, str(entries[-1].attempts + 1)]),
        )
        for account, period, entries in fair[:most]
    ]


def waits_for_another_attempt(newest: Iterable[LedgerEntry]) -> bool:
    """Whether a failed run is no news yet: what it worked on is asked for again by itself."""
    return any(entry.state in PENDING and entry.attempts < GIVE_UP_WAITING for entry in newest)
