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

_NAMED = ", ".join(
    f'CASE WHEN "{of}Name" IS NULL OR "{of}Name" = "{of}Id" '
    f"THEN coalesce(list_extract(getvariable('account_names'), "
    f'enum_code(TRY_CAST("{of}Id" AS account_number)) + 1), "{of}Name") '
    f'ELSE "{of}Name" END AS "{of}Name"'
    for of in ("BillingAccount", "SubAccount")
)
"""Names of accounts that a report calls by their number. An expression and no join: a query that does not ask for names
must not pay for them, and DuckDB makes every join that a view has. A map would be searched from its beginning."""


def make_view(
    session: duckdb.DuckDBPyConnection,
    name: str,
    files: Sequence[PlannedFile],
    one_schema: bool,
    condition: str = "true",
    *,
    named: bool = False,
) -> None:
    """Make a view of those rows of some files that meet a condition; of no files, a table without rows.

    Args:
        session: where to.
        name: of the view.
        files: which files; none other is opened when the view is asked.
        one_schema: all files are known to have all columns, so that none has to be opened to learn its columns.
        condition: SQL about one row.
        named: give accounts that the report calls by their number the names that `know_names` found.
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
    seen = f"* REPLACE ({_NAMED})" if named else "*"
    session.execute(f"CREATE VIEW {name} AS SELECT {seen} FROM ({rows}) WHERE {condition}")  # noqa: S608


def quoted(text: str) -> str:
    """A text as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"


def know_names(session: duckdb.DuckDBPyConnection) -> bool:
    """Keep the names in the session's table `accounts` for views that are made after it; False where there are none."""
    if session.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is None:
        return False
    session.execute("CREATE TYPE account_number AS ENUM (SELECT account_id FROM accounts ORDER BY account_id)")
    session.execute("SET VARIABLE account_names = (SELECT list(name ORDER BY account_id) FROM accounts)")
    return True
