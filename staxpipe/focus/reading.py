"""From a data file to record batches under canonical names: one way in for every format.

What is common to all formats; `reading_csv.py` and `reading_parquet.py` know their own. Nothing here
knows what a column means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from staxpipe.model import FileFormat


@dataclass(frozen=True)
class SourceBatch:
    """Some rows of one file, in the file's order.

    Every column is ``dictionary<int32, string>`` under its canonical name; missing and empty are both null.
    `first_row` is the number of the batch's first row in the file: 1 is the first row after the header.
    """

    rows: pa.RecordBatch
    file: str
    first_row: int


def read_source(
    path: Path,
    format: FileFormat,
    *,
    file: str,
    wanted: Callable[[str], bool],
    batch_rows: int = 65_536,
) -> Iterator[SourceBatch]:
    """Read the wanted columns of one data file, batch by batch."""
    raise NotImplementedError
