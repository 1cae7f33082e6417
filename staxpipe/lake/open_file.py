"""One Parquet file of line items on its way into the lake: what it is encoded as, and that nobody forgets to close it.

Which rows go into which file, and when, is `staxpipe.lake.writer`'s.
"""

from __future__ import annotations

import contextlib
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.lake.schema import PRUNED_BY

PAGE_ROWS = 131_072
"""The most rows of a page: readers take whole columns of a row group, and several pages of one are larger."""

DICTIONARY_BELOW = 0.25
"""The share of different amounts among a column's rows up to which a dictionary pays: above it takes more time and,
in the end, more bytes than the amounts themselves (measured on generated reports; in AWS's sample reports it is 0.1).
"""

WRITTEN_SCHEMA = pa.schema(
    [pa.field(column.name, column.coded_type, nullable=column.nullable) for column in LINE_ITEM_COLUMNS]
)
"""LINE_ITEM_SCHEMA as it travels: texts and maps of them dictionary-coded. In the file they are plain."""

_PARQUET: dict[str, Any] = {
    "compression": "zstd",  # at its level 1: level 3 takes a tenth longer, and the files are no smaller
    "write_statistics": list(PRUNED_BY),
    "max_rows_per_page": PAGE_ROWS,
    "write_batch_size": 8192,  # rows that are encoded at once; by pyarrow's 1,024 it takes a twelfth longer
    "store_schema": False,  # whoever reads the file sees plain columns, not our dictionaries
}


class OpenFile:
    """A file that is being written, by one thread at a time. All of its rows are of one billing account."""

    def __init__(self, path: str, account: str, sink: Any, parquet: pq.ParquetWriter) -> None:
        self.path = path
        self.account = account
        self.rows = 0
        self._sink = sink  # pyarrow.NativeFile: the stream that pyiceberg's FileIO opens
        self._parquet = parquet

    @classmethod
    def begin(cls, io: FileIO, path: str, account: str, rows: pa.Table) -> Self:
        """Begin one that is fit for such rows (of WRITTEN_SCHEMA)."""
        sink = io.new_output(path).create(overwrite=False)
        try:
            parquet = pq.ParquetWriter(sink, WRITTEN_SCHEMA, use_dictionary=_repetitive(rows), **_PARQUET)
        except BaseException:
            with contextlib.suppress(OSError, pa.ArrowException):
                sink.close()
            raise
        return cls(path, account, sink, parquet)

    def write(self, rows: pa.Table) -> None:
        """Add rows as one row group."""
        self._parquet.write_table(rows, row_group_size=max(rows.num_rows, 1))
        self.rows += rows.num_rows

    @property
    def bytes(self) -> int:
        """How many were written."""
        return int(self._sink.tell())

    @property
    def closed(self) -> bool:
        """Whether nothing of it is open any more."""
        return bool(self._sink.closed)

    def close(self) -> int:
        """End the file; returns how large it is."""
        self._parquet.close()
        size = self.bytes
        self._sink.close()
        return size

    def abandon(self) -> None:
        """Close what nobody will read. Best effort."""
        for part in (self._parquet, self._sink):
            with contextlib.suppress(OSError, pa.ArrowException):
                part.close()


def _repetitive(rows: pa.Table) -> list[str]:
    """Parquet's names of the columns that are worth a dictionary."""
    names = []
    for column in WRITTEN_SCHEMA:
        if pa.types.is_map(column.type):
            names += [f"{column.name}.key_value.{part}" for part in ("key", "value")]
        elif not pa.types.is_decimal(column.type) or (
            pc.count_distinct(rows[column.name]).as_py() <= DICTIONARY_BELOW * rows.num_rows
        ):
            names.append(column.name)
    return names
