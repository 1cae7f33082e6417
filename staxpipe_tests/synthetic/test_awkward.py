"""The trouble maker: what it does to a file, and that the product gets the same out of what is only unusual."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from staxpipe.focus.mapping import MappingContext, normalise
from staxpipe.focus.reading import read_source
from staxpipe.focus.source_columns import wanted
from staxpipe.focus.tally import Tally
from staxpipe.model import FileFormat
from staxpipe.synthetic.files import CsvWriter
from staxpipe.synthetic.month import generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.text import MonthText
from staxpipe_tests.awkward import Sheet
from staxpipe_tests.synthetic.conftest import SCALE, SECOND

SMALL = Sheet(("a", "b"), (("1", 'x "y", z'), ("2", ""), ("3", "é")))


@pytest.mark.parametrize("name", ["file.csv", "file.csv.gz"])
def test_a_sheet_reads_back_as_it_was(tmp_path: Path, name: str) -> None:
    SMALL.write(tmp_path / name)
    assert Sheet.read(tmp_path / name) == SMALL


def test_sheets_are_damaged_as_asked() -> None:
    assert SMALL.without("a") == Sheet(("b",), (('x "y", z',), ("",), ("é",)))
    assert SMALL.renamed({"a": "b"}).header == ("b", "b")
    assert SMALL.doubled("a", value="9").rows[0] == ("1", 'x "y", z', "9")
    assert SMALL.doubled("b", "c").header == ("a", "b", "c")
    assert SMALL.with_value(1, "b", "bad").rows == (("1", 'x "y", z'), ("2", "bad"), ("3", "é"))
    assert sorted(SMALL.shuffled(1).rows) == sorted(SMALL.rows)
    assert {SMALL.reordered(seed).header for seed in range(9)} == {("a", "b"), ("b", "a")}
    with pytest.raises(ValueError, match="no column is called z"):
        SMALL.renamed({"z": "y"})


def test_order_of_rows_and_columns_does_not_matter(organisation: Organisation, tmp_path: Path) -> None:
    month = generate_month(organisation, SECOND, SECOND.start + timedelta(days=2), SCALE)
    CsvWriter(MonthText(month)).write(tmp_path / "a.csv.gz", 0, month.expected.rows)
    sheet = Sheet.read(tmp_path / "a.csv.gz")
    changed = sheet.shuffled(3).reordered(4)
    assert changed.header != sheet.header
    assert changed.rows[0] != sheet.rows[0]
    changed.write(tmp_path / "b.csv.gz")
    before, after = (_tally(tmp_path / name) for name in ("a.csv.gz", "b.csv.gz"))
    assert (after.source, after.focus) == (before.source, before.focus)
    assert after.source


def _tally(path: Path) -> Tally:
    tally = Tally()
    context = MappingContext(export_id="1", delivery_id="d", period=SECOND)
    for batch in read_source(path, FileFormat.CSV_GZIP, file=path.name, wanted=wanted):
        tally.add(normalise(batch.rows, context, batch.first_row).tally)
    return tally
