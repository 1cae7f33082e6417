"""Reading what is compared: every month of an account that several exports hold, each shadow beside what counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from staxpipe.db import sources
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod
from staxpipe.warehouse.election import compare_month
from staxpipe.warehouse.parity import Comparison


@dataclass(frozen=True)
class MonthParity:
    """A month of an account, and its comparisons. None of them where one export alone holds the month."""

    account: str
    period: BillingPeriod
    comparisons: tuple[Comparison, ...]


def read_parity(connection: Connection, account: str, period: BillingPeriod | None) -> list[MonthParity]:
    """The account's loaded months, or one of them, oldest first.

    Raises:
        PermanentError: nothing of it is loaded.
    """
    loaded = sources.months(connection, account)
    months: Sequence[BillingPeriod] = loaded if period is None else [month for month in loaded if month == period]
    if not months:
        what = f"{period} of account {account}" if period else f"account {account}"
        raise PermanentError(
            f"Nothing of {what} is loaded. `staxpipe source list` shows the accounts and months that are."
        )
    return [_month(connection, account, month) for month in months]


def _month(connection: Connection, account: str, period: BillingPeriod) -> MonthParity:
    holders = sources.holders(connection, account, period)
    elected = sources.elected(connection, account, period)
    if len(holders) < 2 or elected not in {holder.export_id for holder in holders}:
        return MonthParity(account, period, ())
    return MonthParity(account, period, compare_month(connection, account, period, holders, elected))
