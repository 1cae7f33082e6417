"""What each commit to the lake put into an export's month."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the lake fills it from its snapshots, where it has any."""
    op.create_table(
        "lake_states",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False),
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name="pk_lake_states"),
    )
    op.create_index("ix_lake_states_month", "lake_states", ["export_id", "period", "sequence"])
    op.create_index(
        "uq_lake_states_current",
        "lake_states",
        ["export_id", "period"],
        unique=True,
        postgresql_where=sa.text("over_at IS NULL"),
    )
    op.create_index("ix_lake_states_over", "lake_states", ["over_at"], postgresql_where=sa.text("over_at IS NOT NULL"))
