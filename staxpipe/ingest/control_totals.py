"""Control totals as the ledger's rows: of source and lake from a tally, of the marts from their rollup. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from typing import Any

import pyarrow as pa

from staxpipe.db.journal import ServiceCost
from staxpipe.db.results import SumRow
from staxpipe.focus.identities import Identity, marts_identity
from staxpipe.focus.numbers import exact_add
from staxpipe.focus.tally import Tally
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA

SOURCE = "source"
LAKE = "focus"
MARTS = "marts"


def sum_rows(tally: Tally) -> list[SumRow]:
    """A tally's two sides: the source by line-item type and outcome, the lake by charge category."""
    source = [
        SumRow(SOURCE, account, currency, line_item_type, total.rows, total.cost, outcome=outcome)
        for (account, currency, line_item_type, outcome), total in tally.source.items()
    ]
    lake = [
        SumRow(
            LAKE,
            account,
            currency,
            category,
            total.rows,
            total.billed,
            total.effective,
            total.list,
            total.contracted,
        )
        for (account, currency, category), total in tally.focus.items()
    ]
    return source + lake


def mart_sums(rollup: Iterable[pa.Table]) -> list[SumRow]:
    """What a rollup (tables of ROLLUP_SCHEMA, as `staxpipe.warehouse.rollup.Merged` gives) comes to, by category."""
    keys = ["billing_account_id", "currency", "charge_category"]
    amounts = ["line_items", "billed_cost", "effective_cost", "list_cost", "contracted_cost"]
    return [
        SumRow(
            MARTS,
            *(row[key] for key in keys),
            *(row[name] if row[name] is not None else Decimal(0) for name in amounts),
        )
        for row in _summed(rollup, keys, amounts)
    ]


def service_costs(rollup: Iterable[pa.Table]) -> list[ServiceCost]:
    """What a rollup comes to by account, service and kind of charge: the restatement journal's rows."""
    keys = ["billing_account_id", "sub_account_id", "service_name", "charge_category", "currency"]
    amounts = ["line_items", "billed_cost", "effective_cost"]
    return [ServiceCost(*(row[name] for name in (*keys, *amounts))) for row in _summed(rollup, keys, amounts)]


def same_sums(marts: list[SumRow], lake: list[SumRow]) -> bool:
    """Whether both sides have the same charges, and of each the same number of rows and the same costs."""
    return {replace(total, side=LAKE) for total in marts} == set(lake) and len(marts) == len(lake)


def compare_with_lake(marts: list[SumRow], lake: list[SumRow]) -> list[Identity]:
    """The identity of marts and lake, for each billing account and currency."""
    keys = sorted({(side.billing_account_id, side.currency) for side in (*marts, *lake)})
    return [
        marts_identity(account, currency, _billed(marts, account, currency), _billed(lake, account, currency))
        for account, currency in keys
    ]


def _summed(rollup: Iterable[pa.Table], keys: list[str], amounts: list[str]) -> list[dict[str, Any]]:
    """The sums of amounts by keys; one table after the other is held."""
    parts = [_sums(table, keys, amounts) for table in chain([ROLLUP_SCHEMA.empty_table()], rollup)]
    rows: list[dict[str, Any]] = _sums(pa.concat_tables(parts), keys, amounts).to_pylist()
    return rows


def _sums(table: pa.Table, keys: list[str], amounts: list[str]) -> pa.Table:
    summed = table.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in amounts])
    return summed.rename_columns([name.removesuffix("_sum") for name in summed.column_names])


def _billed(side: list[SumRow], account: str, currency: str) -> Decimal:
    billed = Decimal(0)
    for total in side:
        if (total.billing_account_id, total.currency) == (account, currency):
            billed = exact_add(billed, total.billed_cost)
    return billed
