"""The generator's books against the product: two independent ways to the same totals, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from staxpipe.focus.mapping import MappingContext, normalise
from staxpipe.focus.reading import read_source
from staxpipe.focus.reconciliation import reconcile, residual_rows
from staxpipe.focus.source_columns import wanted
from staxpipe.focus.tally import Tally
from staxpipe.model import BillingPeriod, FileFormat
from staxpipe.synthetic.books import Sums
from staxpipe.synthetic.files import CsvWriter, write_parquet
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.text import MonthText
from staxpipe_tests.synthetic.conftest import SCALE


def _tally(path: Path, file_format: FileFormat, month: Month) -> Tally:
    context = MappingContext(export_id="1", delivery_id=month.assembly_id, period=month.period)
    tally = Tally()
    for batch in read_source(path, file_format, file=path.name, wanted=wanted):
        tally.add(normalise(batch.rows, context, batch.first_row).tally)
    assert residual_rows(tally, context) is None
    return tally


def _compare(tally: Tally, month: Month) -> None:
    source: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for (_, currency, kind, _), total in tally.source.items():
        rows, cost = source.get((currency, kind), (0, Decimal(0)))
        source[currency, kind] = rows + total.rows, cost + total.cost
    assert source == {key: (sums.rows, sums.net) for key, sums in month.expected.source.items()}
    assert {key[0] for key in (*tally.source, *tally.focus)} == {month.organisation.payer.id}
    assert {
        key[1:]: Sums(total.rows, total.billed, total.effective, total.list) for key, total in tally.focus.items()
    } == month.expected.focus_sums
    assert tally.rows_split == month.expected.split.rows
    assert tally.rows_quarantined == 0
    assert tally.rows_without_invoice == month.expected.rows_without_invoice
    assert reconcile(tally).reconciled


@pytest.mark.parametrize("parquet", [False, True], ids=["csv", "parquet"])
def test_the_product_comes_to_the_same_totals(closed_month: Month, tmp_path: Path, parquet: bool) -> None:
    text = MonthText(closed_month)
    if parquet:
        write_parquet(text, tmp_path / "file", 0, closed_month.expected.rows)
    else:
        CsvWriter(text).write(tmp_path / "file", 0, closed_month.expected.rows)
    tally = _tally(tmp_path / "file", FileFormat.PARQUET if parquet else FileFormat.CSV_GZIP, closed_month)
    _compare(tally, closed_month)


def test_the_product_comes_to_the_same_totals_of_everything(everything: Month, tmp_path: Path) -> None:
    CsvWriter(MonthText(everything)).write(tmp_path / "file", 0, everything.expected.rows)
    _compare(_tally(tmp_path / "file", FileFormat.CSV_GZIP, everything), everything)


def test_the_product_comes_to_the_same_totals_in_an_open_month(organisation: Organisation, tmp_path: Path) -> None:
    month = generate_month(organisation, BillingPeriod(2026, 9), datetime(2026, 9, 11, 15, tzinfo=UTC), SCALE)
    CsvWriter(MonthText(month)).write(tmp_path / "file", 0, month.expected.rows)
    _compare(_tally(tmp_path / "file", FileFormat.CSV_GZIP, month), month)
