"""What must be equal in a delivery: the two sides of each identity, and whether they are.

Pure arithmetic on control totals. An identity that does not hold is explained in `findings.py`, or stops the delivery
in `reconciliation.py`. All costs are exact decimals, each in the currency of its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from staxpipe.focus.numbers import exact_add, exact_subtract, exact_sum
from staxpipe.focus.outcomes import COUNTED
from staxpipe.focus.residuals import open_balances
from staxpipe.focus.tally import Tally

HALF_A_CENT = Decimal("0.005")
INVARIANT_TOLERANCE = Decimal("0.01")
"""AWS rounds amortised parts to eight decimals an hour; real months agree to four decimals."""

COVERED = "SavingsPlanCoveredUsage"
NEGATION = "SavingsPlanNegation"


class IdentityName(StrEnum):
    """What is compared; the value is what the ledger calls it."""

    BILLED = "billed"  # the lake's BilledCost = net or unblended cost of the source
    NEGATION = "negation"  # covered usage = what its negations take away
    RESERVATIONS = "reservations"  # used + unused = recurring + amortised upfront fees
    SAVINGS_PLANS = "savings-plans"  # effective cost of covered usage = used commitment of the fee rows
    MARTS = "marts"  # billed cost of the marts = that of the lake


class Reason(StrEnum):
    """The class of a difference."""

    ROUNDING = "rounding"  # below half a cent
    RESIDUAL = "residual"  # shown as Adjustment
    OWNED_ELSEWHERE = "owned-elsewhere"  # the commitment's fee, or its usage, is in another account's export
    QUARANTINE = "quarantined-rows"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Identity:
    """One comparison of one billing account and currency. `reason` is given wherever the sides differ."""

    billing_account_id: str
    currency: str
    name: IdentityName
    left: Decimal
    right: Decimal
    holds: bool
    reason: Reason | None = None

    @property
    def difference(self) -> Decimal:
        """Left minus right, exact."""
        return exact_subtract(self.left, self.right)


def identities(tally: Tally) -> tuple[Identity, ...]:
    """Every identity of a delivery whose columns and rows are there; residual rows must have been tallied."""
    return (*_billed(tally), *_negation(tally), *_reservations(tally), *_plans(tally))


def marts_identity(account: str, currency: str, marts: Decimal, lake: Decimal) -> Identity:
    """The marts are sums of the lake's own rows, so nothing but equality will do."""
    same = marts == lake
    return Identity(account, currency, IdentityName.MARTS, marts, lake, same, None if same else Reason.UNEXPLAINED)


def _billed(tally: Tally) -> Iterable[Identity]:
    """Also where one of the sides has no row at all."""
    source = {
        key: Decimal(0) for key in ((account, currency) for account, currency, *_ in (*tally.source, *tally.focus))
    }
    lake = dict(source)
    for (account, currency, _, outcome), total in tally.source.items():
        if outcome in COUNTED:
            source[account, currency] = exact_add(source[account, currency], total.cost)
    for (account, currency, _), written in tally.focus.items():
        lake[account, currency] = exact_add(lake[account, currency], written.billed)
    for (account, currency), right in sorted(source.items()):
        left = lake[account, currency]
        yield _identity(account, currency, IdentityName.BILLED, left, right, HALF_A_CENT, Reason.UNEXPLAINED)


def _negation(tally: Tally) -> Iterable[Identity]:
    """Covered usage and negation balance by plan, operation, usage type, zone and hour: see `balances.py`."""
    unbalanced = open_balances(tally)
    pairs = sorted({(account, currency) for account, currency, word, _ in tally.source if word in {COVERED, NEGATION}})
    for account, currency in pairs:
        covered, negated = (
            exact_sum(
                total.cost
                for (of, in_, word, outcome), total in tally.source.items()
                if (of, in_, word) == (account, currency, wanted) and outcome in COUNTED
            )
            for wanted in (COVERED, NEGATION)
        )
        holds = (account, currency) not in unbalanced
        same = covered == -negated
        reason = None if holds and same else Reason.ROUNDING if holds else Reason.RESIDUAL
        yield Identity(account, currency, IdentityName.NEGATION, covered, -negated, holds, reason)


def _reservations(tally: Tally) -> Iterable[Identity]:
    for (account, currency), sums in sorted(tally.reservations.items()):
        left, right = exact_add(sums.used, sums.unused), exact_add(sums.recurring, sums.amortised)
        name = IdentityName.RESERVATIONS
        yield _identity(account, currency, name, left, right, INVARIANT_TOLERANCE, Reason.OWNED_ELSEWHERE)


def _plans(tally: Tally) -> Iterable[Identity]:
    for (account, currency), sums in sorted(tally.plans.items()):
        name = IdentityName.SAVINGS_PLANS
        yield _identity(account, currency, name, sums.covered, sums.used, INVARIANT_TOLERANCE, Reason.OWNED_ELSEWHERE)


def _identity(
    account: str, currency: str, name: IdentityName, left: Decimal, right: Decimal, tolerance: Decimal, broken: Reason
) -> Identity:
    size = abs(exact_subtract(left, right))
    holds = size < tolerance
    reason = None if not size else Reason.ROUNDING if holds else broken
    return Identity(account, currency, name, left, right, holds, reason)
