"""What the control totals of a delivery must satisfy, and what is said where they do not.

Billed cost of the lake = net or unblended cost of the source, per billing account and currency, to the cent; and
every source row is accounted for. The rest are findings: they explain, ask to look, or say what was assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from staxpipe.focus import residuals
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.numbers import exact_add, exact_subtract
from staxpipe.focus.residuals import open_balances
from staxpipe.focus.source_columns import ASSUMED
from staxpipe.focus.tally import SourceSum, Tally
from staxpipe.model import Finding, Severity

__all__ = ["Balance", "Reconciliation", "reconcile", "residual_rows", "residual_tally"]

HALF_A_CENT = Decimal("0.005")
INVARIANT_TOLERANCE = Decimal("0.01")
"""AWS rounds amortised parts to eight decimals an hour; real months agree to four decimals."""
EXAMPLES = 5


@dataclass(frozen=True)
class Balance:
    """Both sides of one billing account and currency."""

    billing_account_id: str
    currency: str
    source_cost: Decimal
    billed_cost: Decimal

    @property
    def difference(self) -> Decimal:
        """Billed minus source, exact."""
        return exact_subtract(self.billed_cost, self.source_cost)


@dataclass(frozen=True)
class Reconciliation:
    """Whether a delivery adds up, and what there is to say about it, the worst first."""

    reconciled: bool
    findings: tuple[Finding, ...]
    balances: tuple[Balance, ...] = ()


def residual_rows(tally: Tally, context: MappingContext) -> pa.RecordBatch | None:
    """Adjustment rows for covered + negation residuals, or None; see residuals.py."""
    return residuals.residual_rows(tally, context)


def residual_tally(rows: pa.RecordBatch) -> Tally:
    """The totals of residual rows, to be added to the delivery's tally."""
    return residuals.residual_tally(rows)


def reconcile(tally: Tally) -> Reconciliation:
    """Compare both sides of a delivery; residual rows must have been tallied."""
    balances = _balances(tally)
    off = [_off(balance) for balance in balances if abs(balance.difference) >= HALF_A_CENT]
    lost = _lost_rows(tally)
    findings = [*off, *lost, *_money_findings(tally), *_assumptions(tally), *_explanations(tally)]
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return Reconciliation(
        not off and not lost, tuple(sorted(findings, key=lambda finding: order[finding.severity])), balances
    )


def _balances(tally: Tally) -> tuple[Balance, ...]:
    source: dict[tuple[str, str], Decimal] = {}
    billed: dict[tuple[str, str], Decimal] = {}
    for (account, currency, _), left in tally.source.items():
        source[account, currency] = exact_add(source.get((account, currency), Decimal(0)), left.cost)
    for (account, currency, _), right in tally.focus.items():
        billed[account, currency] = exact_add(billed.get((account, currency), Decimal(0)), right.billed)
    return tuple(
        Balance(
            account, currency, source.get((account, currency), Decimal(0)), billed.get((account, currency), Decimal(0))
        )
        for account, currency in sorted(source.keys() | billed.keys())
    )


def _off(balance: Balance) -> Finding:
    return Finding(
        "cost-off",
        Severity.ERROR,
        f"account {balance.billing_account_id}: the source adds up to {_money(balance.source_cost)} "
        f"{balance.currency} and the lake to {_money(balance.billed_cost)}, off by {_money(balance.difference)}",
    )


def _lost_rows(tally: Tally) -> list[Finding]:
    expected = (
        tally.rows_read
        - tally.rows_quarantined
        - tally.rows_elsewhere
        - tally.rows_negated
        + tally.rows_doubled
        + tally.rows_residual
    )
    if expected == tally.rows_written:
        return []
    return [
        Finding(
            "rows-off",
            Severity.ERROR,
            f"{expected} rows should have been written and {tally.rows_written} were "
            f"({tally.rows_read} read, {tally.rows_quarantined} refused, {tally.rows_elsewhere} of other periods, "
            f"{tally.rows_negated} negations, {tally.rows_doubled} fees doubled, {tally.rows_residual} residuals)",
            abs(expected - tally.rows_written),
        )
    ]


