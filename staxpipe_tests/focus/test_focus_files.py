"""Whole files in FOCUS: generated ones in both versions and formats, and those that others published."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus.dialect import dialect_of
from staxpipe.focus.mapping import Normalised
from staxpipe.focus.reconciliation import reconcile
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.focus_columns import FOCUS_1_0, FOCUS_1_2
from staxpipe.synthetic.focus_export import focus_table
from staxpipe.synthetic.focus_files import write_focus_csv, write_focus_parquet
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.focus.batches import CONTEXT
from staxpipe_tests.focus.focus_batches import expanded, read_texts

OPENED = BillingPeriod(2026, 7)
SCALE = 0.02


@pytest.fixture(scope="module")
def month() -> Month:
    """The organisation's second month, long closed: plans, reservations, tax, credits, refunds, support."""
    organisation = Organisation.sample(11, OPENED, SCALE, edp_percent=3)
    return generate_month(organisation, OPENED.next(), datetime(2026, 11, 20, tzinfo=UTC), SCALE)


@pytest.fixture(scope="module")
def delivered(month: Month, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Normalised]:
    """The month by version and format, through files and back."""
    folder = tmp_path_factory.mktemp("focus")
    found: dict[tuple[str, str], Normalised] = {}
    for version in (FOCUS_1_0, FOCUS_1_2):
        table = focus_table(month, version)
        write_focus_csv(table, folder / "month.csv.gz")
        write_focus_parquet(table, folder / "month.parquet")
        found[version, "csv"] = through(read_texts(folder / "month.csv.gz"))
        found[version, "parquet"] = through(pq.read_table(folder / "month.parquet"))
    return found


def through(table: pa.Table) -> Normalised:
    dialect = dialect_of(table.column_names, "month")
    return dialect.mapping(expanded(table), CONTEXT, 1)


def plain(rows: pa.RecordBatch) -> pa.Table:
    """Rows without dictionaries, whose order depends on the file."""
    columns = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in rows.columns]
    return pa.table(columns, names=rows.schema.names)


@pytest.mark.parametrize("version", [FOCUS_1_0, FOCUS_1_2])
def test_csv_and_parquet_give_the_same_rows(delivered: dict[tuple[str, str], Normalised], version: str) -> None:
    csv_rows, parquet_rows = (plain(delivered[version, kind].rows) for kind in ("csv", "parquet"))
    for name in csv_rows.column_names:
        if not pa.types.is_map(csv_rows.column(name).type):
            assert csv_rows.column(name).equals(parquet_rows.column(name)), name
            continue
        for left, right in zip(csv_rows.column(name).to_pylist(), parquet_rows.column(name).to_pylist(), strict=True):
            assert (left and dict(left)) == (right and dict(right)), name


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("version", [FOCUS_1_0, FOCUS_1_2])
def test_totals_are_the_generators_in_every_charge_category(
    delivered: dict[tuple[str, str], Normalised], month: Month, version: str, kind: str
) -> None:
    result = delivered[version, kind]
    assert result.rejected == ()
    assert result.tally.assumed == {}
    found = {category: sums for (_, _, category), sums in result.tally.focus.items()}
    books = month.expected.focus_by_category
    assert set(found) == set(books) == {"Usage", "Purchase", "Tax", "Credit"}
    for category, expected in books.items():
        sums = found[category]
        assert (sums.rows, sums.billed) == (expected.rows, expected.billed), category
        assert (sums.effective, sums.list) == (expected.effective, expected.list), category
    assert {key: total.cost for key, total in result.tally.source.items()} == {
        key: total.billed for key, total in result.tally.focus.items()
    }
    assert reconcile(result.tally).reconciled


def test_invoices_are_in_1_2_alone(delivered: dict[tuple[str, str], Normalised], month: Month) -> None:
    old, new = delivered[FOCUS_1_0, "csv"].tally, delivered[FOCUS_1_2, "csv"].tally
    assert old.rows_without_invoice == old.rows_read == month.expected.focus.rows
    assert new.rows_without_invoice == 0


