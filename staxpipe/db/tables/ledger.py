"""The tables of the ledger: exports, their deliveries, what of them is in the lake, and which export counts."""

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
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables.declaring import ACCOUNT_RULE, metadata, moment, now, one_of
from staxpipe.db.tables.linking import links
from staxpipe.model import DeliveryState

exports = Table(
    "exports",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False, unique=True),  # s3://bucket/prefix/report or file:///…
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("link_id", ForeignKey(links.c.id)),  # NULL: files that a person loaded
    Column("owner", Text),
    now("first_seen_at"),
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
    moment("retry_at"),  # not to be requested again before, after a transient error
    Column("error", Text),
    Column("run_id", Text),  # the Dagster run that worked on it last
    Column("rows_read", BigInteger),
    Column("rows_written", BigInteger),
    Column("rows_quarantined", BigInteger),
    Column("reconciled", Boolean),
    Column("final", Boolean),  # every charge has an invoice id; False = provisional
    Column("snapshot_id", BigInteger),  # the lake's snapshot that holds it
    moment("snapshot_expired_at"),  # since when the lake is no longer readable as of it; the ledger stays
    Column("columns_read", JSONB),  # the files' own columns: what schema drift is compared with
    now("discovered_at"),
    moment("landed_at"),
    moment("committed_at"),
    moment("loaded_at"),
    UniqueConstraint("export_id", "period", "delivery_id", name="uq_deliveries_once"),
    one_of("state", DeliveryState),
    CheckConstraint(f"account_id IS NULL OR account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint("period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="period"),
    CheckConstraint("state <> 'failed' OR error IS NOT NULL", name="failed_says_why"),
    Index("ix_deliveries_state", "state"),
    Index("ix_deliveries_account_period", "account_id", "period"),
    # AWS restates a month up to three times a day: of a hundred deliveries, pages show one or two.
    Index("ix_deliveries_shown", "export_id", "period", postgresql_where=text("state <> 'superseded'")),
    Index(
        "uq_deliveries_current",
        "export_id",
        "period",
        unique=True,
        postgresql_where=text("state = 'loaded'"),
    ),
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
    moment("over_at"),  # when another took its place; NULL for what the month holds
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

period_sources = Table(
    "period_sources",
    metadata,
    # Which export counts for an account's month: others that hold the same month are loaded and not counted.
    Column("billing_account_id", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("export_id", ForeignKey(exports.c.id), nullable=False),
    Column("reason", Text, nullable=False, server_default="first-seen"),  # the rule that decided, by its code
    now("elected_at"),
)

source_choices = Table(
    "source_choices",
    metadata,
    # An operator's word on which export counts; it goes before every rule.
    Column("billing_account_id", Text, primary_key=True),
    Column("period", Text, primary_key=True),  # YYYY-MM, or * for every month without a choice of its own
    Column("export_id", ForeignKey(exports.c.id), nullable=False),
    Column("chosen_by", Text, nullable=False),
    now("chosen_at"),
)
