"""Reading a delivery's files into FOCUS rows, control totals and quarantined values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from staxpipe.errors import MemoryShortageError, PermanentError
from staxpipe.focus.dialect import Mapping
from staxpipe.focus.mapping import MappingContext, Rejected
from staxpipe.focus.reading import SourceBatch, read_source
from staxpipe.focus.reconciliation import residual_rows, residual_tally
from staxpipe.focus.source_schema import read_schema
from staxpipe.focus.tally import Tally
from staxpipe.ingest.memory import Budget
from staxpipe.ingest.pipeline import Work
from staxpipe.ingest.schema_drift import ColumnsRead
from staxpipe.model import Delivery, StoredObject
from staxpipe.warehouse.rollup import HELD_ROWS, Rollup

KEPT_REJECTIONS = 10_000
"""Quarantined values kept for each delivery, the first of its files; a finding counts all of them."""

OpenFile = Callable[[int, StoredObject], AbstractContextManager[Path]]
"""Gives a local path to a delivery's file: its position in the delivery, and the file.

Asked for one file after the other; several may be open, and one may be closed by another thread than opened it.
"""

Progress = Callable[[StoredObject, int], None]
"""Told, after every batch, which file is read and how many rows of the delivery were read so far. Any thread calls it,
never two at once."""


@dataclass(frozen=True)
class DeliveryRead:
    """What reading a delivery's files brought, beside the rows that were written."""

    tally: Tally
    rejected: list[dict[str, object]]
    columns: ColumnsRead


class NetCostsUnusedError(Exception):
    """The files have net columns that no row uses, and discounts that are rows: they are to be read without."""


@dataclass
class _Read:
    """What some batches came to."""

    tally: Tally = field(default_factory=Tally)
    rejected: list[dict[str, object]] = field(default_factory=list)

    def add(self, other: _Read) -> None:
        self.tally.add(other.tally)
        self.rejected.extend(other.rejected[: KEPT_REJECTIONS - len(self.rejected)])


@dataclass(frozen=True)
class _Batch:
    """A batch of a file, and how it is to be mapped."""

    source: SourceBatch
    mapping: Mapping


def read_delivery(
    delivery: Delivery,
    context: MappingContext,
    write: Callable[[pa.RecordBatch], None],
    keep_sums: Callable[[pa.Table], None],
    open_file: OpenFile,
    progress: Progress,
    budget: Budget,
) -> DeliveryRead:
    """Read and map every file of a delivery, and hand each batch of FOCUS rows to `write`, and sums of them to
    `keep_sums` (as `Rollup` does); any thread may call both.

    What is returned or raised is the same however many threads the budget allows: totals, the first rejections and the
    first error are in the order of the files.

    Raises:
        PermanentError: a file or column is broken or missing, named in the message.
        MemoryShortageError: there is no more memory, for a batch or for the sums of all.
        NetCostsUnusedError: read again with `context.net_costs` False. Rows are mapped one by one, and only the whole
            delivery tells: a discount's row counts nothing where other rows' net costs contain it (`focus.net`),
            and here none does. CUR 2.0 has net columns even where its discounts come as rows.
    """
    columns = ColumnsRead()
    rollups: list[Rollup] = []
    held_rows = min(HELD_ROWS, budget.batch_rows)

    @contextmanager
    def batches(position: int) -> Iterator[Iterator[_Batch]]:
        file = delivery.files[position]
        with open_file(position, file) as path:
            schema = read_schema(path, delivery.format, file.key)
            if not schema.columns:  # a surplus file of a report that shrank: AWS overwrites it with nothing
                yield iter(())
                return
            dialect = columns.add(schema, file.key)
            source = read_source(
                path,
                delivery.format,
                file=file.key,
                wanted=dialect.wanted(context),
                batch_rows=budget.batch_rows,
                reader=budget.reader,
            )
            with closing(source):  # type: ignore[type-var]  # it is a generator
                yield map(partial(_Batch, mapping=dialect.mapping), source)

    def worker() -> Callable[[_Batch], _Read]:
        rollup = Rollup(keep_sums, held_rows)
        rollups.append(rollup)
        return partial(_loaded, context=context, write=write, rollup=rollup)

    rows = 0

    def told(position: int, done: _Read) -> None:
        nonlocal rows
        rows += done.tally.rows_read
        progress(delivery.files[position], rows)

    read = Work(len(delivery.files), batches, worker, _Read, told, budget.workers).run()
    tally = read.tally
    if tally.rows_elsewhere and not delivery.shared_files:
        raise PermanentError(
            f"{delivery.export.source}: the manifest says that this delivery is for {delivery.period}, but "
            f"{tally.rows_elsewhere:,} of its rows name another billing period. Nothing was loaded from it."
        )
    if context.net_costs and tally.gross_discounts and not tally.rows_net_lower:
        raise NetCostsUnusedError
    with _within_memory(f"{delivery.export.source}, {delivery.period},"):
        rollup = Rollup(keep_sums, held_rows)
        for part in rollups:
            rollup.merge(part)
        residuals = residual_rows(tally, context)
        if residuals is not None:
            write(residuals)
            rollup.add(residuals)
            tally.add(residual_tally(residuals))
        rollup.finish()
    return DeliveryRead(tally, read.rejected, columns)


def _loaded(
    batch: _Batch, *, context: MappingContext, write: Callable[[pa.RecordBatch], None], rollup: Rollup
) -> _Read:
    """Do all that is to be done with one batch, within what memory there is."""
    with _within_memory(batch.source.file):
        return _mapped(batch, context, write, rollup)


@contextmanager
def _within_memory(what: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise MemoryShortageError(what) from error


def _mapped(batch: _Batch, context: MappingContext, write: Callable[[pa.RecordBatch], None], rollup: Rollup) -> _Read:
    """Map one batch, write it and roll it up."""
    source = batch.source
    try:
        normalised = batch.mapping(source.rows, context, source.first_row)
    except PermanentError as error:
        raise PermanentError(f"{source.file}: {error}") from error
    write(normalised.rows)
    rollup.add(normalised.rows)
    return _Read(
        normalised.tally, [_quarantined(source.file, value) for value in normalised.rejected[:KEPT_REJECTIONS]]
    )


def _quarantined(file: str, value: Rejected) -> dict[str, object]:
    return {"file": file, **asdict(value)}
