"""Exchanging one export's month in the mart for new rows, inside the caller's transaction.

Rows travel by binary COPY, encoded by pgpq straight from Arrow: its decimals arrive exactly (tested with random ones),
so no staging table is needed. It takes no dictionaries; a rollup has plain text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pgpq
import pyarrow as pa
from sqlalchemy import Connection, delete, select

from staxpipe.db.tables import deliveries
from staxpipe.model import BillingPeriod
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA
from staxpipe.warehouse.tables import daily_costs_all

COPY_ROWS = 16_384
"""Rows that are encoded at a time (about 3 MB)."""


def swap_daily_costs(
    connection: Connection, export_id: int, period: BillingPeriod, delivery: int, rollup: pa.Table
) -> int:
    """Put a rollup (ROLLUP_SCHEMA) in the place of an export's month; returns the number of rows.

    Args:
        connection: whose transaction the caller owns: until it commits, everybody sees the old rows.
        export_id: the export in the ledger.
        period: the month that the rows are billed in.
        delivery: the delivery's number in the ledger, which every row names.
        rollup: what `Rollup.table` gives.

    Raises:
        ValueError: the ledger has no such delivery of the export.
    """
    _hold_delivery(connection, export_id, delivery)
    connection.execute(
        delete(daily_costs_all).where(daily_costs_all.c.export_id == export_id, daily_costs_all.c.period == str(period))
    )
    rows = _complete(rollup, export_id, period, delivery)
    if rows.num_rows:
        columns = ", ".join(rows.schema.names)
        cursor = connection.connection.cursor()
        try:
            copy = f"COPY {daily_costs_all.name} ({columns}) FROM STDIN (FORMAT binary)"
            cursor.copy_expert(copy, _Chunks(_encoded(rows)))
        finally:
            cursor.close()
    return int(rows.num_rows)


def _hold_delivery(connection: Connection, export_id: int, delivery: int) -> None:
    """Make sure that the ledger has the delivery, and that it stays there until the transaction ends."""
    of = deliveries.c
    wanted = select(of.id).where(of.id == delivery, of.export_id == export_id)
    if connection.scalar(wanted.with_for_update(key_share=True, read=True)) is None:
        raise ValueError(f"the ledger has no delivery {delivery} of export {export_id}")


def _complete(rollup: pa.Table, export_id: int, period: BillingPeriod, delivery: int) -> pa.Table:
    constants = {
        "period": pa.scalar(str(period), pa.string()),
        "export_id": pa.scalar(export_id, pa.int32()),
        "delivery": pa.scalar(delivery, pa.int64()),
    }
    table = rollup.select(ROLLUP_SCHEMA.names).cast(ROLLUP_SCHEMA)
    for name, value in constants.items():
        table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _encoded(table: pa.Table) -> Iterator[bytes]:
    encoder = pgpq.ArrowToPostgresBinaryEncoder(table.schema)
    yield encoder.write_header()
    for batch in table.to_batches(COPY_ROWS):
        yield encoder.write_batch(batch)
    yield encoder.finish()


class _Chunks(io.RawIOBase):
    """A readable file whose bytes come from an iterator, so that nobody holds all of them."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while not self._rest:
            following = next(self._chunks, None)
            if following is None:
                return b""
            self._rest = memoryview(following)
        if size < 0:
            size = len(self._rest)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)
