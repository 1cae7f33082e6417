"""Comparing two exports of one billing account's month: the one that counts and a shadow. Pure.

Amounts are compared to the cent, by currency and charge category; services say where a difference is. A member's export
is compared with the member's part of the payer's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from staxpipe.db.sources import CostLine, Holder
from staxpipe.focus.numbers import exact_add, exact_subtract
from staxpipe.model import BillingPeriod
from staxpipe.warehouse.source_rule import Owner, owner_of, same_to_the_cent

SERVICES_NAMED = 3
"""How many services a verdict names; the report has all."""


class Verdict(StrEnum):
    """What a comparison comes to."""

    EQUAL = "equal"
    SAME_TOTAL = "same-total"  # of each currency; charge categories differ
    DIFFERS = "differs"
    NOTHING_IN_COMMON = "nothing-in-common"  # no usage account is in both


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
        return {currency: amount.billed for (currency,), amount in _grouped(self.lines, _by_currency).items()}


@dataclass(frozen=True)
class Amount:
    """Rows, and what they cost in one currency."""

    rows: int = 0
    billed: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)


@dataclass(frozen=True)
class Compared:
    """One part of the month, on both sides. `part` is a charge category or a service."""

    part: str
    currency: str
    counted: Amount
    shadow: Amount

    @property
    def billed_difference(self) -> Decimal:
        """What the shadow bills more."""
        return exact_subtract(self.shadow.billed, self.counted.billed)

    @property
    def effective_difference(self) -> Decimal:
        """What the shadow's effective cost is more."""
        return exact_subtract(self.shadow.effective, self.counted.effective)

    @property
    def equal(self) -> bool:
        """Whether both costs are equal to the cent; rows may differ."""
        return same_to_the_cent(self.counted.billed, self.shadow.billed) and same_to_the_cent(
            self.counted.effective, self.shadow.effective
        )


@dataclass(frozen=True)
class Comparison:
    """A month of two exports, side by side. `scope` are the usage accounts compared; empty: all of them."""

    counted: Holding
    shadow: Holding
    scope: tuple[str, ...]
    totals: tuple[Compared, ...]  # by currency; `part` is ""
    categories: tuple[Compared, ...]
    services: tuple[Compared, ...]  # only those that differ, largest difference first
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the totals of each currency are equal to the cent."""
        return self.verdict in (Verdict.EQUAL, Verdict.SAME_TOTAL)

    @property
    def in_words(self) -> str:
        """The verdict as a part of a sentence."""
        if self.verdict is Verdict.NOTHING_IN_COMMON:
            return "has no usage account in common with it"
        if self.verdict is Verdict.EQUAL:
            return "is equal to the cent" + self._rows_in_words()
        if self.verdict is Verdict.SAME_TOTAL:
            categories = ", ".join(dict.fromkeys(c.part for c in self.categories if not c.equal))
            return f"is equal to the cent in total, and divided otherwise among charge categories ({categories})"
        differences = "; ".join(_difference_in_words(total) for total in self.totals if not total.equal)
        named = [_service_in_words(service) for service in self.services[:SERVICES_NAMED]]
        more = len(self.services) - len(named)
        if more:
            named.append(f"{more:,} more")
        return f"differs by {differences}" + (f": in {', '.join(named)}" if named else "")

    def _rows_in_words(self) -> str:
        counted = sum(total.counted.rows for total in self.totals)
        shadow = sum(total.shadow.rows for total in self.totals)
        return "" if counted == shadow else f", in {shadow:,} rows where that has {counted:,}"


@dataclass(frozen=True)
class NotCounted:
    """A usage account whose cost is in a shadow and not in the export that counts: it is in nobody's total."""

    sub_account_id: str
    export_id: int
    source: str
    currency: str
    billed: Decimal
    effective: Decimal


def compare(counted: Holding, shadow: Holding, period: BillingPeriod) -> Comparison:
    """Compare the export that counts with one that does not."""
    scope = _scope(counted, shadow)
    mine = tuple(line for line in counted.lines if not scope or line.sub_account_id in scope)
    totals = _side_by_side(mine, shadow.lines, _by_currency)
    categories = _side_by_side(mine, shadow.lines, _by_category)
    detailed = all(line.service_name is not None for line in (*mine, *shadow.lines))
    services = _side_by_side(mine, shadow.lines, _by_service) if detailed else ()
    largest_first = sorted(
        (part for part in services if not part.equal), key=lambda part: (-_size(part), part.part, part.currency)
    )
    verdict = _verdict(counted, shadow, totals, categories)
    reasons = tuple(_reasons(counted, shadow, period, bool(scope)))
    return Comparison(counted, shadow, tuple(sorted(scope)), totals, categories, tuple(largest_first), verdict, reasons)


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
        for (sub_account, currency), amount in sorted(_grouped(lines, _by_sub_account).items()):
            if not (same_to_the_cent(amount.billed, Decimal(0)) and same_to_the_cent(amount.effective, Decimal(0))):
                holder = shadow.holder
                found.append(
                    NotCounted(sub_account, holder.export_id, holder.source, currency, amount.billed, amount.effective)
                )
        seen |= missing
    return tuple(found)


def _scope(counted: Holding, shadow: Holding) -> frozenset[str]:
    """The usage accounts that a member's export is compared on; empty where all is compared."""
    if shadow.owner is Owner.MEMBER and counted.owner is not Owner.MEMBER and counted.sub_accounts is not None:
        return shadow.sub_accounts or frozenset()
    return frozenset()


