from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, localcontext

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.warehouse import rollup as rollup_module
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Merged, Rollup
from staxpipe_tests.lake.line_item_batches import OTHER_PAYER, PAYER, costs, line_items, moment
from staxpipe_tests.warehouse.rollups import merged, rollup_of


@pytest.fixture(autouse=True)
def exact_decimals() -> Iterator[None]:
    """Python's decimals round to 28 digits unless told otherwise; what is expected must not."""
    with localcontext() as context:
        context.prec = 60
        yield


def rolled(*batches: pa.RecordBatch) -> list[dict[str, object]]:
    table = rollup_of(*batches)
    assert table.schema == ROLLUP_SCHEMA
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows without dictionaries."""
    columns = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


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
    at = batch.schema.get_field_index("RegionId")
    null_value = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["us-east-1", None]))
    odd = batch.set_column(at, pa.field("RegionId", null_value.type), null_value)
    rows = rolled(batch, plain(batch), odd)
    assert sorted((str(row["region_id"]), row["line_items"]) for row in rows) == [("None", 3), ("us-east-1", 3)]


def test_sums_over_many_batches_and_merges_are_exact() -> None:
    chance = random.Random(7)
    expected: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    pieces: list[pa.Table] = []
    rollup = Rollup(pieces.append, held_rows=100)  # merges many times on the way
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
    rollup.finish()
    (sums,) = pieces
    found = {(row["service_name"], row["day"]): row["billed_cost"] for row in sums.to_pylist()}
    assert found == expected


AMOUNTS = st.decimals(-(10**12) + 1, 10**12 - 1, places=18)
ROWS = st.fixed_dictionaries(
    {
        "BillingAccountId": st.sampled_from([PAYER, OTHER_PAYER]),
        "SubAccountId": st.sampled_from(["333333333333", None]),
        "RegionId": st.sampled_from(["us-east-1", "日本", None]),
        "SkuMeter": st.sampled_from(["a", "b", None]),
        "ChargePeriodStart": st.sampled_from([moment("1969-12-31T23:59"), moment("2018-10-01T23:00")]),
        "BilledCost": AMOUNTS,
        "ConsumedQuantity": AMOUNTS | st.none(),
        "x_SplitParentResourceId": st.sampled_from([None, None, "i-1"]),
    }
)


@settings(max_examples=50, deadline=None)
@given(
    batches=st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.lists(ROWS, max_size=6)), max_size=6),
    held_rows=st.integers(0, 8),
    widest=st.sampled_from([2**62, 7]),
)
def test_any_spread_of_rows_over_batches_and_rollups_gives_the_same_sums(
    batches: list[tuple[int, bool, list[dict[str, object]]]], held_rows: int, widest: int
) -> None:
    expected: dict[tuple[object, ...], list[Decimal | int | None]] = {}
    pieces: list[pa.Table] = []
    rollups = [Rollup(pieces.append, held_rows) for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollup_module, "_WIDEST", widest)  # numbers of combinations that do not fit are made smaller
        for which, as_plain, rows in batches:
            batch = line_items(rows)
            rollups[which].add(plain(batch) if as_plain else batch)
            for row in rows:
                if row["x_SplitParentResourceId"] is None:
                    _count(expected, row)
        first, *others = rollups
        for other in others:
            first.merge(other)
        first.finish()
    sums = merged(pieces)
    found = {
        (*(row[key] for key in KEPT), row["day"]): [row["billed_cost"], row["consumed_quantity"], row["line_items"]]
        for row in sums.to_pylist()
    }
    assert found == expected
    assert sums.num_rows == len(found)


KEPT = ("billing_account_id", "sub_account_id", "region_id", "usage_type")


def _count(sums: dict[tuple[object, ...], list[Decimal | int | None]], row: dict[str, object]) -> None:
    """What `Rollup` does, in plain Python."""
    begin, billed, quantity = row["ChargePeriodStart"], row["BilledCost"], row["ConsumedQuantity"]
    assert isinstance(begin, datetime)
    assert isinstance(billed, Decimal)
    key = (row["BillingAccountId"], row["SubAccountId"], row["RegionId"], row["SkuMeter"], begin.date())
    before, quantity_before, count = sums.get(key, [Decimal(0), None, 0])
    assert before is not None
    assert count is not None
    if isinstance(quantity, Decimal):
        quantity_before = quantity + (quantity_before or 0)
    sums[key] = [billed + before, quantity_before, int(count) + 1]


def test_merging_leaves_the_other_rollup_as_it_is() -> None:
    ones: list[pa.Table] = []
    others: list[pa.Table] = []
    one, other = Rollup(ones.append), Rollup(others.append)
    one.add(line_items([{}]))
    other.add(line_items([{}]))
    one.merge(other)
    for rollup in (one, other):
        rollup.finish()
    assert [row["line_items"] for row in merged(ones).to_pylist()] == [2]
    assert [row["line_items"] for row in merged(others).to_pylist()] == [1]


def test_more_groups_than_are_held_are_handed_over_on_the_way() -> None:
    pieces: list[pa.Table] = []
    rollup = Rollup(pieces.append, held_rows=10)
    for number in range(30):
        rollup.add(line_items([{"SkuMeter": f"meter-{number}"}, {"SkuMeter": f"meter-{number // 2}"}]))
    assert len(pieces) == 2
    assert max(piece.num_rows for piece in pieces) <= 10 + 10 + 2
    rollup.finish()
    sums = merged(pieces)
    assert sums.num_rows == 30
    assert sum(sums["line_items"].to_pylist()) == 60


def test_parts_are_merged_one_at_a_time() -> None:
    one, other = rollup_of(costs(24)), rollup_of(line_items([{"SkuMeter": "another"}]))
    read: list[str] = []

    def parts() -> Iterator[list[pa.Table]]:
        for name, tables in (("first", [one, one]), ("second", [other])):
            read.append(name)
            yield tables

    rollup = iter(Merged(parts()))
    assert next(rollup)["line_items"].to_pylist() == [48]
    assert read == ["first"]
    assert next(rollup) == other


def test_the_largest_amounts_add_up_without_overflow() -> None:
    largest = "999999999999.999999999999999999"
    (row,) = [row for row in rolled(*[costs(672, largest)] * 3) if row["day"] == date(2018, 10, 1)]
    assert row["billed_cost"] == Decimal(largest) * 72
