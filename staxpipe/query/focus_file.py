"""Writing an account's month as one FOCUS 1.2 file, from the export that counts, without split cost allocation.

Columns are the specification's, in its order, then our own x_ columns. Tags and SkuPriceDetails, whose FOCUS data
type is JSON, are JSON text here: FOCUS asks for key-value pairs that any reader understands, and the official
validator reads no Parquet maps. In the lake they are maps, as in AWS's own FOCUS export.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Engine

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT, TEXT_MAP
from staxpipe.lake.table import Lake
from staxpipe.model import BillingPeriod
from staxpipe.query.session import elected_files

LEDGER_COLUMNS = {"x_ExportId"}
"""Numbers of our own ledger: they mean nothing to whoever gets the file."""

SPLIT_PARENT = "x_SplitParentResourceId"
"""There on rows of split cost allocation only. They are shares of other rows, which FOCUS 1.2 has no place for."""

FOCUS_FILE_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field(column.name, TEXT if column.type == TEXT_MAP else column.type, nullable=column.nullable)
        for column in LINE_ITEM_COLUMNS
        if column.name not in LEDGER_COLUMNS and not column.name.startswith("x_Split")
    ],
    metadata={"FOCUS-Version": "1.2"},
)


@dataclass(frozen=True)
class FocusFile:
    """A file that was written."""

    path: Path
    rows: int
    bytes: int


def write_focus_file(lake: Lake, engine: Engine, account: str, period: BillingPeriod, out: Path) -> FocusFile:
    """Write the file, batch by batch; it is there whole or not at all.

    Raises:
        PermanentError: that account's month is not loaded, or the file cannot be written.
    """
    files = elected_files(engine, lake.plan(account=account, period=period))
    if not files:
        raise PermanentError(_nothing(lake, engine, account, period))
    rows = 0
    with (
        _whole_or_not(out) as partial,
        pq.ParquetWriter(partial, FOCUS_FILE_SCHEMA, compression="zstd", store_schema=False) as parquet,
    ):
        for with_shares in lake.read(files, [*FOCUS_FILE_SCHEMA.names, SPLIT_PARENT]):
            batch = _counted(with_shares)
            parquet.write_batch(_as_focus(batch))
            rows += batch.num_rows
    return FocusFile(out, rows, out.stat().st_size)


def _counted(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that are no shares of others, without the column that tells."""
    parent = batch.column(SPLIT_PARENT)
    shares = parent.dictionary.take(parent.indices) if pa.types.is_dictionary(parent.type) else parent
    counted = batch if shares.null_count == len(shares) else batch.filter(pc.is_null(shares))
    return counted.select(FOCUS_FILE_SCHEMA.names)


def _as_focus(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_map(column.type):
            columns.append(_as_json(column))
        else:
            columns.append(column.cast(FOCUS_FILE_SCHEMA.field(name).type))
    return pa.RecordBatch.from_arrays(columns, schema=FOCUS_FILE_SCHEMA)


def _as_json(column: pa.Array) -> pa.Array:
    """Maps as JSON objects; a null value stays null. Equal neighbours, which are many, are written once."""
    texts: dict[tuple[tuple[str, str | None], ...], str] = {}
    written: list[str | None] = []
    for pairs in column.to_pylist():
        if pairs is None:
            written.append(None)
            continue
        key = tuple(pairs)
        if key not in texts:
            texts[key] = json.dumps(dict(key), ensure_ascii=False, separators=(",", ":"))
        written.append(texts[key])
    return pa.array(written, TEXT)


@contextmanager
def _whole_or_not(out: Path) -> Iterator[Path]:
    partial = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(out)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PermanentError(f"{out} cannot be written: {reason}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _nothing(lake: Lake, engine: Engine, account: str, period: BillingPeriod) -> str:
    known = elected_files(engine, lake.plan())
    months = sorted({str(file.period) for file in known if file.billing_account_id == account})
    if months:
        return f"{period} of account {account} is not loaded. These months of it are: {', '.join(months)}."
    accounts = sorted({file.billing_account_id for file in known})
    if accounts:
        return f"Nothing of billing account {account} is loaded. These accounts are: {', '.join(accounts)}."
    return "Nothing is loaded yet. `staxpipe load` loads files that you have; `staxpipe up` links an AWS account."
