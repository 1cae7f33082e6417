"""What an asset says of itself in the Dagster UI: numbers, tables, column lists."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
from dagster import MetadataValue, TableColumn, TableColumnConstraints, TableRecord, TableSchema

from staxpipe.db.results import SumRow
from staxpipe.focus.identities import Identity
from staxpipe.focus.reconciliation import LedgerLine, badge_of
from staxpipe.model import Finding


def column_schema(schema: pa.Schema) -> TableSchema:
    """An Arrow schema as Dagster shows it."""
    return TableSchema(
        columns=[
            TableColumn(field.name, str(field.type), constraints=TableColumnConstraints(nullable=field.nullable))
            for field in schema
        ]
    )


def money(value: Decimal) -> str:
    """An amount for people: grouped thousands, cents; exact amounts are in the ledger."""
    return f"{value:,.2f}"


def small_table(rows: Iterable[Mapping[str, str | int]]) -> MetadataValue:
    """A few records as a table; a word where there is none (Dagster cannot show an empty table)."""
    records = [TableRecord(dict(row)) for row in rows]
    return MetadataValue.table(records) if records else MetadataValue.text("none")


def charges_table(sums: Sequence[SumRow]) -> MetadataValue:
    """What was written, by charge category."""
    return small_table(
        {
            "category": total.charge,
            "currency": total.currency,
            "rows": total.rows,
            "billed": money(total.billed_cost),
            "effective": money(total.effective_cost or Decimal(0)),
        }
        for total in sums
    )


def source_table(sums: Sequence[SumRow]) -> MetadataValue:
    """What AWS delivered, by line-item type."""
    return small_table(
        {
            "line item type": total.charge,
            "became": total.outcome,
            "currency": total.currency,
            "rows": total.rows,
            "cost": money(total.billed_cost),
        }
        for total in sums
    )


def ledger_table(lines: Sequence[LedgerLine]) -> MetadataValue:
    """The verdict on each billing account and currency, and what became of the rows."""
    return small_table(
        {
            "account": line.billing_account_id,
            "verdict": badge_of(line),
            "source": money(line.source_cost),
            "lake": money(line.lake_cost),
            "currency": line.currency,
            "rows of the report": line.rows_read,
            "doubled": line.rows_doubled,
            "negated": line.rows_dropped,
            "split shares": line.rows_split,
            "set aside": line.rows_quarantined,
        }
        for line in lines
    )


def identities_table(identities: Sequence[Identity]) -> MetadataValue:
    """What must be equal, both sides."""
    return small_table(
        {
            "account": identity.billing_account_id,
            "identity": identity.name.value,
            "left": money(identity.left),
            "right": money(identity.right),
            "currency": identity.currency,
            "holds": "yes" if identity.holds else "no",
            "difference": f"{identity.difference:f} {identity.reason or ''}".strip(),
        }
        for identity in identities
    )


def findings_table(findings: Sequence[Finding]) -> MetadataValue:
    """Findings, one a line."""
    return small_table(
        {"severity": finding.severity.value, "finding": finding.code, "what": finding.message} for finding in findings
    )


def totals(sums: Sequence[SumRow]) -> dict[str, float]:
    """Billed, effective and list cost by currency; as floats, so that the UI draws them over time."""
    shown: dict[str, float] = {}
    for currency in sorted({total.currency for total in sums}):
        of_currency = [total for total in sums if total.currency == currency]
        shown[f"billed_{currency}"] = float(sum((total.billed_cost for total in of_currency), Decimal(0)))
        shown[f"effective_{currency}"] = float(
            sum((total.effective_cost or Decimal(0) for total in of_currency), Decimal(0))
        )
    return shown