UPGRADED = ("SkuMeter", "PricingCurrency", "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice")


def test_an_upgraded_1_0_row_is_the_1_2_row_where_it_can_be(delivered: dict[tuple[str, str], Normalised]) -> None:
    old, new = (plain(delivered[version, "csv"].rows) for version in (FOCUS_1_0, FOCUS_1_2))
    for name in (*UPGRADED, "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ServiceName", "ResourceId"):
        assert old.column(name).equals(new.column(name)), name
    assert set(old.column("x_FocusVersion").to_pylist()) == {"1.0"}
    assert set(new.column("x_FocusVersion").to_pylist()) == {"1.2"}
    categories = [dict(value or ()) for value in old.column("x_CostCategories").to_pylist()]
    assert any(value.get("Environment") == "Production" for value in categories)
    assert new.column("x_CostCategories").null_count == len(new)
    tags = [dict(value or ()) for value in new.column("Tags").to_pylist()]
    assert any(value.get("costCategory/Environment") == "Production" for value in tags)
    assert any("cost_center" in value for value in tags)
    assert not any(key.startswith("user_") for value in tags for key in value)


@pytest.mark.outside_data
def test_the_published_sample_of_1_0_passes(outside_data: Path) -> None:
    path = outside_data / "focus-1.0" / "focus_sample.csv"
    table = read_texts(path)
    table = table.filter(pc.equal(table.column("ProviderName"), "AWS"))
    result = through(table)
    assert result.rejected == ()
    assert result.rows.num_rows == 942
    with path.open() as file:
        source = [row for row in csv.DictReader(file) if row["ProviderName"] == "AWS"]
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
        written = [Decimal(row[name]) for row in source]
        assert result.rows.column(name).to_pylist() == written, name
    rows = result.rows.to_pylist()
    assert "NULL" not in {value for row in rows for value in row.values() if isinstance(value, str)}
    assert {row["BillingAccountId"] for row in rows} == {"1234567890123"}
    assert sum(row["Tags"] is not None for row in rows) == sum(row["Tags"] != "NULL" for row in source)
    assert {row["ServiceSubcategory"] for row in rows if row["ServiceName"] == "AWS Lambda"} == {"Serverless Compute"}
    usage = result.tally.focus["1234567890123", "USD", "Usage"]
    assert usage.billed == sum(Decimal(row["BilledCost"]) for row in source if row["ChargeCategory"] == "Usage")


NO_MOMENT = "2023-02-01T30:00:00Z"
"""A slip in one of the specification's examples: there is no hour 30."""


def _examples(outside_data: Path, under: str) -> Iterator[tuple[str, pa.Table]]:
    for path in sorted((outside_data / "focus-1.2-examples" / under).rglob("*.csv")):
        yield path.name, read_texts(path)


@pytest.mark.outside_data
def test_the_specifications_commitment_examples_name_what_they_lack(outside_data: Path) -> None:
    for name, table in _examples(outside_data, "commitment_discount_scenarios"):
        with pytest.raises(PermanentError, match="absent: BillingAccountId, BillingCurrency"):
            through(table)
        # With the accounts that the examples leave out they pass, to the digit.
        count = table.num_rows
        for column, value in (("BillingAccountId", "1"), ("BillingCurrency", "USD")):
            table = table.append_column(column, pa.array([value] * count))
        for month in sorted(set(table.column("BillingPeriodStart").to_pylist())):
            rows = table.filter(pc.equal(table.column("BillingPeriodStart"), month))
            result = through(rows)
            refused = [(value.column, value.value) for value in result.rejected]
            bad = set(rows.column("ChargePeriodEnd").to_pylist()) & {NO_MOMENT}
            assert refused == [("charge_period_end", value) for value in bad], name
            rows = rows.filter(pc.not_equal(rows.column("ChargePeriodEnd"), NO_MOMENT))
            written = [Decimal(text) for text in rows.column("EffectiveCost").to_pylist()]
            assert result.rows.column("EffectiveCost").to_pylist() == written
            assert set(result.rows.column("x_FocusVersion").to_pylist()) == {"1.2"}
