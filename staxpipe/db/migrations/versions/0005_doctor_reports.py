"""What the doctor last said of each link request, and of the link that came of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the next looks fill it."""
    op.create_table(
        "doctor_reports",
        sa.Column("request_id", sa.String(length=22), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["link_requests.id"], name="fk_doctor_reports_request_id_link_requests"
        ),
        sa.PrimaryKeyConstraint("request_id", name="pk_doctor_reports"),
    )
