from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, localcontext

import pyarrow as pa
import pytest

from staxpipe.warehouse import rollup as rollup_module
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Rollup
from staxpipe_tests.lake.line_item_batches import OTHER_PAYER, PAYER, costs, line_items, moment


@pytest.fixture(autouse=True)
def exact_decimals() -> Iterator[None]:
    """Python's decimals round to 28 digits unless told otherwise; what is expected must not."""
    with localcontext() as context:
        context.prec = 60
        yield


def rolled(*batches: pa.RecordBatch) -> list[dict[str, object]]:
    rollup = Rollup()
    for batch in batches:
        rollup.add(batch)
    table = rollup.table()
    assert table.schema == ROLLUP_SCHEMA
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def test_rows_of_one_day_and_one_kind_become_one_row() -> None:
    (row,) = rolled(line_items([{}, {"BilledCost": Decimal("0.000000000000000001")}]))
    assert row == {
        "billing_account_id": PAYER,
        "sub_account_id": "333333333333",
        "service_name": "Amazon Elastic Compute Cloud",
        "service_category": "Compute",
        "region_id": "us-east-1",
        "charge_category": "Usage",
        "pricing_category": "Standard",
        "usage_type": "BoxUsage:m5.large",
        "currency": "USD",
        "day": date(2018, 10, 1),
        "billed_cost": Decimal("1.000000000000000001"),
        "effective_cost": Decimal(2),
        "list_cost": Decimal(2),
        "contracted_cost": Decimal(2),
        "consumed_quantity": Decimal(2),
        "line_items": 2,
    }


def test_a_charge_counts_on_the_utc_day_that_it_begins_on() -> None:
    days = rolled(
        line_items(
            [{"ChargePeriodStart": moment("2018-10-01T23:59")}, {"ChargePeriodStart": moment("2018-10-02T00:00")}]
        )
    )
    assert {row["day"] for row in days} == {date(2018, 10, 1), date(2018, 10, 2)}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BillingAccountId", OTHER_PAYER),
        ("SubAccountId", "444444444444"),
        ("ServiceName", "Amazon S3"),
        ("ServiceCategory", "Storage"),
        ("RegionId", None),
        ("ChargeCategory", "Tax"),
        ("PricingCategory", None),
        ("SkuMeter", "BoxUsage:m5.xlarge"),
        ("BillingCurrency", "EUR"),
    ],
)
def test_rows_that_differ_in_a_dimension_stay_apart(column: str, value: str | None) -> None:
    rows = rolled(line_items([{}, {column: value}]))
    assert [row["line_items"] for row in rows] == [1, 1]


def test_a_quantity_that_no_row_has_is_null_not_nought() -> None:
    (row,) = rolled(line_items([{"ConsumedQuantity": None}, {"ConsumedQuantity": None}]))
    assert row["consumed_quantity"] is None
    (row,) = rolled(line_items([{"ConsumedQuantity": None}, {"ConsumedQuantity": Decimal(3)}]))
    assert row["consumed_quantity"] == Decimal(3)


def test_nothing_gives_an_empty_table() -> None:
    assert rolled() == []
    assert rolled(line_items([])) == []


def test_plain_text_columns_and_null_dictionary_values_group_like_coded_ones() -> None:
    batch = line_items([{}, {"RegionId": None}])
    plain = pa.RecordBatch.from_arrays(
        [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns], names=batch.schema.names
    )
    at = batch.schema.get_field_index("RegionId")
    null_value = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["us-east-1", None]))
    odd = batch.set_column(at, pa.field("RegionId", null_value.type), null_value)
    rows = rolled(batch, plain, odd)
    assert sorted((str(row["region_id"]), row["line_items"]) for row in rows) == [("None", 3), ("us-east-1", 3)]


def test_sums_over_many_batches_and_merges_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup_module, "MERGE_ROWS", 10)  # merges many times on the way
    chance = random.Random(7)
    expected: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    rollup = Rollup()
    for _ in range(20):
        rows: list[dict[str, object]] = []
        for _ in range(50):
            day = chance.randint(1, 28)
            service = chance.choice(["A", "B", "C"])
            amount = Decimal(chance.randint(-(10**29), 10**29)).scaleb(-18)
            expected[service, date(2018, 10, day)] += amount
            rows.append(
                {
                    "ServiceName": service,
                    "BilledCost": amount,
                    "ChargePeriodStart": moment(f"2018-10-{day:02d}T05:00"),
                }
            )
        rollup.add(line_items(rows))
    found = {(row["service_name"], row["day"]): row["billed_cost"] for row in rollup.table().to_pylist()}
    assert found == expected


def test_the_largest_amounts_add_up_without_overflow() -> None:
    largest = "999999999999.999999999999999999"
    (row,) = [row for row in rolled(*[costs(672, largest)] * 3) if row["day"] == date(2018, 10, 1)]
    assert row["billed_cost"] == Decimal(largest) * 72
