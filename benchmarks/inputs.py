"""The inputs of the benchmarks: months of wanted sizes, made once and kept in `.bench/inputs`.

Light on purpose: a process begins with the peak memory of the one that starts it, so whoever measures others must not
have generated anything itself. `generating.py` does that, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
WORK = HERE / ".bench"
"""Everything that benchmarks keep: inputs, results, environments."""

VERSION = 1
"""Of what is generated: raised with every change of it, so that inputs of before are made anew."""

MARKER = "generated.json"


@dataclass(frozen=True)
class Size:
    """How large an input is: so many parts of about so many rows, and in how many files each."""

    name: str
    rows_of_part: int
    parts: int = 1
    files_of_part: int = 10
    parquet: bool = False


SIZES = {
    size.name: size
    for size in (
        Size("0.2M", 200_000),
        Size("1M", 1_000_000),
        Size("5M", 5_000_000),
        Size("50M", 5_000_000, parts=10),
        Size("0.2M-parquet", 200_000, parquet=True),
        Size("1M-parquet", 1_000_000, parquet=True),
        Size("5M-parquet", 5_000_000, parquet=True),
    )
}


@dataclass(frozen=True)
class Input:
    """A generated month on this disk. `bytes_unpacked` is the size of its CSV, or of its Parquet files as they are."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    rows: int
    bytes_packed: int
    bytes_unpacked: int


def folder_of(name: str) -> Path:
    """Where the input of that name is kept."""
    return WORK / "inputs" / name


def generated(name: str) -> Input:
    """The input of that name; made where it is not there, or where the generator has changed."""
    folder = folder_of(name)
    marker = folder / MARKER
    if not marker.exists() or json.loads(marker.read_text(encoding="utf-8"))["version"] != VERSION:
        print(f"  generating {name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.generating", name], cwd=HERE, check=True)
    made = json.loads(marker.read_text(encoding="utf-8"))
    files = tuple(folder / "bucket" / key for key in made["files"])
    packed = sum(file.stat().st_size for file in files)
    return Input(name, folder / "bucket", files, made["rows"], packed, made["bytes_unpacked"] or packed)


def unpacked_bytes(path: Path) -> int:
    """How many bytes a gzip file of one member unpacks to, as its trailer says (below 4 GiB)."""
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")
