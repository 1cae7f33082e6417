"""The reconciliation ledger, the restatement journal, the choice between sources, comparisons."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the ledger keeps of each delivery beside its sums."""
    op.add_column("deliveries", sa.Column("snapshot_expired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("columns_read", postgresql.JSONB(), nullable=True))
    op.add_column("quarantine", sa.Column("cost", sa.Numeric(), nullable=True))
    op.add_column(
        "period_sources", sa.Column("reason", sa.Text(), server_default=sa.text("'first-seen'"), nullable=False)
    )
    op.add_column("delivery_sums", sa.Column("outcome", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.drop_constraint("pk_delivery_sums", "delivery_sums")
    op.create_primary_key(
        "pk_delivery_sums",
        "delivery_sums",
        ["delivery", "side", "billing_account_id", "currency", "class", "outcome"],
    )
    op.drop_constraint("ck_delivery_sums_side", "delivery_sums")
    op.create_check_constraint("ck_delivery_sums_side", "delivery_sums", "side IN ('source', 'focus', 'marts')")
    op.create_table(
        "delivery_identities",
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("left_side", sa.Numeric(), nullable=False),
        sa.Column("right_side", sa.Numeric(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_delivery_identities_delivery_deliveries", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "delivery", "billing_account_id", "currency", "identity", name="pk_delivery_identities"
        ),
    )
    op.create_table(
        "reconciliations",
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_mapped", sa.BigInteger(), nullable=False),
        sa.Column("rows_doubled", sa.BigInteger(), nullable=False),
        sa.Column("rows_dropped", sa.BigInteger(), nullable=False),
        sa.Column("rows_split", sa.BigInteger(), nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger(), nullable=False),
        sa.Column("rows_without_invoice", sa.BigInteger(), nullable=False),
        sa.Column("source_cost", sa.Numeric(), nullable=False),
        sa.Column("lake_cost", sa.Numeric(), nullable=False),
        sa.Column("marts_cost", sa.Numeric(), nullable=True),
        sa.Column("quarantined_cost", sa.Numeric(), nullable=False),
        sa.Column("badge", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("badge IN ('provisional', 'reconciled', 'off')", name="ck_reconciliations_badge"),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_reconciliations_delivery_deliveries", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery", "billing_account_id", "currency", name="pk_reconciliations"),
    )
    op.create_table(
        "delivery_services",
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=True),
        sa.Column("service_name", sa.Text(), nullable=False),
        sa.Column("charge_category", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("billed_cost", sa.Numeric(), nullable=False),
        sa.Column("effective_cost", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name="fk_delivery_services_delivery_deliveries", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_delivery_services_delivery", "delivery_services", ["delivery"], unique=False)
    op.create_table(
        "source_choices",
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name="fk_source_choices_export_id_exports"),
        sa.PrimaryKeyConstraint("billing_account_id", "period", name="pk_source_choices"),
    )
    op.create_table(
        "comparisons",
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("against", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Numeric(), nullable=False),
        sa.Column("ours", sa.Numeric(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("against IN ('invoices', 'cost-explorer')", name="ck_comparisons_against"),
        sa.PrimaryKeyConstraint("billing_account_id", "period", "against", "currency", name="pk_comparisons"),
    )
    # What operators and analysts ask of the ledger: a line a month, and what each delivery changed.
    op.execute(
        """
    CREATE VIEW month_ledger AS
    SELECT line.billing_account_id, delivery.period, line.currency, export.id AS export_id, export.source, export.kind,
           coalesce(source.export_id = delivery.export_id, false) AS counted,
           line.badge, line.reason, line.rows_read, line.rows_mapped, line.rows_doubled, line.rows_dropped,
           line.rows_split, line.rows_quarantined, line.rows_without_invoice, line.source_cost, line.lake_cost,
           line.marts_cost, line.lake_cost - line.source_cost AS difference, line.quarantined_cost,
           delivery.id AS delivery, delivery.delivery_id, delivery.delivered_at, delivery.loaded_at
    FROM reconciliations AS line
    JOIN deliveries AS delivery ON delivery.id = line.delivery AND delivery.state = 'loaded'
    JOIN exports AS export ON export.id = delivery.export_id
    LEFT JOIN period_sources AS source
      ON source.billing_account_id = line.billing_account_id AND source.period = delivery.period
    """
    )
    op.execute(
        """
    CREATE VIEW cost_changes AS
    WITH published AS (
      SELECT id, export_id, period, delivery_id, delivered_at,
             lag(id) OVER month AS before,
             coalesce(bool_or(final) OVER (month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false)
               AS after_close
      FROM deliveries WHERE loaded_at IS NOT NULL
      WINDOW month AS (PARTITION BY export_id, period ORDER BY delivered_at, id)
    ), sides AS (
      SELECT published.*, 1 AS sign, published.id AS side FROM published WHERE before IS NOT NULL
      UNION ALL
      SELECT published.*, -1, published.before FROM published WHERE before IS NOT NULL
    )
    SELECT cost.billing_account_id, sides.period, sides.export_id, sides.id AS delivery, sides.delivery_id,
           sides.delivered_at, sides.before AS delivery_before, sides.after_close,
           cost.sub_account_id, cost.service_name, cost.charge_category, cost.currency,
           sum(sides.sign * cost.rows)::bigint AS rows_change,
           sum(sides.sign * cost.billed_cost) AS billed_change,
           sum(sides.sign * cost.effective_cost) AS effective_change
    FROM sides JOIN delivery_services AS cost ON cost.delivery = sides.side
    GROUP BY cost.billing_account_id, sides.period, sides.export_id, sides.id, sides.delivery_id, sides.delivered_at,
             sides.before, sides.after_close, cost.sub_account_id, cost.service_name, cost.charge_category,
             cost.currency
    HAVING sum(sides.sign * cost.rows) <> 0 OR sum(sides.sign * cost.billed_cost) <> 0
        OR sum(sides.sign * cost.effective_cost) <> 0
    """
    )
