"""DuckDB, DataFusion and Polars, and the limits: what a csv.gz takes to unpack. One whole process each.

python -m benchmarks.peers.engines duckdb-copy OUT FILE…
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.peers.focus_sql import mapping_sql

CORES = os.cpu_count() or 1
SERVICES = Path(__file__).resolve().parents[2] / "staxpipe" / "focus" / "services.csv"
PIECE = 2**20


def duckdb_copy(out: Path, files: Sequence[str]) -> None:
    """All columns as text, nothing mapped: the plainest way from CSV to Parquet."""
    _duckdb(f"SELECT * FROM read_csv({list(files)}, all_varchar = true)", out)


def duckdb_copy_ordered(out: Path, files: Sequence[str]) -> None:
    """The same as it comes, with rows in the files' order, which takes twice the time and memory."""
    _duckdb(f"SELECT * FROM read_csv({list(files)}, all_varchar = true)", out, ordered=True)


def duckdb_copy_parquet(out: Path, files: Sequence[str]) -> None:
    """Parquet to Parquet, all columns as they are."""
    _duckdb(f"SELECT * FROM read_parquet({list(files)})", out)


def duckdb_mapping(out: Path, files: Sequence[str]) -> None:
    """Our mapping by DuckDB."""
    query = mapping_sql(_header(files), lambda text: f"CAST({text} AS TIMESTAMP)")
    _duckdb(
        f"WITH cur AS (SELECT * FROM read_csv({list(files)}, all_varchar = true)), "
        f"services AS (SELECT * FROM read_csv('{SERVICES}', all_varchar = true)) {query}",
        out,
    )


def datafusion_mapping(out: Path, files: Sequence[str]) -> None:
    """Our mapping by DataFusion."""
    import pyarrow as pa
    from datafusion import SessionConfig, SessionContext

    context = SessionContext(SessionConfig().with_target_partitions(CORES))
    text = pa.schema([pa.field(name, pa.string()) for name in _header(files)])
    context.register_csv("cur", list(files), schema=text, file_extension=".csv.gz", file_compression_type="gzip")
    context.register_csv("services", str(SERVICES))
    query = mapping_sql(_header(files), lambda text: f"CAST({text} AS TIMESTAMP)", services_first=True)
    context.sql(query).write_parquet(str(out), compression="zstd", compression_level=3)


def polars_mapping(out: Path, files: Sequence[str]) -> None:
    """Our mapping by Polars, by its streaming engine."""
    import polars as pl

    scanned = pl.scan_csv(list(files), infer_schema=False)
    context = pl.SQLContext(cur=scanned, services=pl.scan_csv(SERVICES, infer_schema=False))
    query = mapping_sql(_header(files), lambda text: f"STRPTIME({text}, '%Y-%m-%dT%H:%M:%SZ')")
    context.execute(query).sink_parquet(out / "rows.parquet", compression="zstd", compression_level=3)


def gunzip(_: Path, files: Sequence[str]) -> None:
    """Unpack everything by ISA-L on all cores, and keep nothing."""
    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(_unpack, files))


def _unpack(file: str) -> int:
    from isal import isal_zlib

    unpacked = 0
    with Path(file).open("rb") as stream:
        decompressor = isal_zlib.decompressobj(31)
        while not decompressor.eof:
            given = decompressor.unconsumed_tail or stream.read(PIECE // 8)
            if not given:
                raise EOFError(f"{file} is cut")
            unpacked += len(decompressor.decompress(given, PIECE))
    return unpacked


def _duckdb(query: str, out: Path, *, ordered: bool = False) -> None:
    """At DuckDB's best: nobody here needs the rows in their order."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {CORES}")
        connection.execute(f"SET preserve_insertion_order = {ordered}")
        connection.execute(f"COPY ({query}) TO '{out}/rows.parquet' (FORMAT parquet, COMPRESSION zstd)")


def _header(files: Sequence[str]) -> list[str]:
    with gzip.open(files[0], "rt", encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


DEEDS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "duckdb-copy": duckdb_copy,
    "duckdb-copy-ordered": duckdb_copy_ordered,
    "duckdb-copy-parquet": duckdb_copy_parquet,
    "duckdb-mapping": duckdb_mapping,
    "datafusion-mapping": datafusion_mapping,
    "polars-mapping": polars_mapping,
    "gunzip": gunzip,
}


if __name__ == "__main__":
    DEEDS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
