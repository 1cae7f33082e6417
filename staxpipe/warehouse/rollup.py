"""From line items to daily costs."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa


class Rollup:
    """Sums line items by day and dimension, exactly, as they stream by."""

    COLUMNS: ClassVar[tuple[str, ...]] = ()

    def add(self, batch: pa.RecordBatch) -> None:
        """Add line items; other columns than COLUMNS are ignored."""
        raise NotImplementedError

    def table(self) -> pa.Table:
        """The sums so far, one row a combination of dimensions."""
        raise NotImplementedError
