"""The mapping against a slow, obvious second one: on generated batches, and on a real month."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings

from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT_MAP
from staxpipe.focus.mapping import MappingContext, normalise
from staxpipe.focus.reading import read_source
from staxpipe.focus.source_columns import wanted
from staxpipe.model import FileFormat
from staxpipe_tests.focus.batches import CONTEXT, Row, batch, cur_rows
from staxpipe_tests.focus.oracle import Focus, RefusedError, focus_rows


def expected(rows: list[Row], columns: list[str]) -> tuple[list[Focus], list[tuple[int, str]]]:
    firsts: list[Focus] = []
    seconds: list[Focus] = []
    refused: list[tuple[int, str]] = []
    for number, row in enumerate(rows, start=1):
        try:
            found = focus_rows(row, columns=set(columns), export=CONTEXT.export_id, delivery=CONTEXT.delivery_id)
        except RefusedError as refusal:
            refused.append((number, refusal.column))
        else:
            firsts += found[:1]
            seconds += found[1:]
    return firsts + seconds, refused


def plain(value: object) -> object:
    if isinstance(value, list):
        return sorted(value) or None
    return value


def assert_same(rows: pa.RecordBatch, wanted_rows: list[Focus]) -> None:
    assert rows.num_rows == len(wanted_rows)
    for column in LINE_ITEM_COLUMNS:
        found = [plain(value) for value in rows.column(column.name).to_pylist()]
        assert found == [row[column.name] for row in wanted_rows], column.name


@settings(max_examples=200, deadline=None)
@given(cur_rows())
def test_every_column_of_a_generated_batch_is_what_the_oracle_says(data: tuple[list[str], list[Row]]) -> None:
    columns, rows = data
    result = normalise(batch(rows, columns), CONTEXT)
    wanted_rows, refused = expected(rows, columns)
    assert [(item.row, item.column) for item in result.rejected] == refused
    assert_same(result.rows, wanted_rows)


@pytest.mark.outside_data
def test_every_column_of_a_real_month_is_what_the_oracle_says(outside_data: Path) -> None:
    path = outside_data / "workshop-2018" / "Nov2018-WorkshopCUR-00001.snappy.parquet"
    batches = read_source(path, FileFormat.PARQUET, file=path.name, wanted=wanted, batch_rows=2_000)
    for number, part in enumerate(batches):
        if number not in (0, 20, 45):  # the fees are in the first rows
            continue
        columns = part.rows.schema.names
        rows = [{name: row[name] for name in columns} for row in part.rows.to_pylist()]
        context = MappingContext(CONTEXT.export_id, CONTEXT.delivery_id, line_item_ids=True)
        result = normalise(part.rows.select(columns), context, part.first_row)
        wanted_rows, refused = expected(rows, columns)
        assert refused == []
        assert result.rejected == ()
        assert_same(result.rows, wanted_rows)
        assert any(row["BilledCost"] != Decimal(0) for row in wanted_rows)


def test_map_columns_are_maps() -> None:
    assert [column.name for column in LINE_ITEM_COLUMNS if column.type == TEXT_MAP] == [
        "SkuPriceDetails",
        "Tags",
        "x_CostCategories",
        "x_Discounts",
    ]
