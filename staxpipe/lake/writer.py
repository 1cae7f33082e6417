"""Writing line items to Parquet files that no reader sees before they are committed."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa


@dataclass(frozen=True)
class LakeFile:
    """One closed Parquet file, not yet visible to readers. All of its rows are of one billing account."""

    path: str
    billing_account_id: str
    rows: int
    bytes: int


class LakeWriter:
    """Writes one delivery's line items. After the context `files` are complete; an exception removes them."""

    files: tuple[LakeFile, ...]

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    def write(self, rows: pa.RecordBatch) -> None:
        """Add rows (LINE_ITEM_COLUMNS, text columns dictionary-coded or plain)."""
        raise NotImplementedError
