"""The Iceberg side of the columns: schema, partitions and properties, projected from `staxpipe.focus.columns`.

No column is declared here. Field ids are given by position; adding columns at the end of LINE_ITEM_COLUMNS evolves
the table, and Iceberg keeps the ids of those that were there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform, MonthTransform
from pyiceberg.types import DecimalType, IcebergType, MapType, NestedField, StringType, TimestamptzType

from staxpipe.focus.columns import LINE_ITEM_COLUMNS, MOMENT, MONEY, TEXT, TEXT_MAP

EXPORT = "x_ExportId"
ACCOUNT = "BillingAccountId"
PERIOD_START = "BillingPeriodStart"

PRUNED_BY = (EXPORT, ACCOUNT, PERIOD_START, "ChargePeriodStart", "ChargePeriodEnd", "SubAccountId", "ServiceName")
"""Columns whose bounds Iceberg keeps of each file: those of the partitions, and what questions ask for beside them."""

TABLE_PROPERTIES = {
    # Version 2 is what DuckDB, Athena, Trino, Spark and Snowflake all read.
    "format-version": "2",
    # Every commit writes the whole metadata again; readers hold on to one only for the time of planning.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
    # Bounds of all columns are nine tenths of what every commit and every plan reads; Parquet's own footers have them.
    "write.metadata.metrics.default": "none",
    **{f"write.metadata.metrics.column.{column}": "truncate(16)" for column in PRUNED_BY},
}


def iceberg_schema() -> Schema:
    """One row of the lake's table, as Iceberg writes it down."""
    inner_ids = itertools.count(len(LINE_ITEM_COLUMNS) + 1)
    return Schema(
        *(
            NestedField(position, column.name, _iceberg_type(column.type, inner_ids), required=not column.nullable)
            for position, column in enumerate(LINE_ITEM_COLUMNS, start=1)
        )
    )


def partition_spec(schema: Schema) -> PartitionSpec:
    """Partitions: export, billing account, month. What is replaced at once is one export's month."""
    return PartitionSpec(
        PartitionField(schema.find_field(EXPORT).field_id, 1000, IdentityTransform(), EXPORT),
        PartitionField(schema.find_field(ACCOUNT).field_id, 1001, IdentityTransform(), ACCOUNT),
        PartitionField(schema.find_field(PERIOD_START).field_id, 1002, MonthTransform(), f"{PERIOD_START}_month"),
    )


def _iceberg_type(arrow_type: pa.DataType, inner_ids: Iterator[int]) -> IcebergType:
    if arrow_type == TEXT:
        return StringType()
    if arrow_type == MONEY:
        return DecimalType(MONEY.precision, MONEY.scale)
    if arrow_type == MOMENT:
        return TimestamptzType()
    if arrow_type == TEXT_MAP:
        return MapType(next(inner_ids), StringType(), next(inner_ids), StringType(), value_required=False)
    raise TypeError(f"no Iceberg type is known for {arrow_type}")
