"""What a comparison comes to: the two sides, the difference with its reason, and the words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from staxpipe.focus.numbers import exact_subtract, exact_sum
from staxpipe.model import Finding, Severity

HALF_A_CENT = Decimal("0.005")
"""Two amounts are equal when they differ by less: our side has up to 18 decimals, an invoice two."""

ZERO = Decimal(0)


class Against(StrEnum):
    """What a month is compared with."""

    INVOICES = "invoices"
    COST_EXPLORER = "cost-explorer"

    @property
    def words(self) -> str:
        """As in a sentence."""
        return "the invoices" if self is Against.INVOICES else "Cost Explorer"


class Reason(StrEnum):
    """Why two sides differ, the gravest first: of several, the first is told."""

    UNEXPLAINED = "unexplained"
    NOT_LISTED = "invoice-not-listed"  # the report names an invoice that AWS does not list
    NOT_IN_REPORT = "invoice-not-in-report"  # AWS lists an invoice that no row of the report names
    MARKETPLACE = "marketplace"  # the same, of an AWS Marketplace invoice
    CREDIT_MEMO = "credit-memo"  # the same, of a credit memo
    CREDITS = "credits"
    TAX = "tax"
    OTHER_CURRENCY = "other-currency"
    NOT_FINAL = "not-final"  # rows without an invoice id, or a month that Cost Explorer calls estimated
    ROUNDING = "rounding"


_PASSES = frozenset({Reason.NOT_FINAL, Reason.ROUNDING, Reason.OTHER_CURRENCY})
"""Reasons that nobody has to look into."""

_WORDS: Mapping[Reason, str] = {
    Reason.UNEXPLAINED: "Nothing here explains it.",
    Reason.NOT_LISTED: "The report names an invoice that AWS does not list for this account: it may be addressed to "
    "another account or issued by a partner.",
    Reason.NOT_IN_REPORT: "AWS lists an invoice that no row of the report names: a report that does not refresh closed "
    "months lacks what is charged later.",
    Reason.MARKETPLACE: "AWS lists an AWS Marketplace invoice that no row of the report names; its charges may be in "
    "the report of another month.",
    Reason.CREDIT_MEMO: "AWS lists a credit memo that no row of the report names; what it takes back may be in the "
    "report of another month.",
    Reason.CREDITS: "Credits account for it.",
    Reason.TAX: "Tax accounts for all of it; before tax, both sides are equal.",
    Reason.OTHER_CURRENCY: "The other side is in another currency only, so the amounts cannot be compared.",
    Reason.NOT_FINAL: "AWS has not closed the month: the difference should go when it does.",
    Reason.ROUNDING: "AWS rounds an invoice line by line and the report not at all; this much can come of it.",
}


@dataclass(frozen=True)
class Part:
    """One invoice, or one class of charges, on both sides. None: that side does not have it.

    `subject` is an invoice id, empty for rows without one, or a word such as ``Tax``.
    """

    subject: str
    theirs: Decimal | None
    ours: Decimal | None
    reason: Reason | None = None
    note: str = ""

    @property
    def difference(self) -> Decimal:
        """Theirs less ours."""
        return exact_subtract(self.theirs or ZERO, self.ours or ZERO)


@dataclass(frozen=True)
class Comparison:
    """One month's total in one currency on both sides. `reason` is None where they are equal to the cent."""

    against: Against
    currency: str
    theirs: Decimal
    ours: Decimal
    reason: Reason | None = None
    parts: tuple[Part, ...] = ()
    note: str = ""

    @property
    def difference(self) -> Decimal:
        """Theirs less ours."""
        return exact_subtract(self.theirs, self.ours)

    @property
    def needs_a_look(self) -> bool:
        """Whether it differs for a reason that does not pass by itself."""
        return self.reason is not None and not passes(self.reason)


def equal(left: Decimal, right: Decimal) -> bool:
    """Whether two amounts of one currency are equal to the cent."""
    return abs(exact_subtract(left, right)) < HALF_A_CENT


