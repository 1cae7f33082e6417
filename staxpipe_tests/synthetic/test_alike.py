"""The alike organisation's month: every format of it holds the same information, column by column and key by key."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from staxpipe.model import ExportKind, FileFormat
from staxpipe.synthetic.columns import parquet_name
from staxpipe.synthetic.cur2 import Cur2Query
from staxpipe.synthetic.month import generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.tables import ExportTable, export_table
from staxpipe_tests.synthetic.conftest import CLOSED_LONG_AGO, OPENED, SCALE, SECOND

pytestmark = pytest.mark.long

PIECE = 700
FORMS = [(kind, format) for kind in (ExportKind.LEGACY_CUR, ExportKind.CUR_2_0)
         for format in (FileFormat.CSV, FileFormat.PARQUET)]  # fmt: skip
MAPS = ("product", "resource_tags", "cost_category", "discount")

Information = Mapping[str, str | Decimal]


@pytest.mark.parametrize("net", [False, True], ids=["rows", "net"])
def test_every_format_holds_the_same(tmp_path: Path, net: bool) -> None:
    month = generate_month(Organisation.alike(7, OPENED, SCALE, net), SECOND, CLOSED_LONG_AGO, SCALE)
    query = Cur2Query(account_names=False)
    tables = {kind: export_table(month, kind, query) for kind, _ in FORMS}
    for first in (3_000, len(month.rows) - PIECE):  # usage, split rows among it; and the monthly charges
        legacy_csv, *others = (_information(tables[kind], format, first, tmp_path) for kind, format in FORMS)
        assert len(legacy_csv) == PIECE
        assert any("split_line_item_split_cost" in row for row in legacy_csv)
        for other in others:
            assert other == legacy_csv


def _information(table: ExportTable, format: FileFormat, first: int, folder: Path) -> list[Information]:
    """What rows say, under CUR 2.0's names: no empty values, no zeros, maps taken apart, numbers as decimals."""
    table.write(folder / "file", format, first, PIECE)
    if format is FileFormat.PARQUET:
        return [_said(row) for row in pq.read_table(folder / "file").to_pylist()]
    with (folder / "file").open(encoding="utf-8", newline="") as file:
        return [_said(row) for row in csv.DictReader(file)]


def _said(row: Mapping[str, object]) -> Information:
    said: dict[str, str | Decimal] = {}
    for header, value in row.items():
        name = parquet_name(header)
        if name in MAPS:
            entries = json.loads(value) if isinstance(value, str) else dict(value)  # type: ignore[call-overload]
            said |= {f"{name}_{key}": _plain(entry) for key, entry in entries.items()}
        else:
            said[name] = _plain(value)
    return {name: value for name, value in said.items() if value}


def _plain(value: object) -> str | Decimal:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = str(value).replace(".000Z", "Z")
    try:
        return Decimal(text).normalize()
    except ArithmeticError:
        return text
