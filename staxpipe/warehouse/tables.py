"""The marts' tables and views, declared once, on the metadata tables' MetaData so that one migration covers both.

Two names for one thing: `daily_costs_all` is the table, with the rows of every export; `daily_costs` is the view that
people query, with each account's month once, from the export that was elected for it. Whoever reads the table
directly and has two exports of one account counts its money twice.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Numeric, Table, Text

from staxpipe.db.tables import metadata

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
    # No foreign keys: they would be looked up for every row, in twice the time of all the rest. `swap` makes sure
    # of what they would say, once for all rows of a month.
    Column("export_id", Integer, nullable=False),
    Column("delivery", BigInteger, nullable=False),
    # One index for the swap, the view's join, and the commonest questions: an account, a month, by day.
    Index("ix_daily_costs_all_export_period", "export_id", "period", "billing_account_id"),
    Index("ix_daily_costs_all_day", "day", "billing_account_id"),
)

DAILY_COSTS_VIEW = """\
CREATE VIEW daily_costs AS
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
"""The view that people query; migrations make it. Names are those of the organisation, else the numbers.

Who leaves the names out pays nothing for them: Postgres drops a join whose key is unique and whose columns nobody asks.
"""

MONTH_LEDGER_VIEW = """\
CREATE VIEW month_ledger AS
SELECT line.billing_account_id, delivery.period, line.currency, export.id AS export_id, export.source, export.kind,
       coalesce(source.export_id = delivery.export_id, false) AS counted,
       line.badge, line.reason, line.rows_read, line.rows_mapped, line.rows_doubled, line.rows_dropped,
       line.rows_split, line.rows_quarantined, line.rows_without_invoice, line.source_cost, line.lake_cost,
       line.marts_cost, line.lake_cost - line.source_cost AS difference, line.quarantined_cost,
       delivery.id AS delivery, delivery.delivery_id, delivery.delivered_at, delivery.loaded_at
FROM reconciliations AS line
JOIN deliveries AS delivery ON delivery.id = line.delivery AND delivery.state = 'loaded'
JOIN exports AS export ON export.id = delivery.export_id
LEFT JOIN period_sources AS source
  ON source.billing_account_id = line.billing_account_id AND source.period = delivery.period
"""
"""The reconciliation ledger as people read it: a line for each export, account, month and currency that is loaded."""

COST_CHANGES_VIEW = """\
CREATE VIEW cost_changes AS
WITH published AS (
  SELECT id, export_id, period, delivery_id, delivered_at,
         lag(id) OVER month AS before,
         coalesce(bool_or(final) OVER (month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS after_close
  FROM deliveries WHERE loaded_at IS NOT NULL
  WINDOW month AS (PARTITION BY export_id, period ORDER BY delivered_at, id)
), sides AS (
  SELECT published.*, 1 AS sign, published.id AS side FROM published WHERE before IS NOT NULL
  UNION ALL
  SELECT published.*, -1, published.before FROM published WHERE before IS NOT NULL
)
SELECT cost.billing_account_id, sides.period, sides.export_id, sides.id AS delivery, sides.delivery_id,
       sides.delivered_at, sides.before AS delivery_before, sides.after_close,
       cost.sub_account_id, cost.service_name, cost.charge_category, cost.currency,
       sum(sides.sign * cost.rows)::bigint AS rows_change,
       sum(sides.sign * cost.billed_cost) AS billed_change,
       sum(sides.sign * cost.effective_cost) AS effective_change
FROM sides JOIN delivery_services AS cost ON cost.delivery = sides.side
GROUP BY cost.billing_account_id, sides.period, sides.export_id, sides.id, sides.delivery_id, sides.delivered_at,
         sides.before, sides.after_close, cost.sub_account_id, cost.service_name, cost.charge_category, cost.currency
HAVING sum(sides.sign * cost.rows) <> 0 OR sum(sides.sign * cost.billed_cost) <> 0
    OR sum(sides.sign * cost.effective_cost) <> 0
"""
"""What each delivery changed against the one before it, by account, service and kind of charge.

`after_close` says that every charge of the month had an invoice in an earlier delivery: the sum over such lines is what
changed since close.
"""
