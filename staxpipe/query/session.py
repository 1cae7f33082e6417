"""One DuckDB session over lake and marts that can read those and nothing else.

A session is made for one query and shows the data of that moment. It is locked before the query runs: no file but
the lake's can be opened, nothing can be written, loaded or attached, and no setting can be changed back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from pyiceberg.io.pyarrow import PyArrowFileIO
from sqlalchemy import Engine, select

from staxpipe.db.tables import period_sources
from staxpipe.focus.columns import LINE_ITEM_COLUMNS, MOMENT, MONEY, TEXT, TEXT_MAP
from staxpipe.lake.table import Lake, PlannedFile
from staxpipe.model import BillingPeriod
from staxpipe.query.marts import fill_daily_costs, make_daily_costs
from staxpipe.query.statements import mentions
from staxpipe.query.storage import S3ForDuckDB, duckdb_path

_DUCKDB_TYPES = {TEXT: "VARCHAR", MONEY: "DECIMAL(30, 18)", MOMENT: "TIMESTAMPTZ", TEXT_MAP: "MAP(VARCHAR, VARCHAR)"}


@contextmanager
def open_session(
    lake: Lake,
    engine: Engine,
    query: str,
    *,
    account: str | None = None,
    period: BillingPeriod | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked session for one query, with the views that the query may use.

    Args:
        lake: where line items are.
        engine: where the marts are.
        query: what will be asked; marts that it does not name are left empty.
        account: show only this billing account; its files are chosen before any is opened.
        period: show only this month.
    """
    with tempfile.TemporaryDirectory(prefix="staxpipe-sql-") as scratch:
        session = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            session.execute("SET TimeZone = 'UTC'")
            session.execute("SET python_enable_replacements = false")  # a query must not see Python's variables
            session.execute(f"SET temp_directory = {_quoted(str(Path(scratch) / 'spill'))}")
            files = lake.plan(account=account, period=period)
            if files and files[0].path.startswith("s3://") and isinstance(lake.io, PyArrowFileIO):
                bucket = files[0].path.removeprefix("s3://").split("/", 1)[0]
                session.register_filesystem(S3ForDuckDB(lake.io.fs_by_scheme("s3", bucket)))
            one_schema = lake.has_one_schema()
            _make_line_items(session, "line_items_all", files, one_schema)
            _make_line_items(session, "line_items", elected_files(engine, files), one_schema)
            make_daily_costs(session)
            if mentions(query, "daily_costs"):
                fill_daily_costs(session, engine, account=account, period=period)
            _lock(session, files)
            yield session
        finally:
            session.close()


def elected_files(engine: Engine, files: list[PlannedFile]) -> list[PlannedFile]:
    """Those of the files that count: of each account's month, the elected export's."""
    with engine.connect() as connection:
        rows = connection.execute(select(period_sources)).all()
    elected = {(row.billing_account_id, row.period): row.export_id for row in rows}
    return [file for file in files if elected.get((file.billing_account_id, str(file.period))) == file.export_id]


def _make_line_items(session: duckdb.DuckDBPyConnection, name: str, files: list[PlannedFile], one_schema: bool) -> None:
    if not files:
        columns = ", ".join(f'"{column.name}" {_DUCKDB_TYPES[column.type]}' for column in LINE_ITEM_COLUMNS)
        session.execute(f"CREATE TABLE {name} ({columns})")
        return
    paths = ", ".join(_quoted(duckdb_path(file.path)) for file in files)
    # Looking for columns that only some files have means to open every file first.
    union = "" if one_schema else ", union_by_name = true"
    scan = f"read_parquet([{paths}], hive_partitioning = false{union})"
    session.execute(f"CREATE VIEW {name} AS SELECT * FROM {scan}")  # noqa: S608  # paths of our own, quoted


def _lock(session: duckdb.DuckDBPyConnection, files: list[PlannedFile]) -> None:
    paths = ", ".join(_quoted(duckdb_path(file.path)) for file in files)
    session.execute(f"SET allowed_paths = [{paths}]")
    session.execute("SET enable_external_access = false")
    session.execute("SET lock_configuration = true")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
