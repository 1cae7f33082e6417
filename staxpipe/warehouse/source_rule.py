"""The rule by which one export is elected for a billing account's month. Pure: values in, a decision out.

`docs/counting.md` says the same for people. Of all exports that hold the month, first comes

1. the one that an operator chose for the month, else the one chosen for every month of the account;
2. an export of a link before files that a person loaded: AWS keeps it up to date;
3. the payer's own export, then one whose owner is not known, then a member's: that holds the member's costs only, and
   only those of the time that it belonged to the organisation;
4. legacy CUR, CUR 2.0, FOCUS 1.2, FOCUS 1.0, an export of unknown kind: nobody can filter a legacy CUR with SQL, and
   a CUR says more than FOCUS;
5. the one seen first: the lowest number.

What comes first gives way to another where it fell behind it: see `_gives_way`. Nothing here depends on which export
was published first, or on what was elected before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

from staxpipe.focus.numbers import exact_subtract
from staxpipe.model import ExportKind

BEHIND = timedelta(days=3)
"""AWS delivers at least once a day: who is this much older than another is no longer delivered, or cannot be loaded."""

HALF_A_CENT = Decimal("0.005")
"""Amounts that are closer are equal to the cent: AWS ships binary floats, whose sums differ in the last digits."""


class Chosen(IntEnum):
    """Whether an operator chose an export, in the order in which that counts."""

    FOR_THE_MONTH = 0
    FOR_EVERY_MONTH = 1
    NOT = 2


class Owner(IntEnum):
    """Whose export it is, seen from the billing account, in the order in which that counts."""

    PAYER = 0
    UNKNOWN = 1
    MEMBER = 2


class Reason(StrEnum):
    """Which rule decided: the first one on which the elected export differs from the next best."""

    ONLY = "only-source"
    CHOSEN = "chosen"
    CHOSEN_FOR_EVERY_MONTH = "chosen-for-every-month"
    LINK = "link-before-files"
    OWNER = "owner"
    KIND = "kind"
    FIRST_SEEN = "first-seen"
    OTHER_FELL_BEHIND = "other-fell-behind"


IN_WORDS: Mapping[str, str] = {
    Reason.ONLY: "the only export that holds it",
    Reason.CHOSEN: "chosen by the operator for this month",
    Reason.CHOSEN_FOR_EVERY_MONTH: "chosen by the operator for every month",
    Reason.LINK: "a link's export, kept up to date",
    Reason.OWNER: "the payer's own export, or not known to be a member's",
    Reason.KIND: "the kind of export that says most",
    Reason.FIRST_SEEN: "seen first",
    Reason.OTHER_FELL_BEHIND: "newer: the one that goes before it fell behind",
}
"""Reasons as people read them."""

_KINDS = (
    ExportKind.LEGACY_CUR,
    ExportKind.CUR_2_0,
    ExportKind.FOCUS_1_2,
    ExportKind.FOCUS_1_0,
    ExportKind.DATA_EXPORT,
)
_DECIDING = (None, Reason.LINK, Reason.OWNER, Reason.KIND, Reason.FIRST_SEEN)  # by position in `Candidate.rank`


@dataclass(frozen=True)
class Candidate:
    """One export that holds the billing account's month.

    Attributes:
        export_id: its number in the ledger; exports are numbered as they are first seen.
        linked: whether it belongs to a link, not to a person's files.
        owner: whose it is, as `owner_of` tells.
        kind: what AWS product it is.
        delivered_at: when the delivery that is loaded was delivered (of bare files: when they were written).
        final: whether every charge of that delivery has an invoice.
        billed: what it bills the account, by currency. Needed where there are several candidates.
        sub_accounts: the usage accounts that cost anything; None where nobody kept them.
        chosen: whether an operator chose it.
    """

    export_id: int
    linked: bool
    owner: Owner
    kind: ExportKind
    delivered_at: datetime
    final: bool
    billed: Mapping[str, Decimal] = field(default_factory=dict)
    sub_accounts: frozenset[str] | None = None
    chosen: Chosen = Chosen.NOT

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """What comes first in the rule compares smallest. No two exports have the same."""
        return (self.chosen, not self.linked, self.owner, _KINDS.index(self.kind), self.export_id)


@dataclass(frozen=True)
class Elected:
    """The export that counts, and why."""

    export_id: int
    reason: Reason


def elect(candidates: Sequence[Candidate]) -> Elected:
    """The one export that counts for a billing account's month, whatever order they come in.

    Raises:
        ValueError: there are no candidates.
    """
    ordered = ranked(candidates)
    if not ordered:
        raise ValueError("there is nothing to elect from")
    elected = ordered[0]
    # Each step goes to a later delivery, so this ends; of those that may take over, the first in rank does.
    while (newer := next((other for other in ordered if _gives_way(elected, other)), None)) is not None:
        elected = newer
    if elected is not ordered[0]:
        return Elected(elected.export_id, Reason.OTHER_FELL_BEHIND)
    if elected.chosen is not Chosen.NOT:
        for_month = elected.chosen is Chosen.FOR_THE_MONTH
        return Elected(elected.export_id, Reason.CHOSEN if for_month else Reason.CHOSEN_FOR_EVERY_MONTH)
    if len(ordered) == 1:
        return Elected(elected.export_id, Reason.ONLY)
    return Elected(elected.export_id, _first_difference(elected, ordered[1]))


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates in the order of the rule, before anyone gives way."""
    return sorted(candidates, key=lambda candidate: candidate.rank)


