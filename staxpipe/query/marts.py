"""The marts and records inside a DuckDB session: a copy of what the query needs, straight from Postgres.

DuckDB's Postgres reader is an extension that is downloaded at first use, so rows come by COPY instead, as exact
decimal text, through a file: no more than a piece of them is ever held by Python.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Engine, text

from staxpipe.model import BillingPeriod
from staxpipe.query.records import RECORDS, Record

MARTS = ("daily_costs", "daily_costs_all", "month_ledger", "cost_changes")
"""Names in Postgres, seen whole. Each has the columns billing_account_id and period."""

_IN_MEMORY = 32 * 2**20


@dataclass(frozen=True)
class _Type:
    arrow: pa.DataType
    duckdb: str
    written: str = "{}"  # as COPY is told to write it


_TYPES = {
    "text": _Type(pa.string(), "VARCHAR"),
    "date": _Type(pa.date32(), "DATE"),
    "integer": _Type(pa.int32(), "INTEGER"),
    "bigint": _Type(pa.int64(), "BIGINT"),
    "boolean": _Type(pa.bool_(), "BOOLEAN"),
    "numeric": _Type(pa.decimal128(38, 18), "DECIMAL(38, 18)", "{}::numeric(38, 18)"),
    "timestamp with time zone": _Type(
        pa.timestamp("us", tz="UTC"),
        "TIMESTAMPTZ",
        """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    ),
}
_COLUMNS = text(
    "SELECT attrelid::regclass::text, attname, format_type(atttypid, NULL) FROM pg_attribute "
    "WHERE attrelid = ANY (CAST(:marts AS regclass[])) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum"
)


def make_marts(session: duckdb.DuckDBPyConnection, engine: Engine) -> dict[str, Record]:
    """Make an empty table for each of MARTS and RECORDS; returns where their rows are in Postgres, by name."""
    columns: dict[str, dict[str, tuple[str, str]]] = {}
    with engine.connect() as connection:
        for mart, column, kind in connection.execute(_COLUMNS, {"marts": list(MARTS)}):
            columns.setdefault(mart, {})[column] = (f'"{column}"', kind)
    marts = {mart: Record(mart, columns[mart], "billing_account_id = %s", "period = %s") for mart in MARTS}
    for name, record in (marts | RECORDS).items():
        declared = ", ".join(f'"{column}" {_TYPES[kind].duckdb}' for column, (_, kind) in record.columns.items())
        session.execute(f"CREATE TABLE {name} ({declared})")
    return marts | RECORDS


def fill_mart(
    session: duckdb.DuckDBPyConnection,
    engine: Engine,
    name: str,
    record: Record,
    *,
    account: str | None = None,
    period: BillingPeriod | None = None,
) -> None:
    """Copy a mart or record into its table in the session, of one billing account or month where asked."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        _copy_out(engine, file, record, account, period)
        if file.tell() == 0:
            return
        file.seek(0)
        reader = pa.csv.open_csv(
            file,
            read_options=pa.csv.ReadOptions(column_names=list(record.columns), use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types={column: _TYPES[kind].arrow for column, (_, kind) in record.columns.items()},
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # COPY writes NULL as nothing, and an empty text as ""
            ),
        )
        session.register("copied", reader)
        session.execute(f"INSERT INTO {name} SELECT * FROM copied")  # noqa: S608  # of MARTS or RECORDS
        session.unregister("copied")


def _copy_out(
    engine: Engine, file: IO[bytes], record: Record, account: str | None, period: BillingPeriod | None
) -> None:
    conditions = []
    values: list[str] = []
    if account is not None and record.of_account is not None:
        conditions.append(record.of_account)
        values.append(account)
    if period is not None and record.of_period is not None:
        conditions.append(record.of_period)
        values.append(str(period))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    written = ", ".join(_TYPES[kind].written.format(expression) for expression, kind in record.columns.values())
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        try:
            rows = f"SELECT {written} FROM {record.rows}{where}"  # noqa: S608  # names of ours; values are bound
            asked = cursor.mogrify(rows, values).decode()
            cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT csv)", file)
        finally:
            cursor.close()
