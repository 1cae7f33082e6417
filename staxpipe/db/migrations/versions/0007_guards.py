"""The audit log only grows, and what guards the pages is counted and kept in Postgres, for all processes at once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_REFUSAL = """
CREATE FUNCTION refuse_to_change_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log only grows: % on audit_log is refused.', TG_OP
    USING ERRCODE = 'insufficient_privilege',
          HINT = 'docs/security.md says how to keep a copy elsewhere.';
END
$$
"""
# For the statement, not for its rows: an UPDATE that would meet no row is refused as well.
_TRIGGER = """
CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit_log()
"""


def upgrade() -> None:
    """Add the trigger, the index by which one subject's acts are found, and two tables."""
    op.execute(_REFUSAL)
    op.execute(_TRIGGER)
    # Otherwise a session that calls itself a replica would pass by it.
    op.execute("ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_only_grows")
    op.create_index("ix_audit_log_subject", "audit_log", ["subject", "id"])
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limits"),
    )
    op.create_index("ix_rate_limits_ends_at", "rate_limits", ["ends_at"])
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_ended_sessions"),
    )
