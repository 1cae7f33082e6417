"""The metadata tables, declared once. Constraints carry the rules; migrations are in `migrations/`.

Line items are not here (they are in the lake), nor are the marts (`staxpipe.warehouse`).
Money is `numeric`, times are `timestamptz`, ids of people-visible things are short random text.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.model import DeliveryState, LinkState, RequestState, Severity

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=True)


def _one_of(column: str, values: type[RequestState | LinkState | DeliveryState | Severity]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


ACCOUNT_RULE = "~ '^[0-9]{12}$'"

link_requests = Table(
    "link_requests",
    metadata,
    Column("id", String(22), primary_key=True),  # random, in every page's address
    Column("state", Text, nullable=False, server_default=RequestState.DRAFT),
    Column("requested_by", Text, nullable=False),  # a mail address, or "operator"
    Column("account_id", Text),
    Column("bucket", Text),
    Column("prefix", Text, nullable=False, server_default=""),
    Column("region", Text),
    Column("external_id", Text, nullable=False, unique=True),  # made by us, never accepted from a client
    Column("role_name", Text, nullable=False, unique=True),
    Column("probe_attempts", Integer, nullable=False, server_default="0"),
    _moment("next_probe_at"),
    Column("verdict", Text),  # the last probe's verdict, by its code
    Column("verdict_detail", Text),  # and in words, for the page
    _now("created_at"),
    _now("updated_at"),
    _moment("expires_at"),
    _one_of("state", RequestState),
    CheckConstraint(f"account_id IS NULL OR account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint("length(external_id) BETWEEN 32 AND 128", name="external_id"),
    CheckConstraint(
        "state IN ('draft', 'cancelled', 'expired') "
        "OR (account_id IS NOT NULL AND bucket IS NOT NULL AND region IS NOT NULL)",
        name="complete",
    ),
    Index("ix_link_requests_due", "next_probe_at", postgresql_where=text("state = 'listening'")),
)

invites = Table(
    "invites",
    metadata,
    Column("id", String(22), primary_key=True),  # inside the signed token
    Column("request_id", ForeignKey(link_requests.c.id), nullable=False),
    Column("email", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("invited_by", Text, nullable=False),
    _now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _moment("first_used_at"),
    UniqueConstraint("request_id", "email", name="uq_invites_request_email"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", Text, primary_key=True),  # SHA-256 of the token; the token itself is never stored
    _now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _moment("used_at"),
)

links = Table(
    "links",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("request_id", ForeignKey(link_requests.c.id), nullable=False, unique=True),
    Column("account_id", Text, nullable=False),
    Column("role_arn", Text, nullable=False),
    Column("external_id", Text, nullable=False, unique=True),
    Column("bucket", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("contact", Text, nullable=False),  # who is told that the data is ready
    Column("state", Text, nullable=False, server_default=LinkState.ACTIVE),
    Column("problem", Text),  # why it is paused, or why its bucket cannot be read, in words
    _now("linked_at"),
    _now("verified_at"),
    _moment("discovered_at"),  # the last complete listing of the bucket
    _now("next_look_at"),  # when the bucket is listed again, whatever came of the last time
    _one_of("state", LinkState),
    CheckConstraint(f"account_id {ACCOUNT_RULE}", name="account_id"),
    Index(
        "uq_links_active_role",
        "account_id",
        "role_arn",
        unique=True,
        postgresql_where=text("state <> 'ended'"),
    ),
)

exports = Table(
    "exports",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False, unique=True),  # s3://bucket/prefix/report or file:///…
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("link_id", ForeignKey(links.c.id)),  # NULL: files that a person loaded
    Column("owner", Text),
    _now("first_seen_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("export_id", ForeignKey(exports.c.id), nullable=False),
    Column("account_id", Text),  # the linked account (the partition); NULL for files that a person loaded
    Column("period", Text, nullable=False),  # YYYY-MM
    Column("delivery_id", Text, nullable=False),
    Column("manifest_key", Text),
    Column("manifest_etag", Text),
    Column("delivered_at", DateTime(timezone=True), nullable=False),
    Column("manifest", JSONB, nullable=False),  # the Delivery value: files with sizes and ETags, format, columns
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default=DeliveryState.DISCOVERED),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _moment("retry_at"),  # not to be requested again before, after a transient error
    Column("error", Text),
    Column("run_id", Text),  # the Dagster run that worked on it last
    Column("rows_read", BigInteger),
    Column("rows_written", BigInteger),
    Column("rows_quarantined", BigInteger),
    Column("reconciled", Boolean),
    Column("final", Boolean),  # every charge has an invoice id; False = provisional
    Column("snapshot_id", BigInteger),  # the lake's snapshot that holds it
    _moment("snapshot_expired_at"),  # since when the lake is no longer readable as of it; the ledger stays
    Column("columns_read", JSONB),  # the files' own columns: what schema drift is compared with
    _now("discovered_at"),
    _moment("landed_at"),
    _moment("committed_at"),
    _moment("loaded_at"),
    UniqueConstraint("export_id", "period", "delivery_id", name="uq_deliveries_once"),
    _one_of("state", DeliveryState),
    CheckConstraint(f"account_id IS NULL OR account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint("period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="period"),
    CheckConstraint("state <> 'failed' OR error IS NOT NULL", name="failed_says_why"),
    Index("ix_deliveries_state", "state"),
    Index("ix_deliveries_account_period", "account_id", "period"),
    Index(
        "uq_deliveries_current",
        "export_id",
        "period",
        unique=True,
        postgresql_where=text("state = 'loaded'"),
    ),
)

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

period_sources = Table(
    "period_sources",
    metadata,
    # Which export counts for an account's month: others that hold the same month are loaded and not counted.
    Column("billing_account_id", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("export_id", ForeignKey(exports.c.id), nullable=False),
    Column("reason", Text, nullable=False, server_default="first-seen"),  # the rule that decided, by its code
    _now("elected_at"),
)

source_choices = Table(
    "source_choices",
    metadata,
    # An operator's word on which export counts; it goes before every rule.
    Column("billing_account_id", Text, primary_key=True),
    Column("period", Text, primary_key=True),  # YYYY-MM, or * for every month without a choice of its own
    Column("export_id", ForeignKey(exports.c.id), nullable=False),
    Column("chosen_by", Text, nullable=False),
    _now("chosen_at"),
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
    _now("compared_at"),
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
    _now("found_at"),
    _one_of("severity", Severity),
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

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # what makes a message the same message
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    _now("created_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _moment("sent_at"),
    _moment("given_up_at"),
    Column("error", Text),
    Index("ix_outbox_due", "next_attempt_at", postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL")),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _now("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("source_ip", Text),
    Column("detail", JSONB, nullable=False, server_default="{}"),
)

sweep_positions = Table(
    "sweep_positions",
    metadata,
    # Where a bounded sweep stopped, so that the next one starts there and a slow one starves nobody.
    Column("sweep", Text, primary_key=True),
    Column("position", Text, nullable=False),
)

lake_states = Table(
    "lake_states",
    metadata,
    # What each commit to the lake put into an export's month; `staxpipe.lake.states` says why it is not in Iceberg.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),  # of the table's snapshots
    Column("snapshot_id", BigInteger, nullable=False),
    Column("export_id", Integer, nullable=False),
    Column("period", Text, nullable=False),
    Column("delivery", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("files", JSONB, nullable=False),  # [[path, billing account, rows, bytes], …]
    Column("committed_at", DateTime(timezone=True), nullable=False),
    _moment("over_at"),  # when another took its place; NULL for what the month holds
    Index("ix_lake_states_month", "export_id", "period", "sequence"),
    Index(
        "uq_lake_states_current",
        "export_id",
        "period",
        unique=True,
        postgresql_where=text("over_at IS NULL"),
    ),
    Index("ix_lake_states_over", "over_at", postgresql_where=text("over_at IS NOT NULL")),
)
