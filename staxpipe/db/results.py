"""What reading a delivery taught: its control totals, its findings, its quarantined values.

Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from sqlalchemy import Connection, delete, insert, select

from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.tables import delivery_sums, findings, quarantine
from staxpipe.model import BillingPeriod, Finding, Severity

_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True)
class SumRow:
    """One class of one side of a delivery's control totals (see the table `delivery_sums`).

    `outcome` is what became of the rows of the source side (`staxpipe.focus.outcomes`); other sides have none.
    """

    side: str
    billing_account_id: str
    currency: str
    charge: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal | None = None
    list_cost: Decimal | None = None
    contracted_cost: Decimal | None = None
    outcome: str = ""


def replace_results(
    connection: Connection,
    entry: LedgerEntry,
    sums: Sequence[SumRow],
    found: Sequence[Finding],
    rejected: Sequence[Mapping[str, object]],
    account_id: str | None,
) -> None:
    """Write what was learned from reading a delivery: control totals, findings, quarantined values.

    What an earlier attempt wrote about the same delivery is replaced.
    """
    for table in (delivery_sums, findings, quarantine):
        connection.execute(delete(table).where(table.c.delivery == entry.id))
    _add_sums(connection, entry.id, sums)
    if rejected:
        connection.execute(insert(quarantine), [{"delivery": entry.id, **row} for row in rejected])
    for finding in found:
        add_finding(connection, finding, delivery=entry.id, account_id=account_id, period=entry.period)


def replace_side(connection: Connection, delivery: int, side: str, sums: Sequence[SumRow]) -> None:
    """Write one side of a delivery's control totals in the place of what was there."""
    of = delivery_sums.c
    connection.execute(delete(delivery_sums).where(of.delivery == delivery, of.side == side))
    _add_sums(connection, delivery, sums)


def _add_sums(connection: Connection, delivery: int, sums: Sequence[SumRow]) -> None:
    rows = [{"delivery": delivery, **{"class" if k == "charge" else k: v for k, v in asdict(s).items()}} for s in sums]
    if rows:
        connection.execute(insert(delivery_sums), rows)


def add_finding(
    connection: Connection,
    finding: Finding,
    delivery: int | None = None,
    account_id: str | None = None,
    period: BillingPeriod | None = None,
) -> None:
    """Keep one finding for people to see."""
    connection.execute(
        insert(findings).values(
            delivery=delivery,
            account_id=account_id,
            period=str(period) if period else None,
            code=finding.code,
            severity=finding.severity,
            message=finding.message,
            count=finding.count,
            examples=list(finding.examples),
        )
    )


def remove_findings(connection: Connection, delivery: int, codes: Collection[str]) -> None:
    """Forget findings of these codes about a delivery."""
    connection.execute(delete(findings).where(findings.c.delivery == delivery, findings.c.code.in_(codes)))


def sums_of(connection: Connection, delivery: int, side: str) -> list[SumRow]:
    """A delivery's control totals on one side, ordered."""
    rows = connection.execute(
        select(delivery_sums)
        .where(delivery_sums.c.delivery == delivery, delivery_sums.c.side == side)
        .order_by(*(delivery_sums.c[name] for name in ("billing_account_id", "currency", "class", "outcome")))
    ).mappings()
    return [
        SumRow(**{"charge" if key == "class" else key: value for key, value in row.items() if key != "delivery"})
        for row in rows
    ]


def findings_of(connection: Connection, delivery: int) -> list[Finding]:
    """What people should see about a delivery, gravest first."""
    rows = connection.execute(
        select(findings).where(findings.c.delivery == delivery).order_by(findings.c.id)
    ).mappings()
    found = [
        Finding(row["code"], Severity(row["severity"]), row["message"], row["count"], tuple(row["examples"]))
        for row in rows
    ]
    return sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))