def _money_findings(tally: Tally) -> list[Finding]:
    """Findings that somebody should look at: money that is not where it is expected."""
    found: list[Finding] = []
    if tally.rows_quarantined:
        found.append(
            Finding(
                "rejected-rows",
                Severity.ERROR,
                f"{_rows(tally.rows_quarantined)} could not be read and are in no total; "
                "the quarantine names file, row, column and value of each",
                tally.rows_quarantined,
                _most(tally.rejected_columns),
            )
        )
    for (account, currency), amount in sorted(open_balances(tally).items()):
        found.append(
            Finding(
                "savings-plan-residual",
                Severity.WARNING,
                f"account {account}: Savings Plan covered usage and its negation do not balance; "
                f"{_money(amount)} {currency} are left over and shown as Adjustment",
                max(tally.rows_residual, 1),
            )
        )
    found += _sums(
        tally.discounted,
        "discounted-usage-costs",
        "usage covered by a reservation has a cost of its own, where AWS normally writes 0; it is kept as billed cost",
    )
    found += _sums(
        tally.net_zero,
        "net-cost-zero",
        "the net cost is 0 where the unblended cost is not, and neither a net rate of 0 nor discounts of that size "
        "say so: it is taken for missing, and the unblended cost counts",
    )
    if not tally.rows_net_lower:
        found += _sums(
            tally.gross_discounts,
            "discount-beside-net-cost",
            "discounts stand as rows of their own with a net cost of 0, as where the net costs of other rows contain "
            "them, but none does: they are subtracted nowhere; compare with the invoice",
        )
    found += _reservation_findings(tally)
    if tally.rows_unamortised:
        found.append(
            Finding(
                "amortised-cost-missing",
                Severity.WARNING,
                f"{_rows(tally.rows_unamortised)} of reservations or Savings Plans have no amortised cost in the "
                "source: billed cost is right, and effective cost is too low",
                tally.rows_unamortised,
            )
        )
    return found


def _reservation_findings(tally: Tally) -> list[Finding]:
    """Used + unused = recurring + amortised (gross), which holds on real months to four decimals."""
    found: list[Finding] = []
    for (account, currency), sums in sorted(tally.reservations.items()):
        left = exact_add(sums.used, sums.unused)
        right = exact_add(sums.recurring, sums.amortised)
        if abs(exact_subtract(left, right)) > INVARIANT_TOLERANCE:
            found.append(
                Finding(
                    "ri-invariant-off",
                    Severity.WARNING,
                    f"account {account}: reservations used ({_money(sums.used)}) and unused ({_money(sums.unused)}) do "
                    f"not add up to what was paid ({_money(sums.recurring)}) and amortised "
                    f"({_money(sums.amortised)} {currency}). Purchased by another account, or fee rows are missing",
                )
            )
    return found


def _assumptions(tally: Tally) -> list[Finding]:
    found: list[Finding] = []
    for column, rows in sorted(tally.assumed.items()):
        found.append(
            Finding(
                "column-assumed",
                Severity.WARNING,
                f"the column {column} is absent, so {ASSUMED[column]}",
                rows,
                (column,),
            )
        )
    if tally.unknown_types:
        found.append(
            Finding(
                "unknown-line-item-type",
                Severity.WARNING,
                "line-item types that staxpipe does not know are loaded as Adjustment with their cost: "
                + ", ".join(sorted(tally.unknown_types)),
                sum(tally.unknown_types.values()),
                _most(tally.unknown_types),
            )
        )
    return found


def _explanations(tally: Tally) -> list[Finding]:
    found: list[Finding] = []
    if tally.unknown_services:
        found.append(
            Finding(
                "unknown-service",
                Severity.INFO,
                "product codes that staxpipe's table of services does not have are in category Other: "
                + ", ".join(_most(tally.unknown_services)),
                sum(tally.unknown_services.values()),
                _most(tally.unknown_services),
            )
        )
    if tally.rows_unlisted:
        found.append(
            Finding(
                "list-cost-unreadable",
                Severity.INFO,
                f"the public on-demand cost of {_rows(tally.rows_unlisted)} is not a number; their list cost is taken "
                "from rate and quantity, or from what they cost",
                tally.rows_unlisted,
            )
        )
    if tally.rows_rounded:
        found.append(
            Finding(
                "rounded-amounts",
                Severity.INFO,
                f"{_rows(tally.rows_rounded)} have an amount of more than 18 decimals, which is rounded to 18",
                tally.rows_rounded,
            )
        )
    if tally.rows_without_invoice:
        found.append(
            Finding(
                "no-invoice-yet",
                Severity.INFO,
                f"provisional: {_rows(tally.rows_without_invoice)} have no invoice id yet, and may still change",
                tally.rows_without_invoice,
            )
        )
    return found


def _sums(sums: Mapping[tuple[str, str], SourceSum], code: str, what: str) -> list[Finding]:
    return [
        Finding(code, Severity.WARNING, f"account {account}: {_money(found.cost)} {currency}: {what}", found.rows)
        for (account, currency), found in sorted(sums.items())
    ]


def _most(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:EXAMPLES])


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _money(amount: Decimal) -> str:
    """An amount for people: at least two decimals, at most ten, never an exponent."""
    text = f"{amount:.10f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"
