"""A FOCUS table as files: CSV in gzip and Parquet, as AWS Data Exports writes them.

The same table gives the same bytes. A table is made in `focus_export`; which parts of it make a delivery, and where
they lie, is in `delivery`.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq


def write_focus_parquet(table: pa.Table, path: Path) -> None:
    """Write a table (or a slice of one) as Parquet: doubles, timestamps in milliseconds, maps."""
    pq.write_table(table, path, compression="snappy", store_schema=False)


def write_focus_csv(table: pa.Table, path: Path) -> None:
    """Write a table (or a slice of one) as ``csv.gz``: maps as JSON objects, times with milliseconds, missing empty."""
    texts = pa.table([_texts(column) for column in table.columns], names=table.column_names)
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as zipped:
        pa_csv.write_csv(texts, zipped)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_map(column.type):
        return pa.chunked_array([_objects(chunk) for chunk in column.chunks], pa.string())
    if pa.types.is_timestamp(column.type):
        naive = column.cast(pa.timestamp("ms")).cast(pa.string())
        return pc.binary_join_element_wise(pc.replace_substring(naive, " ", "T"), "Z", "")
    return column.cast(pa.string())


def _objects(maps: pa.MapArray) -> pa.Array:
    return pa.array(
        [None if pairs is None else json.dumps(dict(pairs), ensure_ascii=False) for pairs in maps.to_pylist()],
        pa.string(),
    )
