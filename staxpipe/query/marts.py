"""The marts inside a DuckDB session: a copy of what the query needs, straight from Postgres.

DuckDB's Postgres reader is an extension that is downloaded at first use, so rows come by COPY instead, as exact
decimal text, through a file: no more than a piece of them is ever held by Python.
"""

from __future__ import annotations

import tempfile
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import BigInteger, Date, Engine, Integer, Numeric, Table, Text

from staxpipe.model import BillingPeriod
from staxpipe.warehouse.tables import daily_costs_all

_ARROW_TYPES: dict[type, pa.DataType] = {
    Text: pa.string(),
    Date: pa.date32(),
    Numeric: pa.decimal128(38, 18),
    Integer: pa.int32(),
    BigInteger: pa.int64(),
}
_DUCKDB_TYPES = {Text: "VARCHAR", Date: "DATE", Numeric: "DECIMAL(38, 18)", Integer: "INTEGER", BigInteger: "BIGINT"}
_IN_MEMORY = 32 * 2**20


def make_daily_costs(session: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table `daily_costs`."""
    columns = ", ".join(f"{column.name} {_DUCKDB_TYPES[type(column.type)]}" for column in daily_costs_all.columns)
    session.execute(f"CREATE TABLE daily_costs ({columns})")


def fill_daily_costs(
    session: duckdb.DuckDBPyConnection,
    engine: Engine,
    *,
    account: str | None = None,
    period: BillingPeriod | None = None,
) -> None:
    """Copy the view `daily_costs` into the session, of one billing account or month where asked."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        _copy_out(engine, file, account, period)
        if file.tell() == 0:
            return
        file.seek(0)
        reader = pa.csv.open_csv(
            file,
            read_options=pa.csv.ReadOptions(column_names=daily_costs_all.columns.keys(), use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=_arrow_types(daily_costs_all),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # COPY writes NULL as nothing, and an empty text as ""
            ),
        )
        session.register("copied", reader)
        session.execute("INSERT INTO daily_costs SELECT * FROM copied")
        session.unregister("copied")


def _copy_out(engine: Engine, file: IO[bytes], account: str | None, period: BillingPeriod | None) -> None:
    conditions = []
    values: list[str] = []
    if account is not None:
        conditions.append("billing_account_id = %s")
        values.append(account)
    if period is not None:
        conditions.append("period = %s")
        values.append(str(period))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    columns = ", ".join(daily_costs_all.columns.keys())
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        try:
            rows = f"SELECT {columns} FROM daily_costs{where}"  # noqa: S608  # names of ours; values are bound
            asked = cursor.mogrify(rows, values).decode()
            cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT csv)", file)
        finally:
            cursor.close()


def _arrow_types(table: Table) -> dict[str, pa.DataType]:
    return {column.name: _ARROW_TYPES[type(column.type)] for column in table.columns}
