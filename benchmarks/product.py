"""Parts of staxpipe's own way, alone: a load without database, commit and marts, or one stage of it.

Each is a whole process that calls the product's own functions. Its last line says how many rows it read and, where the
stage begins only after something was prepared, the seconds of the stage itself.

    python -m benchmarks.product read-write FOLDER OUT     # read, normalise, write the lake's files
    python -m benchmarks.product scan FOLDER               # decompress and read: the columns that are needed
    python -m benchmarks.product normalise FOLDER          # the mapping of batches that are in memory
    python -m benchmarks.product encode FOLDER OUT         # mapped rows that are in memory, by the lake's writer
    python -m benchmarks.product encode-limit FOLDER OUT   # the same by pyarrow alone
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.exports.discovery import Discovery
from staxpipe.exports.local import find
from staxpipe.focus.dialect import Dialect, dialect_of
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.reading import SourceBatch, read_source
from staxpipe.focus.source_schema import read_schema
from staxpipe.ingest.load import in_place
from staxpipe.ingest.memory import budget_for
from staxpipe.ingest.reading_delivery import read_delivery
from staxpipe.lake.rollups import RollupWriter
from staxpipe.lake.writer import LakeWriter
from staxpipe.model import Delivery
from staxpipe.settings import read_settings
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA

CORES = os.cpu_count() or 1
IN_MEMORY = 8
"""Batches on which a stage alone is timed: some hundred thousand rows."""

CONTEXT = MappingContext(export_id="1", delivery_id="bench")


def read_write(folder: str, out: str) -> dict[str, float]:
    """Read, normalise and write a delivery, as a load does before its commit."""
    seen, delivery = _delivery(folder)
    allowed = budget_for(delivery.format, read_settings().memory_mb)
    io = PyArrowFileIO()
    with LakeWriter(io, out, allowed.batch_rows) as writer, RollupWriter(io, out, ROLLUP_SCHEMA) as kept:
        read = read_delivery(
            delivery, CONTEXT, writer.write, kept.write, in_place(seen), lambda _file, _rows: None, allowed
        )
    return {"rows": read.tally.rows_read, "written": read.tally.rows_written}


def scan(folder: str) -> dict[str, float]:
    """Read the columns that are needed, in as many threads as there are cores, and do nothing with them."""
    seen, delivery = _delivery(folder)
    with ThreadPoolExecutor(CORES) as threads:
        return {"rows": sum(threads.map(partial(_count, seen, delivery), range(len(delivery.files))))}


def normalise(folder: str) -> dict[str, float]:
    """Map batches that are in memory, in as many threads as there are cores."""
    seen, delivery = _delivery(folder)
    mapping, batches = _mapping(seen, delivery), list(islice(_batches(seen, delivery, 0), IN_MEMORY))

    def work(batch: SourceBatch) -> int:
        mapping(batch.rows, CONTEXT, batch.first_row)
        return int(batch.rows.num_rows)

    return _timed(work, batches)


def encode(folder: str, out: str) -> dict[str, float]:
    """Write mapped rows that are in memory by the lake's writer, in as many threads as there are cores."""
    io, numbers = PyArrowFileIO(), count()

    def work(rows: pa.RecordBatch) -> int:
        with LakeWriter(io, f"{out}/{next(numbers)}") as writer:
            writer.write(rows)
        return int(rows.num_rows)

    return _timed(work, _mapped(folder))


def encode_limit(folder: str, out: str) -> dict[str, float]:
    """The same by pyarrow's writer as it comes, one row group a batch: what encoding takes at least."""
    numbers = count()

    def work(rows: pa.RecordBatch) -> int:
        pq.write_table(pa.Table.from_batches([rows]), f"{out}/{next(numbers)}.parquet", compression="zstd")
        return int(rows.num_rows)

    return _timed(work, _mapped(folder))


def _mapped(folder: str) -> list[pa.RecordBatch]:
    seen, delivery = _delivery(folder)
    mapping = _mapping(seen, delivery)
    return [
        mapping(batch.rows, CONTEXT, batch.first_row).rows for batch in islice(_batches(seen, delivery, 0), IN_MEMORY)
    ]


def _timed(work: Callable[[Any], int], items: list[Any]) -> dict[str, float]:
    """Do the work twice, the first time to warm up; the seconds and rows of the second."""
    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(work, items))
        begun, cpu = time.monotonic(), time.process_time()
        rows = sum(threads.map(work, items))
        return {"rows": rows, "seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - cpu}


def _delivery(folder: str) -> tuple[Discovery, Delivery]:
    seen = find(Path(folder))
    return seen, seen.deliveries[0]


def _mapping(seen: Discovery, delivery: Delivery) -> Callable[..., Any]:
    with in_place(seen)(0, delivery.files[0]) as path:
        return _dialect(path, delivery, 0).mapping


def _dialect(path: Path, delivery: Delivery, position: int) -> Dialect:
    key = delivery.files[position].key
    return dialect_of([header for header, _ in read_schema(path, delivery.format, key).columns], key)


def _batches(seen: Discovery, delivery: Delivery, position: int) -> Iterator[SourceBatch]:
    file = delivery.files[position]
    with in_place(seen)(position, file) as path:
        wanted = _dialect(path, delivery, position).wanted(CONTEXT)
        yield from read_source(path, delivery.format, file=file.key, wanted=wanted)


def _count(seen: Discovery, delivery: Delivery, position: int) -> int:
    return sum(batch.rows.num_rows for batch in _batches(seen, delivery, position))


DEEDS: dict[str, Callable[..., dict[str, float]]] = {
    "read-write": read_write,
    "scan": scan,
    "normalise": normalise,
    "encode": encode,
    "encode-limit": encode_limit,
}


def main() -> None:
    """Do what the command line says."""
    gc.freeze()  # as a load does
    print(json.dumps(DEEDS[sys.argv[1]](*sys.argv[2:])))


if __name__ == "__main__":
    main()