def owner_of(billing_account: str, owner: str | None, sub_accounts: frozenset[str] | None) -> Owner:
    """Whose export it is, from the account that its manifest names, else from the usage accounts in it.

    Manifests of Data Exports do not always tell the owner. "You can create a report for only the member account's cost
    and usage data" (AWS, Using Cost and Usage Reports for AWS Organizations): an export that holds one usage account,
    and not the payer, is taken for that member's. That is an inference; an organisation with one account that costs
    anything looks the same, and then all its exports are ranked alike.
    """
    if owner is not None:
        return Owner.PAYER if owner == billing_account else Owner.MEMBER
    if sub_accounts is not None and len(sub_accounts) == 1 and billing_account not in sub_accounts:
        return Owner.MEMBER
    return Owner.UNKNOWN


def newer_rival(candidates: Sequence[Candidate], elected: Candidate) -> Candidate | None:
    """The export that is far newer than the elected one, says something else, and yet may not take over by itself.

    A person has to look: the elected one may have ended, the other may be filtered. None where there is no such
    export, or where the month is invoiced in full, so that nobody expects news.
    """
    return next((other for other in ranked(candidates) if _is_rival(elected, other)), None)


def same_to_the_cent(left: Decimal, right: Decimal) -> bool:
    """Whether two amounts are equal as far as an invoice can tell."""
    return abs(exact_subtract(left, right)) < HALF_A_CENT


def _gives_way(leading: Candidate, other: Candidate) -> bool:
    """Whether an export fell behind another, which can take its place without a loss.

    Its delivery is more than three days older, and the month is not invoiced in full. A closed month never changes its
    source by itself: a new export delivers all history today, and that is no news about it. The other holds at least
    as much money in each currency and every usage account (one that a WHERE clause filters does not), and there is
    something to gain: more money, or the invoices. Files never take the place of a link's export: their times tell
    when somebody copied them. Nothing takes the place of what an operator chose.
    """
    return (
        leading.chosen is Chosen.NOT
        and (other.linked or not leading.linked)
        and _is_behind(leading, other)
        and _covers(leading, other)
        and (other.final or _more_somewhere(other, leading))
    )


def _is_rival(elected: Candidate, other: Candidate) -> bool:
    if other.owner is Owner.MEMBER and elected.owner is not Owner.MEMBER:
        return False  # it holds a part of the elected one's money, and never more
    if elected.sub_accounts and other.sub_accounts and not elected.sub_accounts & other.sub_accounts:
        return False  # they have nothing in common: neither is news about the other
    return _is_behind(elected, other) and (_more_somewhere(other, elected) or _more_somewhere(elected, other))


def _is_behind(older: Candidate, newer: Candidate) -> bool:
    return not older.final and newer.delivered_at - older.delivered_at > BEHIND


def _covers(leading: Candidate, other: Candidate) -> bool:
    """Whether the other holds at least the leading one's money and usage accounts, as far as those are known."""
    known = leading.sub_accounts is not None and other.sub_accounts is not None
    if known and not (leading.sub_accounts or frozenset()) <= (other.sub_accounts or frozenset()):
        return False
    return not _more_somewhere(leading, other)


def _more_somewhere(one: Candidate, other: Candidate) -> bool:
    """Whether one holds more money than the other in any currency, by a cent at least."""
    zero = Decimal(0)
    return any(
        exact_subtract(one.billed.get(currency, zero), other.billed.get(currency, zero)) >= HALF_A_CENT
        for currency in {**one.billed, **other.billed}
    )


def _first_difference(elected: Candidate, next_best: Candidate) -> Reason:
    for reason, mine, theirs in zip(_DECIDING, elected.rank, next_best.rank, strict=True):
        if mine != theirs and reason is not None:
            return reason
    raise ValueError(f"export {elected.export_id} is a candidate twice")
