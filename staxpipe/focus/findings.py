"""What is said of a delivery beside its totals: money that is not where it is expected, assumptions, explanations.

Whether the totals agree is decided in `identities.py` and `reconciliation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from staxpipe.focus import passthrough_columns, source_columns
from staxpipe.focus.identities import Identity, IdentityName
from staxpipe.focus.numbers import exact_add
from staxpipe.focus.outcomes import Outcome
from staxpipe.focus.residuals import open_balances
from staxpipe.focus.tally import SourceSum, Tally
from staxpipe.model import Finding, Severity

EXAMPLES = 5

_ASSUMED = {column: f"is absent, so {what}" for column, what in source_columns.ASSUMED.items()} | {
    column: f"is absent or empty, so {what}" for column, what in passthrough_columns.ASSUMED.items()
}


def findings_of(tally: Tally, identities: tuple[Identity, ...]) -> list[Finding]:
    """Everything that people should know of a delivery but whether it adds up."""
    return [*_money_findings(tally, identities), *_assumptions(tally), *_explanations(tally)]


def _money_findings(tally: Tally, identities: tuple[Identity, ...]) -> list[Finding]:
    """Findings that somebody should look at: money that is not where it is expected."""
    found: list[Finding] = []
    if tally.rows_quarantined:
        found.append(
            Finding(
                "rejected-rows",
                Severity.ERROR,
                f"{_rows(tally.rows_quarantined)} could not be read, missing from every total; "
                "the quarantine names file, row, column and value of each. " + _missing(tally),
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
                f"{money(amount)} {currency} are left over and shown as Adjustment",
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
    if tally.unreadable_maps:
        found.append(
            Finding(
                "map-unreadable",
                Severity.WARNING,
                "tags or other maps whose text is no JSON object are kept whole, under the key #unreadable: "
                + ", ".join(sorted(tally.unreadable_maps)),
                sum(tally.unreadable_maps.values()),
                _most(tally.unreadable_maps),
            )
        )
    found += _sums(
        _split_costs(tally),
        "split-cost-billed",
        "split cost allocation rows have a cost of their own; it is left out, since the instance's row has it already",
    )
    found += [_broken(identity) for identity in identities if identity.name in _BROKEN and not identity.holds]
    if tally.rows_unamortised:
        found.append(
            Finding(
                "amortised-cost-missing",
                Severity.WARNING,
                f"{_rows(tally.rows_unamortised)} of reservations or Savings Plans without an amortised cost in the "
                "source: billed cost is right, and effective cost is too low",
                tally.rows_unamortised,
            )
        )
    return found


_BROKEN = {
    IdentityName.RESERVATIONS: (
        "ri-invariant-off",
        "reservations: used and unused ({left}) do not add up to what was paid and amortised ({right}). Purchased by "
        "another account, or fee rows are missing",
    ),
    IdentityName.SAVINGS_PLANS: (
        "savings-plan-invariant-off",
        "Savings Plans: covered usage costs {left} by its plans, and the plans' fee rows say that {right} were used. "
        "Purchased by another account, or rows are missing",
    ),
}


def _broken(identity: Identity) -> Finding:
    code, words = _BROKEN[identity.name]
    sides = {"left": money(identity.left), "right": f"{money(identity.right)} {identity.currency}"}
    return Finding(code, Severity.WARNING, f"account {identity.billing_account_id}: {words.format(**sides)}")


def _assumptions(tally: Tally) -> list[Finding]:
    found: list[Finding] = []
    for column, rows in sorted(tally.assumed.items()):
        found.append(
            Finding(
                "column-assumed",
                Severity.WARNING,
                f"the column {column} {_ASSUMED[column]}",
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
                f"the public on-demand cost of {_rows(tally.rows_unlisted)} is not a number; the list cost is taken "
                "from rate and quantity, or from what they cost",
                tally.rows_unlisted,
            )
        )
    if tally.rows_rounded:
        found.append(
            Finding(
                "rounded-amounts",
                Severity.INFO,
                f"{_rows(tally.rows_rounded)} with an amount of more than 18 decimals, which is rounded to 18",
                tally.rows_rounded,
            )
        )
    if tally.rows_without_invoice:
        found.append(
            Finding(
                "no-invoice-yet",
                Severity.INFO,
                f"provisional: {_rows(tally.rows_without_invoice)} of the report without an invoice id yet; they may "
                "still change",
                tally.rows_without_invoice,
            )
        )
    return found


def _sums(sums: Mapping[tuple[str, str], SourceSum], code: str, what: str) -> list[Finding]:
    return [
        Finding(code, Severity.WARNING, f"account {account}: {money(found.cost)} {currency}: {what}", found.rows)
        for (account, currency), found in sorted(sums.items())
    ]


def _most(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:EXAMPLES])


def _split_costs(tally: Tally) -> dict[tuple[str, str], SourceSum]:
    costs: dict[tuple[str, str], SourceSum] = {}
    for (account, currency, _, outcome), total in tally.source.items():
        if outcome == Outcome.SPLIT and total.cost:
            costs.setdefault((account, currency), SourceSum()).add(total)
    return costs


def _missing(tally: Tally) -> str:
    """What the totals lack, in words."""
    sums: dict[str, Decimal] = {}
    for (_, currency, _, outcome), total in tally.source.items():
        if outcome == Outcome.QUARANTINED:
            sums[currency] = exact_add(sums.get(currency, Decimal(0)), total.cost)
    amounts = [f"{money(amount)} {currency}".rstrip() for currency, amount in sorted(sums.items()) if amount]
    if not amounts:
        return "What they cost cannot be read, or is 0"
    return f"As far as it can be read, the totals lack {' and '.join(amounts)}"


def _rows(count: int) -> str:
    """A number of rows for people."""
    return "1 row" if count == 1 else f"{count:,} rows"


def money(amount: Decimal) -> str:
    """An amount for people: at least two decimals, at most ten, never an exponent."""
    text = f"{amount:.10f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"
