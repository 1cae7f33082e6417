"""The mapping from CUR rows to FOCUS 1.2 rows: one pure function on Arrow record batches."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from staxpipe.focus.tally import Tally
from staxpipe.model import BillingPeriod


@dataclass(frozen=True)
class MappingContext:
    """What a row does not say itself: which export and delivery it came in, and what was asked for.

    `period` is given where files are shared by several periods: rows of other periods are then left out.
    """

    export_id: str
    delivery_id: str
    line_item_ids: bool = False
    period: BillingPeriod | None = None


@dataclass(frozen=True)
class Rejected:
    """A source row that was not mapped: where it stands in its file, and which value is at fault."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Normalised:
    """FOCUS rows (LINE_ITEM_COLUMNS), the rows that were refused, and the totals of both sides."""

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]
    tally: Tally


def normalise(batch: pa.RecordBatch, context: MappingContext, first_row: int = 1) -> Normalised:
    """Map CUR rows to FOCUS 1.2 rows; pure.

    Raises:
        PermanentError: a required column is absent, or a row is of a foreign billing period.
    """
    raise NotImplementedError
