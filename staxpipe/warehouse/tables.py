"""The marts' tables and views, declared once, on the metadata tables' MetaData so that one migration covers both.

Two names for one thing: `daily_costs_all` is the table, with the rows of every export; `daily_costs` is the view that
people query, with each account's month once, from the export that was elected for it. Whoever reads the table
directly and has two exports of one account counts its money twice.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, Numeric, Table, Text

from staxpipe.db.tables import deliveries, exports, metadata

AMOUNT = Numeric(38, 18)
"""Sums of the lake's decimal(30, 18), exact: eight more digits hold the sum of a hundred million of the largest."""

daily_costs_all = Table(
    "daily_costs_all",
    metadata,
    Column("billing_account_id", Text, nullable=False),
    Column("sub_account_id", Text),
    Column("period", Text, nullable=False),  # YYYY-MM, the month it is billed in
    Column("day", Date, nullable=False),  # the UTC day that the charge begins on; may lie outside the period
    Column("service_name", Text, nullable=False),
    Column("service_category", Text, nullable=False),
    Column("region_id", Text),
    Column("charge_category", Text, nullable=False),
    Column("pricing_category", Text),
    Column("usage_type", Text),
    Column("currency", Text, nullable=False),
    Column("billed_cost", AMOUNT, nullable=False),
    Column("effective_cost", AMOUNT, nullable=False),
    Column("list_cost", AMOUNT, nullable=False),
    Column("contracted_cost", AMOUNT, nullable=False),
    Column("consumed_quantity", AMOUNT),  # a usage type has one unit
    Column("line_items", BigInteger, nullable=False),
    Column("export_id", Integer, ForeignKey(exports.c.id), nullable=False),
    Column("delivery", BigInteger, ForeignKey(deliveries.c.id), nullable=False),
    # One index for the swap, the view's join, and the commonest questions: an account, a month, by day.
    Index("ix_daily_costs_all_export_period", "export_id", "period", "billing_account_id"),
    Index("ix_daily_costs_all_day", "day", "billing_account_id"),
)

DAILY_COSTS_VIEW = """\
CREATE VIEW daily_costs AS
SELECT costs.*
FROM daily_costs_all AS costs
JOIN period_sources AS source
  ON source.billing_account_id = costs.billing_account_id
 AND source.period = costs.period
 AND source.export_id = costs.export_id
"""
"""The view that people query; the migration that makes the table makes it too."""
