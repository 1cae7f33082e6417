"""Sums of a written month by DuckDB, from the file alone: an independent way to what the generator's books say.

Columns are taken under their Parquet names. The SQL is formats.md C.3 in its plainest form.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from staxpipe.model import FileFormat
from staxpipe.synthetic.books import SourceSums, SplitSums, Sums
from staxpipe.synthetic.columns import parquet_name

_SPLIT = "line_item_operation in ('EKSPod-EC2', 'ECSTask-EC2')"
_NUMBERS = (
    "line_item_unblended_cost",
    "line_item_net_unblended_cost",
    "pricing_public_on_demand_cost",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "savings_plan_amortized_upfront_commitment_for_billing_period",
    "savings_plan_recurring_commitment_for_billing_period",
    "savings_plan_net_amortized_upfront_commitment_for_billing_period",
    "savings_plan_net_recurring_commitment_for_billing_period",
    "reservation_effective_cost",
    "reservation_net_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_recurring_fee",
    "split_line_item_split_cost",
    "split_line_item_unused_cost",
)
_TEXTS = (
    "line_item_line_item_type",
    "line_item_currency_code",
    "line_item_operation",
    "line_item_line_item_description",
    "line_item_tax_type",
    "line_item_usage_type",
    "reservation_reservation_a_r_n",
)

_FOCUS = f"""
with charged as (
    select *, line_item_line_item_type as type, line_item_currency_code as currency,
        coalesce(line_item_net_unblended_cost, line_item_unblended_cost) as charge,
        line_item_usage_type like '%SpotUsage%' as spot,
        reservation_reservation_a_r_n <> '' as reserved
    from source where not {_SPLIT} and line_item_line_item_type <> 'SavingsPlanNegation'
), rows as (
    select currency,
        case when type = 'Tax' or (type = 'Refund' and line_item_tax_type <> '') then 'Tax'
            when type = 'Credit' then 'Credit'
            when type in ('Fee', 'RIFee', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee') then 'Purchase'
            when type = 'Refund' and (reserved or line_item_line_item_description like 'Refund for one-time fee%')
                then 'Purchase'
            when type = 'CarbonLevy' then 'Adjustment'
            else 'Usage' end as category,
        case when type in ('SavingsPlanCoveredUsage', 'DiscountedUsage') then 0 else charge end as billed,
        case type
            when 'SavingsPlanCoveredUsage' then coalesce(
                savings_plan_net_savings_plan_effective_cost, savings_plan_savings_plan_effective_cost)
            when 'DiscountedUsage' then coalesce(reservation_net_effective_cost, reservation_effective_cost)
            when 'SavingsPlanUpfrontFee' then 0
            when 'SavingsPlanRecurringFee' then 0
            when 'RIFee' then 0
            when 'Fee' then case when reserved then 0 else charge end
            when 'Refund' then case when line_item_line_item_description like 'Refund for one-time fee%'
                then 0 else charge end
            else charge end as effective,
        case when type in ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage') and not spot
            then pricing_public_on_demand_cost else charge end as listed
    from charged
    union all
    select currency, 'Usage', 0,
        case type
            when 'RIFee' then coalesce(
                reservation_net_unused_amortized_upfront_fee_for_billing_period
                    + reservation_net_unused_recurring_fee,
                reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee)
            else coalesce(
                (savings_plan_total_commitment_to_date - savings_plan_used_commitment)
                    * (savings_plan_net_amortized_upfront_commitment_for_billing_period
                        + savings_plan_net_recurring_commitment_for_billing_period)::decimal(18, 10)
                    / nullif(savings_plan_amortized_upfront_commitment_for_billing_period
                        + savings_plan_recurring_commitment_for_billing_period, 0),
                savings_plan_total_commitment_to_date - savings_plan_used_commitment)::decimal(30, 14) end, 0
    from charged where type in ('RIFee', 'SavingsPlanRecurringFee')
)
select currency, category, count(*), sum(billed), sum(effective), sum(listed) from rows group by all
"""


@dataclass(frozen=True)
class FileSums:
    """What a file comes to: by (currency, line-item type), by (currency, FOCUS category), and the split rows."""

    source: dict[tuple[str, str], SourceSums]
    focus: dict[tuple[str, str], Sums]
    split: SplitSums


def file_sums(path: Path, format: FileFormat) -> FileSums:
    """Add a file up."""
    with duckdb.connect() as database:
        _load(database, path, format)
        source = {
            (currency, kind): SourceSums(rows, unblended, net)
            for currency, kind, rows, unblended, net in database.execute(
                "select line_item_currency_code, line_item_line_item_type, count(*), sum(line_item_unblended_cost), "
                "sum(coalesce(line_item_net_unblended_cost, line_item_unblended_cost)) from source group by all"
            ).fetchall()
        }
        focus = {
            (currency, category): Sums(rows, billed, _decimal(effective), listed)
            for currency, category, rows, billed, effective, listed in database.execute(_FOCUS).fetchall()
        }
        split = database.execute(
            f"select count(*), sum(split_line_item_split_cost), sum(split_line_item_unused_cost) from source "
            f"where {_SPLIT}"
        ).fetchone()
    assert split is not None
    return FileSums(source, focus, SplitSums(split[0], split[1] or Decimal(0), split[2] or Decimal(0)))


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))


def _load(database: duckdb.DuckDBPyConnection, path: Path, format: FileFormat) -> None:
    if format is FileFormat.CSV_ZIP:
        with zipfile.ZipFile(path) as archive:
            (entry,) = archive.namelist()
            path = Path(archive.extract(entry, path.parent))
    if format is FileFormat.PARQUET:
        database.execute("create table file as select * from read_parquet(?)", [str(path)])
    else:
        packed = "gzip" if format is FileFormat.CSV_GZIP else "none"
        database.execute(
            "create table file as select * from read_csv(?, all_varchar = true, compression = ?)", [str(path), packed]
        )
    there = {parquet_name(name): name for name in _names(database)}
    columns = [f"coalesce(\"{there[name]}\", '') as {name}" if name in there else f"'' as {name}" for name in _TEXTS]
    columns += [
        f'"{there[name]}"::decimal(28, 10) as {name}' if name in there else f"null::decimal(28, 10) as {name}"
        for name in _NUMBERS
    ]
    database.execute(f"create table source as select {', '.join(columns)} from file")


def _names(database: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in database.execute("describe file").fetchall()]
