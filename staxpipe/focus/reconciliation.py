"""The verdict on a delivery: a line for each billing account and currency, with a badge, and whether it may be shown.

Billed cost of the lake = net or unblended cost of the source, per billing account and currency, to the cent; and
every source row is accounted for. What must be equal is in `identities.py`, what else is to be said in `findings.py`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from staxpipe.focus import residuals
from staxpipe.focus.findings import findings_of, money
from staxpipe.focus.identities import Identity, IdentityName, Reason, identities
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.numbers import exact_add, exact_subtract
from staxpipe.focus.outcomes import Outcome
from staxpipe.focus.tally import Tally
from staxpipe.model import Badge, Finding, Severity

__all__ = ["LedgerLine", "Reconciliation", "reconcile", "residual_rows", "residual_tally"]


@dataclass(frozen=True)
class LedgerLine:
    """One billing account and currency of a delivery: its rows by what became of them, both sides, the verdict.

    `rows_read` is the sum of the other source rows. `source_cost` is what the lake must come to, so quarantined and
    split rows are not in it; `quarantined_cost` is what quarantined rows cost as far as that can be read.
    """

    billing_account_id: str
    currency: str
    rows_read: int
    rows_mapped: int
    rows_doubled: int
    rows_dropped: int
    rows_split: int
    rows_quarantined: int
    rows_without_invoice: int
    source_cost: Decimal
    lake_cost: Decimal
    quarantined_cost: Decimal
    badge: Badge
    reason: Reason | None = None
    marts_cost: Decimal | None = None

    @property
    def difference(self) -> Decimal:
        """Lake minus source, exact."""
        return exact_subtract(self.lake_cost, self.source_cost)

    @property
    def off_by(self) -> Decimal:
        """What the lake lacks (negative) or has too much, quarantined rows included as far as they can be read."""
        return exact_subtract(self.difference, self.quarantined_cost)


@dataclass(frozen=True)
class Reconciliation:
    """Whether a delivery adds up, and what there is to say about it, the worst first."""

    reconciled: bool
    findings: tuple[Finding, ...]
    lines: tuple[LedgerLine, ...] = ()
    identities: tuple[Identity, ...] = ()


def residual_rows(tally: Tally, context: MappingContext) -> pa.RecordBatch | None:
    """Adjustment rows for covered + negation residuals, or None; see residuals.py."""
    return residuals.residual_rows(tally, context)


def residual_tally(rows: pa.RecordBatch) -> Tally:
    """The totals of residual rows, to be added to the delivery's tally."""
    return residuals.residual_tally(rows)


def reconcile(tally: Tally) -> Reconciliation:
    """Compare both sides of a delivery; residual rows must have been tallied."""
    compared = identities(tally)
    billed = {(of.billing_account_id, of.currency): of for of in compared if of.name is IdentityName.BILLED}
    off = [_off(identity) for identity in billed.values() if not identity.holds]
    lost = _lost_rows(tally)
    found = [*off, *lost, *findings_of(tally, compared)]
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return Reconciliation(
        not off and not lost,
        tuple(sorted(found, key=lambda finding: order[finding.severity])),
        tuple(_line(tally, identity) for identity in billed.values()),
        compared,
    )


def badge_of(line: LedgerLine) -> str:
    """A line's badge in words: ``reconciled``, ``provisional``, or by how much it is off."""
    if line.badge is not Badge.OFF:
        return line.badge.value
    if line.off_by:
        return f"off by {money(line.off_by)} {line.currency}".rstrip()
    rows = "row costs" if line.rows_quarantined == 1 else "rows cost"
    return f"off by what {line.rows_quarantined:,} unreadable {rows}"


def _line(tally: Tally, billed: Identity) -> LedgerLine:
    account, currency = billed.billing_account_id, billed.currency
    rows: dict[str, int] = defaultdict(int)
    quarantined = Decimal(0)
    for (of, in_, _, outcome), total in tally.source.items():
        if (of, in_) == (account, currency):
            rows[outcome] += total.rows
            if outcome == Outcome.QUARANTINED:
                quarantined = exact_add(quarantined, total.cost)
    uninvoiced = tally.uninvoiced.get((account, currency), 0)
    badge, reason = _verdict(billed, rows[Outcome.QUARANTINED], uninvoiced)
    return LedgerLine(
        billing_account_id=account,
        currency=currency,
        rows_read=sum(count for outcome, count in rows.items() if outcome != Outcome.ELSEWHERE),
        rows_mapped=rows[Outcome.MAPPED],
        rows_doubled=rows[Outcome.DOUBLED],
        rows_dropped=rows[Outcome.NEGATED],
        rows_split=rows[Outcome.SPLIT],
        rows_quarantined=rows[Outcome.QUARANTINED],
        rows_without_invoice=uninvoiced,
        source_cost=billed.right,
        lake_cost=billed.left,
        quarantined_cost=quarantined,
        badge=badge,
        reason=reason,
    )


def _verdict(billed: Identity, quarantined: int, uninvoiced: int) -> tuple[Badge, Reason | None]:
    if not billed.holds:
        return Badge.OFF, billed.reason
    if quarantined:
        return Badge.OFF, Reason.QUARANTINE
    return (Badge.PROVISIONAL if uninvoiced else Badge.RECONCILED), billed.reason


def _off(billed: Identity) -> Finding:
    return Finding(
        "cost-off",
        Severity.ERROR,
        f"account {billed.billing_account_id}: the source adds up to {money(billed.right)} "
        f"{billed.currency} and the lake to {money(billed.left)}, off by {money(billed.difference)}",
    )


def _lost_rows(tally: Tally) -> list[Finding]:
    """Every row that was read has an outcome, and every outcome its number of rows that were written."""
    expected = (
        tally.rows_read
        - tally.rows_quarantined
        - tally.rows_elsewhere
        - tally.rows_negated
        + tally.rows_doubled
        + tally.rows_residual
    )
    accounted = sum(total.rows for total in tally.source.values())
    if expected == tally.rows_written and accounted == tally.rows_read:
        return []
    return [
        Finding(
            "rows-off",
            Severity.ERROR,
            f"{expected} rows should have been written and {tally.rows_written} were "
            f"({tally.rows_read} read, of which {accounted} are accounted for: {tally.rows_quarantined} refused, "
            f"{tally.rows_elsewhere} of other periods, {tally.rows_negated} negations, {tally.rows_doubled} fees "
            f"doubled; and {tally.rows_residual} residuals)",
            max(abs(expected - tally.rows_written), abs(accounted - tally.rows_read)),
        )
    ]
