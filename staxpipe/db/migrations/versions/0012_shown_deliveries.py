"""The list of requests finds its months without reading what was superseded, and a StackSet has a region of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index, and the column: until now the region that was said first stayed, and was the StackSet's."""
    op.create_index(
        "ix_deliveries_shown", "deliveries", ["export_id", "period"], postgresql_where=sa.text("state <> 'superseded'")
    )
    op.add_column("member_roles", sa.Column("stack_region", sa.Text(), nullable=True))
    op.execute("UPDATE member_roles SET stack_region = region")
    op.alter_column("member_roles", "stack_region", nullable=False)
