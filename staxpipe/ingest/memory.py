"""How much work may be in memory at once: from one setting to numbers of threads and rows.

The model is measured (docs/architecture.md says how): what a process holds before it reads anything; for each thread
what a reader and a Parquet writer hold whatever the batch; and for each row of a batch what its source columns, mapped
columns and encoded pages take, and what is made and dropped on the way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from staxpipe.errors import PermanentError
from staxpipe.model import FileFormat
from staxpipe.scan.choice import CsvReader, chosen_reader

LARGEST_BATCH = 131_072
"""Rows of a batch where memory allows: larger ones are not faster."""

SMALLEST_BATCH = 8_192
"""Rows of a batch below which nothing is read: rules would run on hardly filled dictionaries."""

WORTH_A_THREAD = 16_384
"""Rows of a batch below which fewer threads with larger batches are better."""

_PROCESS_MB = 230
_WAITING_ROW_BYTES = 800  # mapped rows of many accounts that wait in the writer, as many as a batch has


@dataclass(frozen=True)
class Cost:
    """What a thread takes: whatever its batch, and for each row of it."""

    thread_mb: int
    row_bytes: int


SCANNER = Cost(40, 1_850)
PARQUET = Cost(45, 2_500)  # holds the dictionaries of a whole row group
ARROW = Cost(130, 2_700)  # reads ahead by itself, and holds a text for each value on the way


@dataclass(frozen=True)
class Budget:
    """How a delivery is read: threads that work at the same time, the most rows of one batch, and what reads CSV (None:
    what the settings say).
    """

    workers: int = 1
    batch_rows: int = LARGEST_BATCH
    reader: CsvReader | None = None


def budget(memory_mb: int, cores: int | None = None, cost: Cost = ARROW) -> Budget:
    """The fastest way that stays within so many MiB: as many threads as there are cores, then as large batches.

    Args:
        memory_mb: what the process may have in memory at most.
        cores: how many this process may use; None asks the system.
        cost: of the reader: SCANNER, PARQUET or ARROW (of CSV).

    Raises:
        PermanentError: that is too little to work with.
    """
    for workers in range(cores or usable_cores(), 0, -1):
        rows = _rows(memory_mb, workers, cost)
        if rows >= (WORTH_A_THREAD if workers > 1 else SMALLEST_BATCH):
            return Budget(workers, min(rows, LARGEST_BATCH))
    raise PermanentError(
        f"STAXPIPE_MEMORY_MB is {memory_mb}, and reading a month takes at least {least_mb(cost)}: set it so."
    )


def budget_for(format: FileFormat, memory_mb: int, csv_reader: str | None = None) -> Budget:
    """The budget for a delivery of this format, with the reader that will read it here by the setting csv_reader.

    Raises:
        PermanentError: that is too little to work with.
    """
    reader = None if format is FileFormat.PARQUET else chosen_reader(csv_reader)
    return replace(budget(memory_mb, cost=cost_of(format, reader)), reader=reader)


def cost_of(format: FileFormat, reader: CsvReader | None = None) -> Cost:
    """What the reader takes that reads such files here; None is the one that the settings say."""
    if format is FileFormat.PARQUET:
        return PARQUET
    return SCANNER if (reader or chosen_reader()) is CsvReader.NATIVE else ARROW


def least_mb(cost: Cost = ARROW) -> int:
    """The smallest setting that one thread can work with, in MiB."""
    return next(mb for mb in range(_PROCESS_MB, 100 * _PROCESS_MB) if _rows(mb, 1, cost) >= SMALLEST_BATCH)


def usable_cores() -> int:
    """How many cores this process may run on, at least 1."""
    return max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1)


def _rows(memory_mb: int, workers: int, cost: Cost) -> int:
    """Rows of a batch that fit, in whole 1,024s."""
    left = (memory_mb - _PROCESS_MB - workers * cost.thread_mb) << 20
    return max(left // (workers * cost.row_bytes + _WAITING_ROW_BYTES), 0) // 1024 * 1024
