"""The generated FOCUS exports: AWS's columns and types, and the books' totals to the last digit."""

from __future__ import annotations

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.synthetic.focus_columns import FOCUS_1_0, FOCUS_1_2, FOCUS_HEADERS
from staxpipe.synthetic.focus_export import focus_table
from staxpipe.synthetic.focus_files import write_focus_csv, write_focus_parquet
from staxpipe.synthetic.month import Month


@pytest.fixture(scope="module", params=[FOCUS_1_0, FOCUS_1_2])
def table(request: pytest.FixtureRequest, closed_month: Month) -> pa.Table:
    return focus_table(closed_month, request.param)


def test_the_header_is_awss() -> None:
    assert (len(FOCUS_HEADERS[FOCUS_1_0]), len(FOCUS_HEADERS[FOCUS_1_2])) == (48, 60)
    assert FOCUS_HEADERS[FOCUS_1_0][-6:] == (
        "Tags",
        "x_CostCategories",
        "x_Discounts",
        "x_Operation",
        "x_ServiceCode",
        "x_UsageType",
    )


def test_types_are_awss(table: pa.Table) -> None:
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["BilledCost"] == types["ListUnitPrice"] == types["PricingQuantity"] == "double"
    assert types["ChargePeriodStart"] == "timestamp[ms, tz=UTC]"
    assert types["Tags"] == "map<string, string>"
    assert types["x_Discounts"] == "map<string, double>"
    assert types["BillingAccountId"] == "string"


def test_the_totals_are_the_books(table: pa.Table, closed_month: Month) -> None:
    categories = table.column("ChargeCategory").to_pylist()
    for category, expected in closed_month.expected.focus_by_category.items():
        rows = [row for row, of in enumerate(categories) if of == category]
        assert len(rows) == expected.rows
        for name, amount in (
            ("BilledCost", expected.billed),
            ("EffectiveCost", expected.effective),
            ("ListCost", expected.list),
        ):
            values = table.column(name).to_pylist()
            assert sum((Decimal(repr(values[row])) for row in rows), Decimal(0)) == amount, (category, name)


def test_the_totals_of_every_account_are_the_books(table: pa.Table, closed_month: Month) -> None:
    found: dict[str, Decimal] = {}
    for account, cost in zip(*(table.column(name).to_pylist() for name in ("SubAccountId", "BilledCost")), strict=True):
        found[account] = found.get(account, Decimal(0)) + Decimal(repr(cost))
    assert found == {account: sums.billed for account, sums in closed_month.expected.focus_by_account.items()}


def test_every_fee_of_a_commitment_has_an_unused_row(table: pa.Table, closed_month: Month) -> None:
    status = table.column("CommitmentDiscountStatus").to_pylist()
    types = closed_month.expected.rows_by_type
    assert status.count("Unused") == types["RIFee"] + types["SavingsPlanRecurringFee"]
    assert status.count("Used") == types["DiscountedUsage"] + types["SavingsPlanCoveredUsage"]


def test_periods_end_exclusively(table: pa.Table) -> None:
    assert {moment.second for moment in table.column("ChargePeriodEnd").to_pylist()} <= {0, 1}


def test_files_hold_the_table_and_are_the_same_each_time(table: pa.Table, tmp_path: Path) -> None:
    some = table.slice(10, 500)
    for name in ("a", "b"):
        write_focus_csv(some, tmp_path / f"{name}.csv.gz")
        write_focus_parquet(some, tmp_path / f"{name}.parquet")
    for kind in ("csv.gz", "parquet"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == some.to_pylist()
    with gzip.open(tmp_path / "a.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Decimal(row["BilledCost"]) for row in rows] == [
        Decimal(repr(cost)) for cost in some.column("BilledCost").to_pylist()
    ]
    assert [json.loads(row["Tags"]) for row in rows] == [dict(tags) for tags in some.column("Tags").to_pylist()]
    assert rows[0]["BillingPeriodStart"] == "2026-08-01T00:00:00.000Z"


def test_a_table_without_rows_is_a_header(table: pa.Table, tmp_path: Path) -> None:
    write_focus_csv(table.slice(0, 0), tmp_path / "a.csv.gz")
    with gzip.open(tmp_path / "a.csv.gz", "rt", encoding="utf-8") as file:
        assert [len(row) for row in csv.reader(file)] == [table.num_columns]


def test_the_same_month_gives_the_same_table(closed_month: Month) -> None:
    assert focus_table(closed_month, FOCUS_1_2).equals(focus_table(closed_month, FOCUS_1_2))
