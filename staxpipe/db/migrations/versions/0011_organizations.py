"""Names, units and tags of an organisation's accounts, names in daily_costs, and roles for members by one StackSet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DIGITS = "~ '^[0-9]{12}$'"


def upgrade() -> None:
    """Add the tables; show names in the view that people query."""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("management_account_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.String(22), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ou_id", sa.Text(), nullable=False),
        sa.Column("ou_path", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.JSONB(), nullable=True),
        sa.Column("tags_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"account_id {_DIGITS}", name="ck_accounts_account_id"),
        sa.CheckConstraint(f"management_account_id {_DIGITS}", name="ck_accounts_management_account_id"),
        sa.CheckConstraint("(tags IS NULL) = (tags_at IS NULL)", name="ck_accounts_tags"),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="fk_accounts_link_id_links"),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_index("ix_accounts_management_account_id", "accounts", ["management_account_id"])
    op.create_table(
        "organization_readings",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.String(22), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="fk_organization_readings_link_id_links"),
        sa.PrimaryKeyConstraint("account_id", name="pk_organization_readings"),
    )
    op.create_table(
        "member_roles",
        sa.Column("request_id", sa.String(22), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("length(external_id) BETWEEN 32 AND 115", name="ck_member_roles_external_id"),
        sa.ForeignKeyConstraint(["request_id"], ["link_requests.id"], name="fk_member_roles_request_id_link_requests"),
        sa.PrimaryKeyConstraint("request_id", name="pk_member_roles"),
        sa.UniqueConstraint("external_id", name="uq_member_roles_external_id"),
        sa.UniqueConstraint("role_name", name="uq_member_roles_role_name"),
    )
    # In the place of the view, not after dropping it: what was granted on it stays.
    op.execute(
        """
        CREATE OR REPLACE VIEW daily_costs AS
        SELECT costs.*,
               coalesce(payer.name, costs.billing_account_id) AS billing_account_name,
               coalesce(member.name, costs.sub_account_id) AS sub_account_name
        FROM daily_costs_all AS costs
        JOIN period_sources AS source
          ON source.billing_account_id = costs.billing_account_id
         AND source.period = costs.period
         AND source.export_id = costs.export_id
        LEFT JOIN accounts AS payer ON payer.account_id = costs.billing_account_id
        LEFT JOIN accounts AS member ON member.account_id = costs.sub_account_id
        """
    )
