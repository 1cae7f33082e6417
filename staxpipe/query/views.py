"""The lake's files as views in a DuckDB session, all columns of FOCUS 1.2 and ours in their order."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from staxpipe.focus.columns import LINE_ITEM_COLUMNS, MOMENT, MONEY, TEXT, TEXT_MAP
from staxpipe.lake.table import PlannedFile
from staxpipe.query.storage import duckdb_path

SPLIT = "x_SplitParentResourceId IS NOT NULL"
"""Rows of split cost allocation: shares of rows that are there, too, so that both must not be seen as one."""

COUNTED = "x_SplitParentResourceId IS NULL"
"""All other rows."""

_DUCKDB_TYPES = {TEXT: "VARCHAR", MONEY: "DECIMAL(30, 18)", MOMENT: "TIMESTAMPTZ", TEXT_MAP: "MAP(VARCHAR, VARCHAR)"}
_EMPTY = ", ".join(f'NULL::{_DUCKDB_TYPES[column.type]} AS "{column.name}"' for column in LINE_ITEM_COLUMNS)


def make_view(
    session: duckdb.DuckDBPyConnection,
    name: str,
    files: Sequence[PlannedFile],
    one_schema: bool,
    condition: str = "true",
) -> None:
    """Make a view of those rows of some files that meet a condition; of no files, a table without rows.

    Args:
        session: where to.
        name: of the view.
        files: which files; none other is opened when the view is asked.
        one_schema: all files are known to have all columns, so that none has to be opened to learn its columns.
        condition: SQL about one row.
    """
    rows = f"SELECT {_EMPTY} WHERE false"
    if not files:
        session.execute(f"CREATE TABLE {name} AS {rows}")
        return
    paths = ", ".join(quoted(duckdb_path(file.path)) for file in files)
    if one_schema:
        rows = f"SELECT * FROM read_parquet([{paths}], hive_partitioning = false)"  # noqa: S608  # ours, quoted
    else:  # a column that no file has is null
        scan = f"read_parquet([{paths}], hive_partitioning = false, union_by_name = true)"
        rows = f"{rows} UNION ALL BY NAME SELECT * FROM {scan}"  # noqa: S608
    session.execute(f"CREATE VIEW {name} AS SELECT * FROM ({rows}) WHERE {condition}")  # noqa: S608


def quoted(text: str) -> str:
    """A text as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"
