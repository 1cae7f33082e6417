"""Who is measured, on which input, and by which command."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs import HERE, WORK, Input
from benchmarks.measuring import FailedError, Run, run

PEERS = WORK / "venv" / "bin" / "python"
FOCUS_CONVERTER = WORK / "venv-focus-converter" / "bin" / "python"
MAIN, PARQUET, SMALL, LARGE = "main", "parquet", "small", "large"
"""Roles of inputs: what most read, the same as Parquet, what slow ones read, and ten times the first."""

PREPARE = """
from staxpipe.local.database import open_database
from staxpipe.settings import read_settings
with open_database(read_settings()):
    pass
"""
"""Makes the database of STAXPIPE_HOME and brings it to its tables, in whatever checkout PYTHONPATH names."""

PRODUCT = """
import sys
from staxpipe.cli import WithoutPandas, importing
sys.meta_path.insert(0, WithoutPandas())
with importing():
    from benchmarks.product import main
main()
"""
"""A part of the product, started as the `staxpipe` command starts."""

Command = Callable[[Input, Path], list[str | Path]]
"""From the input and an empty folder for what is written to a command."""


@dataclass(frozen=True)
class Contestant:
    """One process to be measured. `limit_seconds` is when it is given up."""

    name: str
    title: str
    role: str
    command: Command
    loads: bool = False  # needs a home with a database, made before the clock starts
    once: bool = False
    limit_seconds: float = 1800


def _load(given: Input, _out: Path) -> list[str | Path]:
    return [sys.executable, HERE / "benchmarks" / "timed_load.py", "load", given.folder]


def _product(deed: str, writes: bool) -> Command:
    def command(given: Input, out: Path) -> list[str | Path]:
        return [sys.executable, "-c", PRODUCT, deed, given.folder, *([out] if writes else [])]

    return command


def _peer(module: str, *deed: str) -> Command:
    return lambda given, out: [PEERS, "-m", f"benchmarks.peers.{module}", *deed, out, *given.files]


def _focus_converter(given: Input, out: Path) -> list[str | Path]:
    return [FOCUS_CONVERTER, HERE / "benchmarks" / "peers" / "focus_converter_files.py", out, *given.files]


CONTESTANTS: tuple[Contestant, ...] = (
    Contestant("load", "**`staxpipe load`**: read, normalise, commit, marts, ledger", MAIN, _load, loads=True),
    Contestant("read-write", "staxpipe, read + normalise + write alone", MAIN, _product("read-write", writes=True)),
    Contestant("duckdb-copy", "DuckDB `COPY` csv → parquet, nothing mapped", MAIN, _peer("engines", "duckdb-copy")),
    Contestant(
        "duckdb-copy-ordered",
        "the same by DuckDB's defaults: in the files' order",
        MAIN,
        _peer("engines", "duckdb-copy-ordered"),
    ),
    Contestant("duckdb-mapping", "DuckDB, mapping in SQL", MAIN, _peer("engines", "duckdb-mapping")),
    Contestant("datafusion-mapping", "DataFusion, mapping in SQL", MAIN, _peer("engines", "datafusion-mapping")),
    Contestant("polars-mapping", "Polars, mapping in SQL", MAIN, _peer("engines", "polars-mapping")),
    Contestant("gunzip", "limit: unpack alone, ISA-L", MAIN, _peer("engines", "gunzip")),
    Contestant("encode-limit", "limit: Parquet encoding alone, pyarrow", MAIN, _product("encode-limit", writes=True)),
    Contestant("scan", "stage: unpack and read the columns needed", MAIN, _product("scan", writes=False)),
    Contestant("normalise", "stage: mapping alone", MAIN, _product("normalise", writes=False)),
    Contestant("encode", "stage: the lake's writer alone", MAIN, _product("encode", writes=True)),
    Contestant("load-parquet", "**`staxpipe load`** of Parquet", PARQUET, _load, loads=True),
    Contestant(
        "read-write-parquet",
        "staxpipe, read + normalise + write of Parquet",
        PARQUET,
        _product("read-write", writes=True),
    ),
    Contestant(
        "duckdb-copy-parquet",
        "DuckDB `COPY` parquet → parquet, nothing mapped",
        PARQUET,
        _peer("engines", "duckdb-copy-parquet"),
    ),
    Contestant("focus-converter", "focus-converter", SMALL, _focus_converter),
    Contestant("koku", "koku's processing, re-enacted", SMALL, _peer("koku_reenacted")),
    Contestant("pandas-usual", "pandas in chunks, as usually written", SMALL, _peer("pandas_chunks", "usual")),
    Contestant("pandas-careful", "pandas in chunks, tags with care", SMALL, _peer("pandas_chunks", "careful")),
    Contestant("load-large", "**`staxpipe load`** of ten times as much", LARGE, _load, loads=True, once=True),
)


def measured(contestant: Contestant, given: Input, checkout: Path = HERE) -> Run:
    """Run it once, in a folder of its own that is removed afterwards. `checkout` is the staxpipe that is run.

    Raises:
        FailedError: it failed, took too long, or has no environment to run in.
    """
    scratch = WORK / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{contestant.name}-", dir=scratch))
    out, home = folder / "out", folder / "home"
    out.mkdir()
    variables = {"PYTHONPATH": str(checkout), "PYTHONWARNINGS": "ignore", "STAXPIPE_HOME": str(home)}
    try:
        if contestant.loads:
            run([sys.executable, "-c", PREPARE], variables)
        command = contestant.command(given, out)
        if not Path(command[0]).exists():
            raise FailedError(f"there is no {command[0]}: `make bench` makes it")
        return run(command, variables, contestant.limit_seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
