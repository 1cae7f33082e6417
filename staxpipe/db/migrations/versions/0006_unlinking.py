"""Links that a person stopped, and receipts for data that was deleted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; no link was stopped by a person before."""
    op.add_column("links", sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("links", sa.Column("stopped_by", sa.Text(), nullable=True))
    op.create_check_constraint("ck_links_stopped", "links", "stopped_at IS NULL OR state <> 'active'")
    op.create_table(
        "deletion_receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("link_id", sa.String(22), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("scope", postgresql.JSONB(), nullable=True),
        sa.Column("found", postgresql.JSONB(), nullable=True),
        sa.Column("remaining", postgresql.JSONB(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="fk_deletion_receipts_link_id_links"),
        sa.PrimaryKeyConstraint("id", name="pk_deletion_receipts"),
        sa.UniqueConstraint("link_id", name="uq_deletion_receipts_link_id"),
        sa.CheckConstraint("account_id ~ '^[0-9]{12}$'", name="ck_deletion_receipts_account_id"),
        sa.CheckConstraint(
            "finished_at IS NULL OR (found IS NOT NULL AND remaining IS NOT NULL)",
            name="ck_deletion_receipts_proved",
        ),
    )
    op.create_index(
        "ix_deletion_receipts_due",
        "deletion_receipts",
        ["next_attempt_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
