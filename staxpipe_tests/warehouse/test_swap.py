from __future__ import annotations

import random
from decimal import Decimal

import pyarrow.compute as pc
import pytest
from sqlalchemy import Engine, func, insert, select, text

from staxpipe.db.tables import period_sources
from staxpipe.warehouse.swap import swap_daily_costs
from staxpipe.warehouse.tables import daily_costs_all
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, PAYER, costs, line_items
from staxpipe_tests.warehouse.conftest import Sources
from staxpipe_tests.warehouse.rollups import rollup_of

COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost", "consumed_quantity")


def billed(engine: Engine, name: str = "daily_costs_all") -> dict[tuple[int, str], Decimal]:
    query = text(f"SELECT export_id, period, sum(billed_cost) AS billed FROM {name} GROUP BY 1, 2")
    with engine.connect() as connection:
        return {(row.export_id, row.period): row.billed for row in connection.execute(query)}


def test_postgres_sums_equal_arrow_sums_to_the_last_digit(engine: Engine, sources: Sources) -> None:
    chance = random.Random(11)
    table = rollup_of(
        line_items(
            [
                {
                    "SkuMeter": f"usage-{number}",
                    "RegionId": chance.choice(["us-east-1", None, "日本"]),
                    "BilledCost": Decimal(chance.randint(-(10**29), 10**29)).scaleb(-18),
                    "EffectiveCost": Decimal(chance.randint(-(10 ** chance.randint(1, 29)), 10**18)).scaleb(-18),
                    "ConsumedQuantity": chance.choice([None, Decimal("1e-18"), Decimal(12345)]),
                }
                for number in range(3_000)
            ]
        )
    )
    with engine.begin() as connection:
        written = swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [table])
        sums = connection.execute(select(*(func.sum(daily_costs_all.c[name]) for name in COSTS))).one()
        counts = connection.execute(
            select(func.count(), func.sum(daily_costs_all.c.line_items), func.count(daily_costs_all.c.region_id))
        ).one()
    assert tuple(sums) == tuple(pc.sum(table.column(name)).as_py() for name in COSTS)
    assert counts == (written, 3_000, written - table.column("region_id").null_count)
    assert written == table.num_rows == 3_000


def test_a_row_arrives_as_it_was(engine: Engine, sources: Sources) -> None:
    table = rollup_of(line_items([{"SubAccountId": None, "ConsumedQuantity": None}]))
    with engine.begin() as connection:
        swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [table])
        (row,) = connection.execute(select(daily_costs_all)).mappings()
    (given,) = table.to_pylist()
    given |= {"period": "2018-10", "export_id": sources.first_export, "delivery": sources.first_delivery}
    assert dict(row) == given


def test_a_restated_month_takes_the_place_of_the_old_one_and_of_nothing_else(engine: Engine, sources: Sources) -> None:
    first, second = sources.first_export, sources.second_export
    with engine.begin() as connection:
        swap_daily_costs(connection, first, OCTOBER, sources.first_delivery, [rollup_of(costs(10, "1"))])
        swap_daily_costs(connection, first, NOVEMBER, sources.first_delivery, [rollup_of(costs(10, "2"))])
        swap_daily_costs(connection, second, OCTOBER, sources.second_delivery, [rollup_of(costs(10, "3"))])
    with engine.begin() as connection:
        swap_daily_costs(connection, first, OCTOBER, sources.first_delivery, [rollup_of(costs(10, "5"))])
    assert billed(engine) == {(first, "2018-10"): 50, (first, "2018-11"): 20, (second, "2018-10"): 30}


def test_the_same_swap_again_changes_nothing(engine: Engine, sources: Sources) -> None:
    table = rollup_of(costs(100, "0.1"))
    for _ in range(2):
        with engine.begin() as connection:
            swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [table])
    assert billed(engine) == {(sources.first_export, "2018-10"): 10}


def test_an_empty_month_removes_the_rows(engine: Engine, sources: Sources) -> None:
    for table in (rollup_of(costs(100)), rollup_of()):
        with engine.begin() as connection:
            swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [table])
    assert billed(engine) == {}


def test_a_failure_before_the_commit_leaves_the_old_rows(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [rollup_of(costs(10, "1"))])

    def fails_after_the_swap() -> None:
        with engine.begin() as connection:
            swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [rollup_of(costs(9))])
            # Somebody else sees the old month until the commit.
            assert billed(engine) == {(sources.first_export, "2018-10"): 10}
            raise RuntimeError("the ledger could not be written")

    with pytest.raises(RuntimeError, match="ledger"):
        fails_after_the_swap()
    assert billed(engine) == {(sources.first_export, "2018-10"): 10}


def test_rows_of_a_delivery_that_the_ledger_does_not_have_are_refused(engine: Engine, sources: Sources) -> None:
    for delivery in (sources.second_delivery, 999):
        with engine.begin() as connection, pytest.raises(ValueError, match="the ledger has no delivery"):
            swap_daily_costs(connection, sources.first_export, OCTOBER, delivery, [rollup_of(costs(1))])
    assert billed(engine) == {}


def test_the_view_counts_each_accounts_month_once(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        swap_daily_costs(connection, sources.first_export, OCTOBER, sources.first_delivery, [rollup_of(costs(10, "1"))])
        swap_daily_costs(
            connection, sources.second_export, OCTOBER, sources.second_delivery, [rollup_of(costs(9, "1"))]
        )
        connection.execute(
            insert(period_sources).values(billing_account_id=PAYER, period="2018-10", export_id=sources.second_export)
        )
    assert billed(engine, "daily_costs") == {(sources.second_export, "2018-10"): 9}
