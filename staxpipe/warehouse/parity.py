"""Comparing two exports of one billing account's month: the one that counts and a shadow. Pure.

Amounts are compared to the cent, by currency and charge category; services say where a difference is. A member's export
is compared with the member's part of the payer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from staxpipe.db.sources import CostLine
from staxpipe.focus.numbers import exact_subtract
from staxpipe.model import BillingPeriod
from staxpipe.warehouse.holdings import Amount, Holding, Key, by_category, by_currency, by_service, grouped
from staxpipe.warehouse.parity_reasons import known_reasons
from staxpipe.warehouse.source_rule import Owner, same_to_the_cent

SERVICES_NAMED = 3
"""How many services a verdict names; the report has all."""


class Verdict(StrEnum):
    """What a comparison comes to."""

    EQUAL = "equal"
    SAME_TOTAL = "same-total"  # of each currency; charge categories differ
    DIFFERS = "differs"
    NOTHING_IN_COMMON = "nothing-in-common"  # no usage account is in both


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


def compare(counted: Holding, shadow: Holding, period: BillingPeriod) -> Comparison:
    """Compare the export that counts with one that does not."""
    scope = _scope(counted, shadow)
    mine = tuple(line for line in counted.lines if not scope or line.sub_account_id in scope)
    totals = _side_by_side(mine, shadow.lines, by_currency)
    categories = _side_by_side(mine, shadow.lines, by_category)
    detailed = all(line.service_name is not None for line in (*mine, *shadow.lines))
    services = _side_by_side(mine, shadow.lines, by_service) if detailed else ()
    largest_first = sorted(
        (part for part in services if not part.equal), key=lambda part: (-_size(part), part.part, part.currency)
    )
    verdict = _verdict(counted, shadow, totals, categories)
    reasons = tuple(known_reasons(counted, shadow, period, bool(scope)))
    return Comparison(counted, shadow, tuple(sorted(scope)), totals, categories, tuple(largest_first), verdict, reasons)


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


def _side_by_side(counted: Iterable[CostLine], shadow: Iterable[CostLine], key: Key) -> tuple[Compared, ...]:
    mine, theirs = grouped(counted, key), grouped(shadow, key)
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
