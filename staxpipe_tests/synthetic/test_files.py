"""Files of a generated month, read back with other means than those that wrote them."""

from __future__ import annotations

import csv
import gzip
import hashlib
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from staxpipe.model import FileFormat
from staxpipe.synthetic.files import CsvWriter, write_parquet
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.text import MonthText

ORDINARY_MONTH = "374d99417dc10fd530561d5cbf6b72cb8e8c3a7085aa103e04c75a497f09142e"


@pytest.fixture(scope="module")
def text(closed_month: Month) -> MonthText:
    return MonthText(closed_month)


def test_csv_reads_back_as_the_same_rows_and_totals(text: MonthText, tmp_path: Path) -> None:
    CsvWriter(text).write(tmp_path / "a.csv.gz", 0, len(text.month.rows))
    with gzip.open(tmp_path / "a.csv.gz", "rt", encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    assert tuple(header) == text.header
    assert len(records) == text.month.expected.rows
    cost = header.index("lineItem/UnblendedCost")
    assert sum((Decimal(record[cost]) for record in records), Decimal(0)) == text.month.expected.unblended
    table = text.table()
    for first in (0, len(records) - 500):  # hourly rows, and those that come once a month
        expected = [[value or "" for value in record.values()] for record in table.slice(first, 500).to_pylist()]
        assert records[first : first + 500] == expected


def test_csv_quotes_only_what_must_be(text: MonthText, tmp_path: Path) -> None:
    CsvWriter(text).write(tmp_path / "a.csv.gz", 0, 2_000)
    lines = gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode().splitlines()
    assert lines[0].startswith("identity/LineItemId,identity/TimeInterval,bill/InvoiceId")
    assert any(',"Amazon Web Services, Inc.",' in line for line in lines)
    assert any('""green""' in line for line in lines)
    assert any(",Amazon Web Services EMEA SARL," in line for line in lines)


def test_the_ordinary_month_is_the_one_that_it_always_was(text: MonthText, tmp_path: Path) -> None:
    """The demo's figures and many tests rest on it: new features must leave organisations without them alone."""
    CsvWriter(text).write(tmp_path / "a.csv", 0, text.month.expected.rows, format=FileFormat.CSV)
    assert hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest() == ORDINARY_MONTH


def test_csv_bytes_are_the_same_each_time(text: MonthText, tmp_path: Path) -> None:
    for name in ("a", "b"):
        CsvWriter(MonthText(text.month)).write(tmp_path / name, 100, 3_000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes()[4:8] == bytes(4)  # no time in the gzip header


def test_parquet_is_like_the_one_aws_writes_for_athena(text: MonthText, tmp_path: Path) -> None:
    rows = len(text.month.rows)
    for name in ("a", "b"):
        write_parquet(text, tmp_path / name, 0, rows)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    table = pq.read_table(tmp_path / "a")
    assert table.num_rows == rows
    assert all(column.null_count == 0 for column in table.columns)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["line_item_unblended_cost"] == "double"
    assert types["line_item_unblended_rate"] == "string"
    assert types["line_item_usage_start_date"] == "timestamp[ms, tz=UTC]"
    assert types["savings_plan_savings_plan_a_r_n"] == "string"
    # Two tag keys that differ only in case and punctuation become one column.
    assert table.column_names.count("resource_tags_user_cost_center") == 1
    centers = set(table["resource_tags_user_cost_center"].to_pylist())
    assert any(value.startswith("CC-") for value in centers)
    assert any(value.startswith("cc1") for value in centers)
    # A double's shortest text is the decimal that CSV prints, so both formats come to the same.
    total = sum((Decimal(str(value)) for value in table["line_item_unblended_cost"].to_pylist()), Decimal(0))
    assert total == text.month.expected.unblended
