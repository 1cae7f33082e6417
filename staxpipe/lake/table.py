"""The lake's one table: opening it, what it holds, replacing an export's month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from sqlalchemy import Engine

from staxpipe.lake.writer import LakeFile, LakeWriter
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

__all__ = ["Lake", "LakeFile", "LakeWriter"]


class Lake:
    """The Iceberg table of line items. Safe to use from several processes."""

    @classmethod
    def open(cls, settings: Settings, engine: Engine) -> Lake:
        """Open the lake that the settings mean; makes the table on first use."""
        raise NotImplementedError

    def writer(self, export_id: int, period: BillingPeriod, delivery: str) -> LakeWriter:
        """A context manager that writes line items of one delivery to files that no reader sees yet."""
        raise NotImplementedError

    def replace(self, export_id: int, period: BillingPeriod, files: Sequence[LakeFile], delivery: str) -> int:
        """Make these files the export's month, in one atomic commit; returns the snapshot's id."""
        raise NotImplementedError

    def delivery_of(self, export_id: int, period: BillingPeriod) -> str | None:
        """The delivery that the lake holds for an export's month; None if none ever was committed."""
        raise NotImplementedError

    def batches(self, export_id: int, period: BillingPeriod, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of an export's month as it is now, in batches; text columns dictionary-coded."""
        raise NotImplementedError
