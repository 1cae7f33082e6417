"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("source_ip", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_table(
        "link_requests",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("bucket", sa.Text(), nullable=True),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("probe_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("verdict_detail", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("account_id IS NULL OR account_id ~ '^[0-9]{12}$'", name="ck_link_requests_account_id"),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled', 'expired')"
            " OR (account_id IS NOT NULL AND bucket IS NOT NULL AND region IS NOT NULL)",
            name="ck_link_requests_complete",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'listening', 'linked', 'refused', 'expired', 'cancelled')",
            name="ck_link_requests_state",
        ),
        sa.CheckConstraint("length(external_id) BETWEEN 32 AND 128", name="ck_link_requests_external_id"),
        sa.PrimaryKeyConstraint("id", name="pk_link_requests"),
        sa.UniqueConstraint("external_id", name="uq_link_requests_external_id"),
        sa.UniqueConstraint("role_name", name="uq_link_requests_role_name"),
    )
    op.create_index(
        "ix_link_requests_due",
        "link_requests",
        ["next_probe_at"],
        unique=False,
        postgresql_where=sa.text("state = 'listening'"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_in_links"),
    )
    op.create_table(
        "sweep_positions",
        sa.Column("sweep", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sweep", name="pk_sweep_positions"),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("request_id", sa.String(length=22), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["link_requests.id"], name="fk_invites_request_id_link_requests"),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
        sa.UniqueConstraint("request_id", "email", name="uq_invites_request_email"),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("request_id", sa.String(length=22), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("discovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_look_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("account_id ~ '^[0-9]{12}$'", name="ck_links_account_id"),
        sa.CheckConstraint("state IN ('active', 'paused', 'ended')", name="ck_links_state"),
        sa.ForeignKeyConstraint(["request_id"], ["link_requests.id"], name="fk_links_request_id_link_requests"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("external_id", name="uq_links_external_id"),
        sa.UniqueConstraint("request_id", name="uq_links_request_id"),
    )
    op.create_index(
        "uq_links_active_role",
        "links",
        ["account_id", "role_arn"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "exports",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("link_id", sa.String(length=22), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="fk_exports_link_id_links"),
        sa.PrimaryKeyConstraint("id", name="pk_exports"),
        sa.UniqueConstraint("source", name="uq_exports_source"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("manifest_key", sa.Text(), nullable=True),
        sa.Column("manifest_etag", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manifest", postgresql.JSONB(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="discovered", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("rows_read", sa.BigInteger(), nullable=True),
        sa.Column("rows_written", sa.BigInteger(), nullable=True),
        sa.Column("rows_quarantined", sa.BigInteger(), nullable=True),
        sa.Column("reconciled", sa.Boolean(), nullable=True),
        sa.Column("final", sa.Boolean(), nullable=True),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=True),
        sa.Column("discovered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("account_id IS NULL OR account_id ~ '^[0-9]{12}$'", name="ck_deliveries_account_id"),
        sa.CheckConstraint("period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="ck_deliveries_period"),
        sa.CheckConstraint("state <> 'failed' OR error IS NOT NULL", name="ck_deliveries_failed_says_why"),
        sa.CheckConstraint(
            "state IN ('discovered', 'landed', 'committed', 'loaded', 'superseded', 'failed')",
            name="ck_deliveries_state",
        ),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name="fk_deliveries_export_id_exports"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("export_id", "period", "delivery_id", name="uq_deliveries_once"),
    )
    op.create_index("ix_deliveries_account_period", "deliveries", ["account_id", "period"], unique=False)
    op.create_index("ix_deliveries_state", "deliveries", ["state"], unique=False)
    op.create_index(
        "uq_deliveries_current",
        "deliveries",
        ["export_id", "period"],
        unique=True,
        postgresql_where=sa.text("state = 'loaded'"),
    )
    op.create_table(
        "period_sources",
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("elected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name="fk_period_sources_export_id_exports"),
        sa.PrimaryKeyConstraint("billing_account_id", "period", name="pk_period_sources"),
    )
    op.create_table(
        "daily_costs_all",
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("service_name", sa.Text(), nullable=False),
        sa.Column("service_category", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Text(), nullable=True),
        sa.Column("charge_category", sa.Text(), nullable=False),
        sa.Column("pricing_category", sa.Text(), nullable=True),
        sa.Column("usage_type", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("billed_cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("effective_cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("list_cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("contracted_cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("consumed_quantity", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("line_items", sa.BigInteger(), nullable=False),
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name="fk_daily_costs_all_delivery_deliveries"),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name="fk_daily_costs_all_export_id_exports"),
    )
    op.create_index("ix_daily_costs_all_day", "daily_costs_all", ["day", "billing_account_id"], unique=False)
    op.create_index(
        "ix_daily_costs_all_export_period",
        "daily_costs_all",
        ["export_id", "period", "billing_account_id"],
        unique=False,
    )
    op.create_table(
        "delivery_sums",
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("billed_cost", sa.Numeric(), nullable=False),
        sa.Column("effective_cost", sa.Numeric(), nullable=True),
        sa.Column("list_cost", sa.Numeric(), nullable=True),
        sa.Column("contracted_cost", sa.Numeric(), nullable=True),
        sa.CheckConstraint("side IN ('source', 'focus')", name="ck_delivery_sums_side"),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_delivery_sums_delivery_deliveries", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery", "side", "billing_account_id", "currency", "class", name="pk_delivery_sums"),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("examples", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("severity IN ('info', 'warning', 'error')", name="ck_findings_severity"),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_findings_delivery_deliveries", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_delivery", "findings", ["delivery"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_quarantine_delivery_deliveries", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_delivery", "quarantine", ["delivery"], unique=False)
    # The marts that people query: each account's month once, from the export that counts for it.
    op.execute(
        """
        CREATE VIEW daily_costs AS
        SELECT costs.*
        FROM daily_costs_all AS costs
        JOIN period_sources AS source
          ON source.billing_account_id = costs.billing_account_id
         AND source.period = costs.period
         AND source.export_id = costs.export_id
        """
    )
