"""The tables of what loading came to: sums of both sides and their verdicts, what AWS says elsewhere, what was odd."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Identity, Index, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables.declaring import metadata, now, one_of
from staxpipe.db.tables.ledger import deliveries
from staxpipe.model import Severity

delivery_sums = Table(
    "delivery_sums",
    metadata,
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("side", Text, primary_key=True),  # 'source': by line-item type; 'focus' (lake), 'marts': by charge category
    Column("billing_account_id", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("class", Text, primary_key=True),  # line-item type, or charge category
    Column("outcome", Text, primary_key=True, server_default=""),  # source side: what became of the rows
    Column("rows", BigInteger, nullable=False),
    Column("billed_cost", Numeric, nullable=False),  # source side: net unblended cost where present, else unblended
    Column("effective_cost", Numeric),
    Column("list_cost", Numeric),
    Column("contracted_cost", Numeric),
    CheckConstraint("side IN ('source', 'focus', 'marts')", name="side"),
)

delivery_identities = Table(
    "delivery_identities",
    metadata,
    # What must be equal in a delivery, and whether it is: see `staxpipe.focus.identities`.
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("billing_account_id", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("left_side", Numeric, nullable=False),
    Column("right_side", Numeric, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("reason", Text),  # the class of the difference, where there is one
)

reconciliations = Table(
    "reconciliations",
    metadata,
    # One line of the ledger: a delivery's billing account and currency, both sides and the verdict.
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("billing_account_id", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("rows_read", BigInteger, nullable=False),
    Column("rows_mapped", BigInteger, nullable=False),
    Column("rows_doubled", BigInteger, nullable=False),
    Column("rows_dropped", BigInteger, nullable=False),  # by a rule: negations
    Column("rows_split", BigInteger, nullable=False),  # split cost allocation: beside the totals
    Column("rows_quarantined", BigInteger, nullable=False),
    Column("rows_without_invoice", BigInteger, nullable=False),
    Column("source_cost", Numeric, nullable=False),  # what the lake must come to
    Column("lake_cost", Numeric, nullable=False),
    Column("marts_cost", Numeric),  # NULL until it is published
    Column("quarantined_cost", Numeric, nullable=False),  # of quarantined rows, as far as it can be read
    Column("badge", Text, nullable=False),
    Column("reason", Text),  # the class of the difference, where there is one
    CheckConstraint("badge IN ('provisional', 'reconciled', 'off')", name="badge"),
)

delivery_services = Table(
    "delivery_services",
    metadata,
    # The restatement journal: what each published delivery came to, kept when the lake's snapshot is gone.
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE"), nullable=False),
    Column("billing_account_id", Text, nullable=False),
    Column("sub_account_id", Text),
    Column("service_name", Text, nullable=False),
    Column("charge_category", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("billed_cost", Numeric, nullable=False),
    Column("effective_cost", Numeric, nullable=False),
    Index("ix_delivery_services_delivery", "delivery"),
)

comparisons = Table(
    "comparisons",
    metadata,
    # What AWS says elsewhere about a month that is loaded: invoices, Cost Explorer. The newest answer only.
    Column("billing_account_id", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("against", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("theirs", Numeric, nullable=False),
    Column("ours", Numeric, nullable=False),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    now("compared_at"),
    CheckConstraint("against IN ('invoices', 'cost-explorer')", name="against"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE")),
    Column("account_id", Text),
    Column("period", Text),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("count", BigInteger, nullable=False, server_default="1"),
    Column("examples", JSONB, nullable=False, server_default="[]"),
    now("found_at"),
    one_of("severity", Severity),
    Index("ix_findings_delivery", "delivery"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("delivery", ForeignKey(deliveries.c.id, ondelete="CASCADE"), nullable=False),
    Column("file", Text, nullable=False),
    Column("row", BigInteger, nullable=False),  # 1 = the first row after the header
    Column("column", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cost", Numeric),  # the row's own cost, where that can be read
    Index("ix_quarantine_delivery", "delivery"),
)
