"""What changed between two deliveries of an account's month: in money, by service, in which columns.

From the lake while it holds both; else from the journal, which knows services and amounts but no rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Engine

from staxpipe.db import journal
from staxpipe.db.journal import JournalEntry, ServiceCost
from staxpipe.errors import PermanentError
from staxpipe.lake.table import Lake, PlannedFile
from staxpipe.model import BillingPeriod
from staxpipe.query.pair import Since, choose
from staxpipe.query.past import called, why_not_held
from staxpipe.query.row_changes import RowChanges, compare_files


@dataclass(frozen=True)
class Amounts:
    """Rows and their exact costs, in one currency."""

    rows: int = 0
    billed: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.rows + other.rows, self.billed + other.billed, self.effective + other.effective)

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(self.rows - other.rows, self.billed - other.billed, self.effective - other.effective)


@dataclass(frozen=True)
class Change:
    """Amounts before and after, of a currency as a whole or of one service, sub-account and charge category in it."""

    currency: str
    before: Amounts
    after: Amounts
    service_name: str | None = None
    sub_account_id: str | None = None
    charge_category: str | None = None

    @property
    def change(self) -> Amounts:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Diff:
    """What changed.

    `accounts` are the billing accounts that were compared, before and after: two only where each delivery is of one
    account and they are not the same; then the rows of the one are taken as if they were the other's. `changes` are
    those of services that did change, largest first; `rows` is None where only the journal knows, and `rows_unknown`
    says why.
    """

    billing_account_id: str
    period: BillingPeriod
    before: JournalEntry
    after: JournalEntry
    totals: tuple[Change, ...]
    changes: tuple[Change, ...]
    rows: RowChanges | None
    rows_unknown: str | None
    accounts: tuple[str, str]


def compare(
    lake: Lake,
    engine: Engine,
    account: str,
    period: BillingPeriod,
    now: datetime,
    *,
    before: str | None = None,
    after: str | None = None,
    since: Since | None = None,
) -> Diff:
    """What changed between two published deliveries: the last two of the export that counts, where none is named.

    Args:
        lake: where line items are.
        engine: where the journal is.
        account: the billing account.
        period: the month.
        now: an aware moment; what is yesterday depends on it.
        before: a delivery's number or the beginning of its id; left out, the one before `after`.
        after: the same; left out, the newest.
        since: instead of both.

    Raises:
        PermanentError: there are no two such deliveries; says which there are.
    """
    with engine.connect() as connection:
        first, second = choose(connection, account, period, now, before, after, since)
    accounts = _accounts(first, second, account)
    rows, unknown = None, None
    files = [_files(lake, entry, own) for entry, own in zip((first, second), accounts, strict=True)]
    if files[0] is not None and files[1] is not None:
        compared = compare_files(lake, files[0], files[1], account)
        rows, changes = compared.rows, _changes(compared.before, compared.after)
    else:
        unknown = why_not_held(first if files[0] is None else second)
        with engine.connect() as connection:
            sides = [
                _journal(connection, entry, own, account) for entry, own in zip((first, second), accounts, strict=True)
            ]
        changes = _changes(*sides)
    return Diff(account, period, first, second, _totals(changes), _largest_first(changes), rows, unknown, accounts)


def _accounts(first: JournalEntry, second: JournalEntry, account: str) -> tuple[str, str]:
    """Whose rows are compared: the account's; or those of two deliveries that have one account each, not the same."""
    if account not in first.accounts and account not in second.accounts:
        raise PermanentError(f"Neither {called(first)} nor {called(second)} is of account {account}.")
    if len(first.accounts) == len(second.accounts) == 1:
        return first.accounts[0], second.accounts[0]
    return account, account


def _files(lake: Lake, entry: JournalEntry, account: str) -> list[PlannedFile] | None:
    files = lake.files_of_delivery(entry.export_id, entry.period, entry.delivery_id)
    return None if files is None else [file for file in files if file.billing_account_id == account]


def _journal(connection: Connection, entry: JournalEntry, own: str, account: str) -> list[ServiceCost]:
    costs = journal.services(connection, entry.id, own)
    if not costs and own in entry.accounts:
        raise PermanentError(
            f"D{called(entry)[1:]} was loaded by a version that did not keep what it came to by service, and the lake "
            "does not hold it any more: it cannot be compared."
        )
    return [replace(cost, sub_account_id=account) if cost.sub_account_id == own else cost for cost in costs]


def _changes(before: Iterable[ServiceCost], after: Iterable[ServiceCost]) -> list[Change]:
    """Both sides of every service, sub-account, charge category and currency."""
    sides: list[dict[tuple[str, str, str | None, str], Amounts]] = []
    for rows in (before, after):
        side: dict[tuple[str, str, str | None, str], Amounts] = {}
        for row in rows:
            key = (row.currency, row.service_name, row.sub_account_id, row.charge_category)
            side[key] = side.get(key, Amounts()) + Amounts(row.rows, row.billed_cost, row.effective_cost)
        sides.append(side)
    return [
        Change(key[0], sides[0].get(key, Amounts()), sides[1].get(key, Amounts()), *key[1:])
        for key in {**sides[0], **sides[1]}
    ]


def _totals(changes: Iterable[Change]) -> tuple[Change, ...]:
    totals: dict[str, Change] = {}
    for change in changes:
        so_far = totals.get(change.currency, Change(change.currency, Amounts(), Amounts()))
        totals[change.currency] = Change(change.currency, so_far.before + change.before, so_far.after + change.after)
    return tuple(totals[currency] for currency in sorted(totals))


def _largest_first(changes: Iterable[Change]) -> tuple[Change, ...]:
    different = [change for change in changes if change.before != change.after]
    return tuple(
        sorted(
            different,
            key=lambda line: (
                -max(abs(line.change.billed), abs(line.change.effective)),
                -abs(line.change.rows),
                line.currency,
                line.service_name or "",
                line.sub_account_id or "",
                line.charge_category or "",
            ),
        )
    )
