"""Who began a request, where that was somebody who signed in at the team's provider: such people see their own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody signed in so before."""
    op.add_column("link_requests", sa.Column("begun_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_link_requests_begun_by",
        "link_requests",
        ["begun_by", "created_at"],
        postgresql_where=sa.text("begun_by IS NOT NULL"),
    )
