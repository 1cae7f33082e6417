"""What exports hold of a billing account's month: sums of each, and what only those hold that do not count. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from staxpipe.db.sources import CostLine, Holder
from staxpipe.focus.numbers import exact_add
from staxpipe.warehouse.source_rule import Owner, owner_of, same_to_the_cent


@dataclass(frozen=True)
class Holding:
    """An export that holds the account's month, and what it bills."""

    holder: Holder
    account: str
    lines: tuple[CostLine, ...]

    @property
    def sub_accounts(self) -> frozenset[str] | None:
        """The usage accounts that cost anything; None where nobody kept them."""
        if any(line.service_name is None for line in self.lines) or not self.lines:
            return None
        return frozenset(
            line.sub_account_id
            for line in self.lines
            if line.sub_account_id is not None and (line.billed_cost or line.effective_cost)
        )

    @property
    def owner(self) -> Owner:
        """Whose export it is."""
        return owner_of(self.account, self.holder.owner, self.sub_accounts)

    @property
    def billed(self) -> dict[str, Decimal]:
        """What it bills, by currency."""
        return {currency: amount.billed for (currency,), amount in grouped(self.lines, by_currency).items()}


@dataclass(frozen=True)
class Amount:
    """Rows, and what they cost in one currency."""

    rows: int = 0
    billed: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)


@dataclass(frozen=True)
class NotCounted:
    """A usage account whose cost is in a shadow and not in the export that counts: it is in nobody's total."""

    sub_account_id: str
    export_id: int
    source: str
    currency: str
    billed: Decimal
    effective: Decimal


def not_counted(counted: Holding, shadows: Iterable[Holding]) -> tuple[NotCounted, ...]:
    """The usage accounts that cost something in a shadow, and of which the export that counts has nothing.

    As two members' exports of one payer have it: each holds another account, and only one of them is elected. A usage
    account that several shadows hold is told once, from the first.
    """
    if counted.sub_accounts is None:
        return ()
    seen = set(counted.sub_accounts)
    found: list[NotCounted] = []
    for shadow in shadows:
        missing = (shadow.sub_accounts or frozenset()) - seen
        lines = [line for line in shadow.lines if line.sub_account_id in missing]
        for (sub_account, currency), amount in sorted(grouped(lines, by_sub_account).items()):
            if not (same_to_the_cent(amount.billed, Decimal(0)) and same_to_the_cent(amount.effective, Decimal(0))):
                holder = shadow.holder
                found.append(
                    NotCounted(sub_account, holder.export_id, holder.source, currency, amount.billed, amount.effective)
                )
        seen |= missing
    return tuple(found)


Key = Callable[[CostLine], tuple[str, ...]]
"""What lines are summed by; costs only ever with their currency."""


def by_currency(line: CostLine) -> tuple[str, ...]:
    """Currency."""
    return (line.currency,)


def by_category(line: CostLine) -> tuple[str, ...]:
    """Currency and charge category."""
    return line.currency, line.charge_category


def by_service(line: CostLine) -> tuple[str, ...]:
    """Currency and service."""
    return line.currency, line.service_name or ""


def by_sub_account(line: CostLine) -> tuple[str, ...]:
    """Usage account and currency."""
    return line.sub_account_id or "", line.currency


def grouped(lines: Iterable[CostLine], key: Key) -> dict[tuple[str, ...], Amount]:
    """Exact sums of lines by a key."""
    sums: dict[tuple[str, ...], Amount] = defaultdict(Amount)
    for line in lines:
        before = sums[key(line)]
        sums[key(line)] = Amount(
            before.rows + line.rows,
            exact_add(before.billed, line.billed_cost),
            exact_add(before.effective, line.effective_cost),
        )
    return sums
