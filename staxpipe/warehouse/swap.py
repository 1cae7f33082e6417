"""Exchanging one export's month in the mart for new rows, inside the caller's transaction.

Rows travel by binary COPY, encoded by pgpq straight from Arrow: its decimals arrive exactly (tested with random ones),
so no staging table is needed. It takes no dictionaries; a rollup has plain text.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

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
    connection: Connection, export_id: int, period: BillingPeriod, delivery: int, rollup: Iterable[pa.Table]
) -> int:
    """Put a rollup in the place of an export's month; returns the number of rows.

    Args:
        connection: whose transaction the caller owns: until it commits, everybody sees the old rows.
        export_id: the export in the ledger.
        period: the month that the rows are billed in.
        delivery: the delivery's number in the ledger, which every row names.
        rollup: tables of ROLLUP_SCHEMA that have no combination of dimensions twice, as `Merged` gives them.

    Raises:
        ValueError: the ledger has no such delivery of the export.
    """
    _hold_delivery(connection, export_id, delivery)
    connection.execute(
        delete(daily_costs_all).where(daily_costs_all.c.export_id == export_id, daily_costs_all.c.period == str(period))
    )
    rows = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal rows
        for table in rollup:
            rows += table.num_rows
            yield from _complete(table, export_id, period, delivery).to_batches(COPY_ROWS)

    schema = _complete(ROLLUP_SCHEMA.empty_table(), export_id, period, delivery).schema
    cursor = connection.connection.cursor()
    try:
        copy = f"COPY {daily_costs_all.name} ({', '.join(schema.names)}) FROM STDIN (FORMAT binary)"
        cursor.copy_expert(copy, _Chunks(_encoded(schema, batches())))
    finally:
        cursor.close()
    return rows


def _hold_delivery(connection: Connection, export_id: int, delivery: int) -> None:
    """Make sure that the ledger has the delivery, and that it stays there until the transaction ends."""
    of = deliveries.c
    wanted = select(of.id).where(of.id == delivery, of.export_id == export_id)
    if connection.scalar(wanted.with_for_update(key_share=True, read=True)) is None:
        raise ValueError(f"the ledger has no delivery {delivery} of export {export_id}")


def _complete(sums: pa.Table, export_id: int, period: BillingPeriod, delivery: int) -> pa.Table:
    constants = {
        "period": pa.scalar(str(period), pa.string()),
        "export_id": pa.scalar(export_id, pa.int32()),
        "delivery": pa.scalar(delivery, pa.int64()),
    }
    table = sums.select(ROLLUP_SCHEMA.names).cast(ROLLUP_SCHEMA)
    for name, value in constants.items():
        table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _encoded(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    encoder = pgpq.ArrowToPostgresBinaryEncoder(schema)
    yield encoder.write_header()
    for batch in batches:
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
