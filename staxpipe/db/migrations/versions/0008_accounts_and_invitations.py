"""Several accounts in one request, where a request's stack is, and invitations that are sent again or withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the stacks of requests that are there are where their buckets are."""
    op.add_column("link_requests", sa.Column("group_id", sa.String(22), nullable=True))
    op.add_column("link_requests", sa.Column("stack_region", sa.Text(), nullable=True))
    op.create_foreign_key(
        "fk_link_requests_group_id_link_requests", "link_requests", "link_requests", ["group_id"], ["id"]
    )
    op.create_index("ix_link_requests_group_id", "link_requests", ["group_id"])
    op.execute("UPDATE link_requests SET stack_region = region")
    op.add_column("invites", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("invites", sa.Column("mails", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "invites", sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    )
    op.add_column("invites", sa.Column("inviter", sa.Text(), nullable=False, server_default="operator"))
    op.execute("UPDATE invites SET mailed_at = created_at")
