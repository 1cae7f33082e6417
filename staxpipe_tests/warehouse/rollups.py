"""Rollups as one table, for tests whose line items are few."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Merged, Rollup


def rollup_of(*batches: pa.RecordBatch) -> pa.Table:
    """What batches of line items sum up to (ROLLUP_SCHEMA)."""
    pieces: list[pa.Table] = []
    rollup = Rollup(pieces.append)
    for batch in batches:
        rollup.add(batch)
    rollup.finish()
    return merged(pieces)


def merged(pieces: Iterable[pa.Table]) -> pa.Table:
    """Pieces that were handed over, with one row a combination of dimensions."""
    (table,) = Merged([[ROLLUP_SCHEMA.empty_table(), *pieces]])
    return table