def _verdict(counted: Holding, shadow: Holding, totals: Sequence[Compared], categories: Sequence[Compared]) -> Verdict:
    if counted.sub_accounts and shadow.sub_accounts and not counted.sub_accounts & shadow.sub_accounts:
        return Verdict.NOTHING_IN_COMMON
    if all(part.equal for part in categories):
        return Verdict.EQUAL
    return Verdict.SAME_TOTAL if all(total.equal for total in totals) else Verdict.DIFFERS


def _reasons(counted: Holding, shadow: Holding, period: BillingPeriod, scoped: bool) -> Iterable[str]:
    """What is known to make two exports of one month differ, as far as it is so here."""
    mine, theirs = counted.holder, shadow.holder
    if mine.kind != theirs.kind and any(kind.startswith("focus") for kind in (mine.kind, theirs.kind)):
        yield (
            "FOCUS exports have other rows than Cost and Usage Reports, and FOCUS 1.2 others than 1.0: AWS itself says "
            "that row counts and values differ."
        )
    if scoped:
        yield "A member's export holds the member's costs only, of the time that it belonged to the organisation."
    elif Owner.MEMBER in (counted.owner, shadow.owner) and counted.owner != shadow.owner:
        yield "One is a member's export, which holds the member's costs only; the other holds the whole account."
    if counted.sub_accounts is not None and shadow.sub_accounts is not None and not scoped:
        less = sorted(counted.sub_accounts - shadow.sub_accounts)
        if less:
            yield f"The shadow has nothing of {_named(less)}: its SQL may filter, or it is not the whole account's."
    net = [_is_net(holder.columns) for holder in (mine, theirs)]
    if None not in net and net[0] != net[1]:
        which = "the counted one" if net[0] else "the shadow"
        yield f"Only {which} has net costs (after discounts); of the other the unblended cost is taken."
    if mine.final != theirs.final:
        which = "shadow" if mine.final else "counted one"
        yield f"The {which} is provisional: not every charge in it has an invoice."
    if mine.delivered_at != theirs.delivered_at:
        age = _duration(abs((theirs.delivered_at - mine.delivered_at).total_seconds()))
        order = "newer" if theirs.delivered_at > mine.delivered_at else "older"
        running = ", and the month went on meanwhile" if still_running(mine, theirs, period) else ""
        yield f"The shadow's delivery is {age} {order}{running}."


def still_running(one: Holder, other: Holder, period: BillingPeriod) -> bool:
    """Whether usage came between two deliveries: the older was made before the month was over."""
    older, newer = sorted((one.delivered_at, other.delivered_at))
    return older < newer and older < period.end


def _is_net(columns: Sequence[str]) -> bool | None:
    """Whether a report has net costs; None where its columns are not known, or are those of FOCUS."""
    plain = {"".join(filter(str.isalnum, name)).lower() for name in columns}
    if not any(name.endswith("unblendedcost") for name in plain):
        return None
    return any(name.endswith("netunblendedcost") for name in plain)


_Key = Callable[[CostLine], tuple[str, ...]]


def _by_currency(line: CostLine) -> tuple[str, ...]:
    return (line.currency,)


def _by_category(line: CostLine) -> tuple[str, ...]:
    return line.currency, line.charge_category


def _by_service(line: CostLine) -> tuple[str, ...]:
    return line.currency, line.service_name or ""


def _by_sub_account(line: CostLine) -> tuple[str, ...]:
    return line.sub_account_id or "", line.currency


def _grouped(lines: Iterable[CostLine], key: _Key) -> dict[tuple[str, ...], Amount]:
    sums: dict[tuple[str, ...], Amount] = defaultdict(Amount)
    for line in lines:
        before = sums[key(line)]
        sums[key(line)] = Amount(
            before.rows + line.rows,
            exact_add(before.billed, line.billed_cost),
            exact_add(before.effective, line.effective_cost),
        )
    return sums


def _side_by_side(counted: Iterable[CostLine], shadow: Iterable[CostLine], key: _Key) -> tuple[Compared, ...]:
    mine, theirs = _grouped(counted, key), _grouped(shadow, key)
    return tuple(
        Compared("".join(of[1:]), of[0], mine.get(of, Amount()), theirs.get(of, Amount()))
        for of in sorted({**mine, **theirs})
    )


def _size(part: Compared) -> Decimal:
    return max(abs(part.billed_difference), abs(part.effective_difference))


def _difference_in_words(total: Compared) -> str:
    if not same_to_the_cent(total.counted.billed, total.shadow.billed):
        return f"{total.currency} {total.billed_difference:+,.2f} billed"
    return f"{total.currency} {total.effective_difference:+,.2f} effective"


def _service_in_words(service: Compared) -> str:
    if not same_to_the_cent(service.counted.billed, service.shadow.billed):
        return f"{service.part} {service.currency} {service.billed_difference:+,.2f}"
    return f"{service.part} {service.currency} {service.effective_difference:+,.2f} effective"


def _duration(seconds: float) -> str:
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    for count, unit in ((days, "day"), (hours, "hour"), (minutes, "minute")):
        if count >= 1:
            return f"{count:.0f} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _named(names: Sequence[str], most: int = 5) -> str:
    told = ", ".join(names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most:,} more"
