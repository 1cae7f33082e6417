"""Whole files in FOCUS: generated ones in both versions and formats, and those that others published."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus.dialect import dialect_of
from staxpipe.focus.mapping import Rejected
from staxpipe.focus.reading import read_source
from staxpipe.focus.reconciliation import reconcile
from staxpipe.focus.source_schema import read_schema
from staxpipe.focus.tally import Tally
from staxpipe.model import BillingPeriod, FileFormat
from staxpipe.synthetic.focus_columns import FOCUS_1_0, FOCUS_1_2
from staxpipe.synthetic.focus_export import focus_table
from staxpipe.synthetic.focus_files import write_focus_csv, write_focus_parquet
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.focus.batches import CONTEXT

pytestmark = pytest.mark.long

Delivered = dict[tuple[str, str], tuple[pa.Table, Tally, list[Rejected]]]

OPENED = BillingPeriod(2026, 7)
SCALE = 0.02


@pytest.fixture(scope="module")
def month() -> Month:
    """The organisation's second month, long closed: plans, reservations, tax, credits, refunds, support."""
    organisation = Organisation.sample(11, OPENED, SCALE, edp_percent=3)
    return generate_month(organisation, OPENED.next(), datetime(2026, 11, 20, tzinfo=UTC), SCALE)


@pytest.fixture(scope="module")
def delivered(month: Month, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """The month by version and format, through files and back."""
    folder = tmp_path_factory.mktemp("focus")
    found: Delivered = {}
    for version in (FOCUS_1_0, FOCUS_1_2):
        table = focus_table(month, version)
        write_focus_csv(table, folder / "month.csv.gz")
        write_focus_parquet(table, folder / "month.parquet")
        found[version, "csv"] = through(folder / "month.csv.gz")
        found[version, "parquet"] = through(folder / "month.parquet")
    return found


def through(path: Path, period: BillingPeriod | None = None) -> tuple[pa.Table, Tally, list[Rejected]]:
    """A file's rows, totals and refused rows, read as it is loaded."""
    context = replace(CONTEXT, period=period)
    format = FileFormat(path.name.partition(".")[2])
    dialect = dialect_of([name for name, _ in read_schema(path, format, path.name).columns], path.name)
    tally, refused, parts = Tally(), list[Rejected](), []
    for part in read_source(path, format, file=path.name, wanted=dialect.wanted(CONTEXT), batch_rows=20_000):
        result = dialect.mapping(part.rows, context, part.first_row)
        tally.add(result.tally)
        refused += result.rejected
        parts.append(result.rows)
    return plain(parts), tally, refused


def plain(parts: list[pa.RecordBatch]) -> pa.Table:
    """Rows without dictionaries, whose order depends on the file."""
    names = parts[0].schema.names
    columns = {name: [part.column(name) for part in parts] for name in names}
    return pa.table(
        [
            pa.chunked_array(
                [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in chunks]
            ).combine_chunks()
            for chunks in columns.values()
        ],
        names=names,
    )


@pytest.mark.parametrize("version", [FOCUS_1_0, FOCUS_1_2])
def test_csv_and_parquet_give_the_same_rows(delivered: Delivered, version: str) -> None:
    csv_rows, parquet_rows = (delivered[version, kind][0] for kind in ("csv", "parquet"))
    for name in csv_rows.column_names:
        assert csv_rows.column(name).equals(parquet_rows.column(name)), name


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("version", [FOCUS_1_0, FOCUS_1_2])
def test_totals_are_the_generators_in_every_charge_category(
    delivered: Delivered, month: Month, version: str, kind: str
) -> None:
    _, tally, refused = delivered[version, kind]
    assert refused == []
    assert tally.assumed == {}
    found = {category: sums for (_, _, category), sums in tally.focus.items()}
    books = month.expected.focus_by_category
    assert set(found) == set(books) == {"Usage", "Purchase", "Tax", "Credit"}
    for category, expected in books.items():
        sums = found[category]
        assert (sums.rows, sums.billed) == (expected.rows, expected.billed), category
        assert (sums.effective, sums.list) == (expected.effective, expected.list), category
    assert {key[:3]: total.cost for key, total in tally.source.items()} == {
        key: total.billed for key, total in tally.focus.items()
    }
    assert reconcile(tally).reconciled


def test_invoices_are_in_1_2_alone(delivered: Delivered, month: Month) -> None:
    old, new = (delivered[version, "csv"][1] for version in (FOCUS_1_0, FOCUS_1_2))
    assert old.rows_without_invoice == old.rows_read == month.expected.focus.rows
    assert new.rows_without_invoice == 0


UPGRADED = ("SkuMeter", "PricingCurrency", "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice")


def test_an_upgraded_1_0_row_is_the_1_2_row_where_it_can_be(delivered: Delivered) -> None:
    old, new = (delivered[version, "csv"][0] for version in (FOCUS_1_0, FOCUS_1_2))
    for name in (*UPGRADED, "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ServiceName", "ResourceId"):
        assert old.column(name).equals(new.column(name)), name
    assert set(old.column("x_FocusVersion").to_pylist()) == {"1.0"}
    assert set(new.column("x_FocusVersion").to_pylist()) == {"1.2"}
    # 1.2 has cost categories among the Tags; here they are the same either way, and Tags too.
    for name in ("x_CostCategories", "Tags"):
        assert old.column(name).equals(new.column(name)), name
    categories = [dict(value or ()) for value in new.column("x_CostCategories").to_pylist()]
    assert any(value.get("Environment") == "Production" for value in categories)
    tags = [dict(value or ()) for value in new.column("Tags").to_pylist()]
    assert any("cost_center" in value for value in tags)
    assert not any(key.startswith("user_") for value in tags for key in value)


@pytest.mark.outside_data
def test_the_published_sample_of_1_0_passes(outside_data: Path) -> None:
    path = outside_data / "focus-1.0" / "focus_sample.csv"
    # Rows of other providers, one of which is in October, are not AWS's export; theirs pass likewise.
    table, tally, refused = through(path, BillingPeriod(2024, 9))
    assert refused == []
    assert tally.rows_read == table.num_rows + tally.rows_elsewhere == 1_000
    with path.open() as file:
        source = [row for row in csv.DictReader(file) if row["ProviderName"] == "AWS"]
    table = table.filter(pc.equal(table.column("ProviderName"), "AWS"))
    assert table.num_rows == len(source) == 942
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
        assert table.column(name).to_pylist() == [Decimal(row[name]) for row in source], name
    rows = table.to_pylist()
    assert "NULL" not in {value for row in rows for value in row.values() if isinstance(value, str)}
    assert {row["BillingAccountId"] for row in rows} == {"1234567890123"}
    assert sum(row["Tags"] is not None for row in rows) == sum(row["Tags"] != "NULL" for row in source)
    assert {row["ServiceSubcategory"] for row in rows if row["ServiceName"] == "AWS Lambda"} == {"Serverless Compute"}


NO_MOMENT = "2023-02-01T30:00:00Z"
"""A slip in one of the specification's examples: there is no hour 30."""


@pytest.mark.outside_data
def test_the_specifications_commitment_examples_pass_with_an_account_and_a_currency(
    outside_data: Path, tmp_path: Path
) -> None:
    examples = sorted((outside_data / "focus-1.2-examples" / "commitment_discount_scenarios").rglob("*.csv"))
    assert len(examples) == 7
    for path in examples:
        with pytest.raises(PermanentError, match="absent: BillingAccountId, BillingCurrency"):
            through(path)
        with path.open(encoding="utf-8-sig") as file:
            rows = [{**row, "BillingAccountId": "1", "BillingCurrency": "USD"} for row in csv.DictReader(file)]
        for month in sorted({row["BillingPeriodStart"] for row in rows}):
            of_month = [row for row in rows if row["BillingPeriodStart"] == month]
            with (tmp_path / "month.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(of_month)
            table, _, refused = through(tmp_path / "month.csv")
            bad = [row["ChargePeriodEnd"] for row in of_month if row["ChargePeriodEnd"] == NO_MOMENT]
            assert [(value.column, value.value) for value in refused] == [("charge_period_end", value) for value in bad]
            good = [row for row in of_month if row["ChargePeriodEnd"] != NO_MOMENT]
            assert table.column("EffectiveCost").to_pylist() == [Decimal(row["EffectiveCost"]) for row in good]
            assert set(table.column("x_FocusVersion").to_pylist()) == {"1.2"}
