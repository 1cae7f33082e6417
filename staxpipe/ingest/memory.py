"""How much work may be in memory at once: from one setting to numbers of threads and rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """How a delivery is read: threads that work at the same time, and the most rows of one batch."""

    workers: int = 2
    batch_rows: int = 131_072
