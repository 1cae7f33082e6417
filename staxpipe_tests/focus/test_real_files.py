"""Files that AWS and others wrote: they load, add up, and give the totals that were measured on them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from staxpipe.focus.mapping import MappingContext, normalise
from staxpipe.focus.numbers import total
from staxpipe.focus.reading import read_source
from staxpipe.focus.reconciliation import Reconciliation, reconcile, residual_rows, residual_tally
from staxpipe.focus.source_columns import wanted
from staxpipe.focus.tally import Tally
from staxpipe.model import FileFormat

pytestmark = pytest.mark.outside_data


def load(path: Path) -> tuple[pa.Table, Tally, Reconciliation]:
    file_format = FileFormat.PARQUET if path.suffix == ".parquet" else FileFormat.CSV
    context = MappingContext("1", "delivery")
    tally, batches = Tally(), []
    for part in read_source(path, file_format, file=path.name, wanted=wanted, batch_rows=30_000):
        result = normalise(part.rows, context, part.first_row)
        assert result.rejected == ()
        tally.add(result.tally)
        batches.append(result.rows)
    residuals = residual_rows(tally, context)
    if residuals is not None:
        tally.add(residual_tally(residuals))
        batches.append(residuals)
    return pa.Table.from_batches(batches).unify_dictionaries(), tally, reconcile(tally)


@pytest.mark.parametrize(
    ("month", "rows", "usage", "fees", "used", "unused"),
    [
        ("Oct", 119_307, "3914.707753", "149.775379", "232.2538", "48.9956"),
        ("Nov", 124_340, "3357.942968", "147.384000", "231.4004", "43.2164"),
    ],
)
def test_a_real_month_adds_up(
    outside_data: Path, month: str, rows: int, usage: str, fees: str, used: str, unused: str
) -> None:
    table, tally, found = load(outside_data / "workshop-2018" / f"{month}2018-WorkshopCUR-00001.snappy.parquet")
    assert found.reconciled
    assert found.findings == ()
    assert (tally.rows_read, tally.rows_doubled, tally.rows_written) == (rows, 9, rows + 9)
    by_category = {category: sums for (_, _, category), sums in tally.focus.items()}
    assert round(by_category["Usage"].billed, 6) == Decimal(usage)
    assert round(by_category["Purchase"].billed, 6) == Decimal(fees)
    status = table.column("CommitmentDiscountStatus").cast(pa.string()).to_pylist()
    effective = table.column("EffectiveCost").to_pylist()
    for wanted_status, amount in (("Used", used), ("Unused", unused)):
        part = [cost for cost, of in zip(effective, status, strict=True) if of == wanted_status]
        assert round(sum(part, Decimal(0)), 4) == Decimal(amount)
    (sums,) = tally.reservations.values()
    assert round(sums.used + sums.unused, 4) == round(sums.recurring + sums.amortised, 4)
    (source, lake) = (sum(s.cost for s in tally.source.values()), total(table.column("BilledCost").combine_chunks()))
    assert source == lake
    assert total(table.column("ListCost").combine_chunks()) > lake  # Spot rows have an on-demand cost of 0.0


def test_a_real_month_with_tax_adds_up(outside_data: Path) -> None:
    _, tally, found = load(outside_data / "focus-converters" / "sample-anonymous-aws-export-dataset.csv")
    assert found.reconciled
    assert [(finding.code, finding.count) for finding in found.findings] == [("no-invoice-yet", 1281)]
    assert {category: sums.rows for (_, _, category), sums in tally.focus.items()} == {"Tax": 12, "Usage": 1269}


def test_a_month_before_and_after_its_invoice_differs_by_that_only(outside_data: Path) -> None:
    before, first, _ = load(outside_data / "koku" / "2023-06-01-not-final.csv")
    after, second, _ = load(outside_data / "koku" / "2023-06-01.csv")
    assert (first.rows_without_invoice, second.rows_without_invoice) == (3, 0)
    changed = {
        name for name in before.column_names if before.column(name).to_pylist() != after.column(name).to_pylist()
    }
    # Whoever made these files anonymous gave the accounts other ids in the second.
    anonymous = {"BillingAccountId", "BillingAccountName", "SubAccountId", "SubAccountName"}
    assert changed == {"InvoiceId"} | anonymous


def test_snake_case_headers_and_empty_files_load(outside_data: Path) -> None:
    table, _, found = load(outside_data / "koku" / "2022-07-01-alt-columns.csv")
    assert found.reconciled
    assert table.column("PublisherName").cast(pa.string()).to_pylist() == ["Red Hat, Inc."] * 2
    assert table.column("InvoiceIssuerName").cast(pa.string()).to_pylist() == ["Amazon Web Services, Inc."] * 2


@pytest.mark.parametrize("name", ["sample-legacy-csv.csv", "sample-cur20.csv"])
def test_a_reduced_export_loads_and_says_what_it_assumed(outside_data: Path, name: str) -> None:
    table, _, found = load(outside_data / "cur-anonymize" / name)
    assert found.reconciled
    assert table.num_rows == 4
    assert total(table.column("BilledCost").combine_chunks()) == Decimal("0.0652")
    assert sorted(finding.code for finding in found.findings) == ["column-assumed"] * 3 + ["no-invoice-yet"]
