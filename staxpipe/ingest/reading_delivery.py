"""Reading a delivery's files, one after the other, into FOCUS rows, control totals and quarantined values."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.focus.mapping import MappingContext, Rejected
from staxpipe.focus.reading import read_source
from staxpipe.focus.reconciliation import residual_rows, residual_tally
from staxpipe.focus.source_schema import read_schema
from staxpipe.focus.tally import Tally
from staxpipe.ingest.schema_drift import ColumnsRead
from staxpipe.model import Delivery, StoredObject

KEPT_REJECTIONS = 10_000
"""Quarantined values kept for each delivery; a finding counts all of them."""

OpenFile = Callable[[int, StoredObject], AbstractContextManager[Path]]
"""Gives a local path to a delivery's file: its position in the delivery, and the file."""

Progress = Callable[[StoredObject, int], None]
"""Told, after every batch, which file is read and how many rows of the delivery were read so far."""


@dataclass(frozen=True)
class DeliveryRead:
    """What reading a delivery's files brought, beside the rows that were written."""

    tally: Tally
    rejected: list[dict[str, object]]
    columns: ColumnsRead


class NetCostsUnusedError(Exception):
    """The files have net columns that no row uses, and discounts that are rows: they are to be read without."""


def read_delivery(
    delivery: Delivery,
    context: MappingContext,
    write: Callable[[pa.RecordBatch], None],
    open_file: OpenFile,
    progress: Progress,
) -> DeliveryRead:
    """Read and map every file of a delivery, and hand each batch of FOCUS rows to `write`.

    Raises:
        PermanentError: a file or column is broken or missing, named in the message.
        NetCostsUnusedError: read again with `context.net_costs` False. Rows are mapped one by one, and only the whole
            delivery tells: a discount's row counts nothing where other rows' net costs contain it (`focus.net`),
            and here none does. CUR 2.0 has net columns even where its discounts come as rows.
    """
    tally = Tally()
    rejected: list[dict[str, object]] = []
    columns = ColumnsRead()
    for position, file in enumerate(delivery.files):
        with open_file(position, file) as path:
            schema = read_schema(path, delivery.format, file.key)
            if not schema.columns:  # a surplus file of a report that shrank: AWS overwrites it with nothing
                continue
            dialect = columns.add(schema, file.key)
            for batch in read_source(path, delivery.format, file=file.key, wanted=dialect.wanted):
                try:
                    normalised = dialect.mapping(batch.rows, context, batch.first_row)
                except PermanentError as error:
                    raise PermanentError(f"{file.key}: {error}") from error
                write(normalised.rows)
                tally.add(normalised.tally)
                room = KEPT_REJECTIONS - len(rejected)
                rejected.extend(_quarantined(file, value) for value in normalised.rejected[:room])
                progress(file, tally.rows_read)
    if tally.rows_elsewhere and not delivery.shared_files:
        raise PermanentError(
            f"{delivery.export.source}: the manifest says that this delivery is for {delivery.period}, but "
            f"{tally.rows_elsewhere:,} of its rows name another billing period. Nothing was loaded from it."
        )
    if context.net_costs and tally.gross_discounts and not tally.rows_net_lower:
        raise NetCostsUnusedError
    residuals = residual_rows(tally, context)
    if residuals is not None:
        write(residuals)
        tally.add(residual_tally(residuals))
    return DeliveryRead(tally, rejected, columns)


def _quarantined(file: StoredObject, value: Rejected) -> dict[str, object]:
    return {"file": file.key, **asdict(value)}
