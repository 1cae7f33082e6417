"""CUR 2.0 as generated: a fixed schema with maps, and what an export's query makes of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.model import ExportKind, FileFormat
from staxpipe.synthetic.cur2 import Cur2Query
from staxpipe.synthetic.cur2_schema import TYPES
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.tables import export_table

ROWS = 12_000
"""Four days, from Saturday to Tuesday: enough for every kind of hourly row."""


def _parquet(month: Month, path: Path, query: Cur2Query | None = None) -> pa.Table:
    table = export_table(month, ExportKind.CUR_2_0, query or Cur2Query())
    table.write(path / "file", FileFormat.PARQUET, 0, ROWS)
    return pq.read_table(path / "file")


def _csv(month: Month, path: Path, query: Cur2Query | None = None) -> Iterator[dict[str, str]]:
    table = export_table(month, ExportKind.CUR_2_0, query or Cur2Query())
    table.write(path / "file", FileFormat.CSV, 0, ROWS)
    with (path / "file").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_parquet_has_aws_types(month_of_net: Month, tmp_path: Path) -> None:
    table = _parquet(month_of_net, tmp_path)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert len(types) == 128
    assert types.keys() == TYPES.keys() - {"tags"}
    assert types["line_item_net_unblended_cost"] == "double"
    assert types["line_item_net_unblended_rate"] == "string"
    assert types["reservation_start_time"] == "string"
    assert types["line_item_usage_start_date"] == "timestamp[ms, tz=UTC]"
    assert types["resource_tags"].startswith("map<string, string")
    assert types["discount"].startswith("map<string, double")


def test_manual_discounts_take_the_discount_columns_away(month_of_rows: Month) -> None:
    columns = dict(export_table(month_of_rows, ExportKind.CUR_2_0, Cur2Query()).columns)
    assert not columns.keys() & {"discount", "discount_total_discount"}
    assert columns["discount_bundled_discount"] == "double"


def test_maps_say_in_json_what_they_say_in_parquet(month_of_net: Month, tmp_path: Path) -> None:
    table = _parquet(month_of_net, tmp_path)
    names = ["product", "resource_tags", "cost_category", "discount"]
    maps = table.select(names).to_pylist()
    seen: set[str] = set()
    for row, record in zip(maps, _csv(month_of_net, tmp_path), strict=True):
        for name in names:
            assert json.loads(record[name]) == dict(row[name])
            seen |= {f"{name}/{key}" for key, _ in row[name]}
    assert seen >= {
        "product/product_name", "product/instance_type_family", "product/region", "product/servicename",
        "resource_tags/user_cost_center", "resource_tags/aws_created_by", "resource_tags/aws_eks_namespace",
        "cost_category/environment", "cost_category/team", "discount/edp_discount",
    }  # fmt: skip
    assert not seen & {"product/sku", "product/region_code", "product/instance_type"}  # columns of their own


def test_capacity_reservations_are_used_and_unused(month_of_net: Month, tmp_path: Path) -> None:
    found = {
        (row["capacity_reservation_capacity_reservation_status"], "UnusedBox" in row["line_item_usage_type"])
        for row in _csv(month_of_net, tmp_path)
        if row["capacity_reservation_capacity_reservation_arn"]
    }
    assert found == {("Used", False), ("Unused", True)}


def test_a_query_drops_renames_and_merges_columns(month_of_net: Month, tmp_path: Path) -> None:
    query = Cur2Query(
        account_names=False,
        merged_tags=True,
        dropped=frozenset({"pricing_unit"}),
        aliases={"line_item_unblended_cost": "cost", "discount": "off", "tags": "labels"},
    )
    table = _parquet(month_of_net, tmp_path, query)
    assert {"cost", "off", "labels"} <= set(table.column_names)
    assert not set(table.column_names) & {
        "line_item_unblended_cost", "pricing_unit", "resource_tags", "cost_category", "tags",
        "bill_payer_account_name", "line_item_usage_account_name",
    }  # fmt: skip
    keys = {key for row in table["labels"].to_pylist() for key, _ in row}
    assert keys >= {"resourceTags/Cost Center", "resourceTags/cost-center", "costCategory/Environment"}
    assert [float(record["cost"]) for record in _csv(month_of_net, tmp_path, query)] == table["cost"].to_pylist()


@pytest.mark.parametrize("zeros", [False, True])
def test_missing_values_are_null_or_as_in_legacy_reports(month_of_net: Month, tmp_path: Path, zeros: bool) -> None:
    table = _parquet(month_of_net, tmp_path, Cur2Query(zeros=zeros))
    assert (table["savings_plan_used_commitment"].null_count == 0) is zeros
    assert (table["product_comment"].null_count == 0) is zeros


def test_account_names_are_those_of_the_organisation(month_of_net: Month, tmp_path: Path) -> None:
    named = {(row["line_item_usage_account_id"], row["line_item_usage_account_name"])
             for row in _csv(month_of_net, tmp_path)}  # fmt: skip
    assert named == {(account.id, account.name) for account in month_of_net.organisation.accounts}