def concluded(against: Against, currency: str, parts: Iterable[Part], note: str = "") -> Comparison:
    """The whole from its parts.

    Equal when the totals are, and when no invoice that both sides know differs: two wrongs make no right. What only
    one side knows by that name may be the same money (rows whose invoice id is still to come).
    """
    listed = tuple(parts)
    theirs = exact_sum(part.theirs for part in listed)
    ours = exact_sum(part.ours for part in listed)
    shared = any(part.reason for part in listed if part.theirs is not None and part.ours is not None)
    reason: Reason | None = None
    if shared or not equal(theirs, ours):
        # Without one, differences of less than half a cent have piled up.
        reason = gravest(part.reason for part in listed) or Reason.ROUNDING
    return Comparison(against, currency, theirs, ours, reason, listed, note)


def gravest(reasons: Iterable[Reason | None]) -> Reason | None:
    """The reason to be told of several; None where there is none."""
    found = {reason for reason in reasons if reason is not None}
    return next((reason for reason in Reason if reason in found), None)


def finding(comparison: Comparison, account: str, period: object) -> Finding:
    """The comparison for people: ``invoices-agree``, ``invoice-differs`` and the same of Cost Explorer."""
    which = "invoice" if comparison.against is Against.INVOICES else "cost-explorer"
    where = f"{period} of account {account}"
    theirs, ours, currency = money(comparison.theirs), money(comparison.ours), comparison.currency
    if comparison.reason is None:
        message = f"{where}: {comparison.against.words} and the report agree, {ours} {currency}."
        return Finding("invoices-agree" if which == "invoice" else "cost-explorer-agrees", Severity.INFO, message)
    says = "say" if which == "invoice" else "says"
    message = (
        f"{where}: {comparison.against.words} {says} {theirs} {currency} and the report says {ours} {currency}, a "
        f"difference of {money(comparison.difference)} {currency}. {_WORDS[comparison.reason]}"
    )
    if comparison.note:
        message = f"{message} {comparison.note}"
    severity = Severity.WARNING if comparison.needs_a_look else Severity.INFO
    apart = [part for part in comparison.parts if part.reason is not None]
    apart.sort(key=lambda part: -abs(part.difference))
    examples = tuple(f"{part.subject or 'without invoice id'}: {_both(part)}" for part in apart[:5])
    return Finding(f"{which}-differs", severity, message, max(1, len(apart)), examples)


def codes(against: Against) -> frozenset[str]:
    """The codes of every finding that a comparison against this can make."""
    if against is Against.INVOICES:
        return frozenset({"invoices-agree", "invoice-differs"})
    return frozenset({"cost-explorer-agrees", "cost-explorer-differs"})


def detail(comparison: Comparison) -> dict[str, object]:
    """What is kept beside the two totals, as JSON values."""
    return {
        "reason": comparison.reason,
        "note": comparison.note,
        "parts": [
            {
                "subject": part.subject,
                "theirs": None if part.theirs is None else f"{part.theirs:f}",
                "ours": None if part.ours is None else f"{part.ours:f}",
                "reason": part.reason,
                "note": part.note,
            }
            for part in comparison.parts
        ],
    }


def passes(reason: Reason) -> bool:
    """Whether a difference for this reason is nobody's to look into: it goes by itself, or cannot be compared."""
    return reason in _PASSES


def words(reason: Reason) -> str:
    """The reason as a sentence."""
    return _WORDS[reason]


def money(amount: Decimal) -> str:
    """An amount for people: to the cent."""
    return f"{round(amount, 2):,.2f}"


def _both(part: Part) -> str:
    theirs = "not there" if part.theirs is None else money(part.theirs)
    ours = "not in the report" if part.ours is None else f"{money(part.ours)} in the report"
    return f"{theirs}, {ours}" + (f" ({part.note})" if part.note else "")
