"""The marts' rows are not looked up one by one in the ledger any more: whoever writes a month asks once."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the foreign keys of daily_costs_all."""
    op.drop_constraint("fk_daily_costs_all_export_id_exports", "daily_costs_all")
    op.drop_constraint("fk_daily_costs_all_delivery_deliveries", "daily_costs_all")
