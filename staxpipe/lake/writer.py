"""Writing line items to Parquet files that no reader sees before they are committed.

What makes them seen is `staxpipe.lake.table.Lake.replace`. Files that are left by a killed process are orphans: no
snapshot names them, so no reader meets them; `staxpipe.lake.orphans` removes them.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT
from staxpipe.lake.schema import ACCOUNT

ROW_GROUP_ROWS = 131_072
"""Rows of a row group: what readers skip or read in one piece, and what a writer holds in memory (about 50 MB)."""

BUFFERED_ROWS = 2 * ROW_GROUP_ROWS
"""Rows held in memory by all files together, whatever the number of accounts."""

OPEN_FILES = 16
"""Files that are open at once; with more accounts than that, the one used least recently is closed."""

TARGET_BYTES = 256 * 2**20
"""A file that has reached this size is closed, and the account goes on in another."""

WRITTEN_SCHEMA = pa.schema(
    [
        pa.field(
            column.name,
            pa.dictionary(pa.int32(), TEXT) if column.type == TEXT else column.type,
            nullable=column.nullable,
        )
        for column in LINE_ITEM_COLUMNS
    ]
)
"""LINE_ITEM_SCHEMA as it travels: text columns dictionary-coded. In the file they are plain text columns."""


@dataclass(frozen=True)
class LakeFile:
    """One closed Parquet file, not yet visible to readers. All of its rows are of one billing account."""

    path: str
    billing_account_id: str
    rows: int
    bytes: int


@dataclass
class _OpenFile:
    path: str
    account: str
    sink: Any  # pyarrow.NativeFile: the stream that pyiceberg's FileIO opens
    parquet: pq.ParquetWriter
    rows: int = 0


@dataclass
class _Pending:
    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0


class LakeWriter:
    """Writes one delivery's line items below one folder. An exception inside the context removes what was written.

    After the context, `files` holds every file, closed and complete.
    """

    def __init__(self, io: FileIO, folder: str) -> None:
        self._io = io
        self._folder = folder
        self._pending: dict[str, _Pending] = {}
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._begun: list[str] = []
        self._closed: list[LakeFile] = []

    @property
    def files(self) -> tuple[LakeFile, ...]:
        """The closed files, in the order of closing."""
        return tuple(self._closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
            return
        try:
            for account in list(self._pending):
                self._flush(account)
            for account in list(self._open):
                self._close(account)
        except BaseException:
            self._discard()
            raise

    def write(self, rows: pa.RecordBatch) -> None:
        """Add rows (LINE_ITEM_COLUMNS in their order, text columns dictionary-coded or plain)."""
        for account, part in _by_account(_as_written(rows)):
            pending = self._pending.setdefault(account, _Pending())
            pending.batches.append(part)
            pending.rows += part.num_rows
            if pending.rows >= ROW_GROUP_ROWS:
                self._flush(account)
        while sum(pending.rows for pending in self._pending.values()) > BUFFERED_ROWS:
            self._flush(max(self._pending, key=lambda account: self._pending[account].rows))

    def _flush(self, account: str) -> None:
        """Write what waits for an account as one row group."""
        pending = self._pending.pop(account)
        file = self._file_of(account)
        # Where dictionaries differ between batches, pyarrow's writer gives dictionaries up for the whole row group.
        table = pa.Table.from_batches(pending.batches, WRITTEN_SCHEMA).unify_dictionaries()
        file.parquet.write_table(table, row_group_size=max(table.num_rows, 1))
        file.rows += table.num_rows
        if file.sink.tell() >= TARGET_BYTES:
            self._close(account)

    def _file_of(self, account: str) -> _OpenFile:
        if account in self._open:
            self._open.move_to_end(account)
            return self._open[account]
        if len(self._open) >= OPEN_FILES:
            self._close(next(iter(self._open)))
        path = f"{self._folder}/{account}-{len(self._begun):05d}.parquet"
        self._begun.append(path)
        sink = self._io.new_output(path).create(overwrite=False)
        # store_schema=False: whoever reads the file sees plain columns, not our dictionaries.
        parquet = pq.ParquetWriter(sink, WRITTEN_SCHEMA, compression="zstd", write_statistics=True, store_schema=False)
        self._open[account] = _OpenFile(path, account, sink, parquet)
        return self._open[account]

    def _close(self, account: str) -> None:
        file = self._open.pop(account)
        file.parquet.close()
        size = file.sink.tell()
        file.sink.close()
        self._closed.append(LakeFile(file.path, account, file.rows, size))

    def _discard(self) -> None:
        """Best effort: what cannot be removed is an orphan, which harms no reader."""
        for file in self._open.values():
            with contextlib.suppress(OSError, pa.ArrowException):
                file.parquet.close()
            with contextlib.suppress(OSError, pa.ArrowException):
                file.sink.close()
        self._open.clear()
        for path in self._begun:
            with contextlib.suppress(OSError, pa.ArrowException):
                self._io.delete(path)
        self._begun.clear()
        self._closed.clear()
        self._pending.clear()


def _as_written(rows: pa.RecordBatch) -> pa.RecordBatch:
    if rows.schema.names != WRITTEN_SCHEMA.names:
        raise ValueError(f"these are not line items: columns {rows.schema.names}")
    columns = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column.cast(wanted.type)
        for column, wanted in zip(rows.columns, WRITTEN_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=WRITTEN_SCHEMA)


def _by_account(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    column = rows.column(ACCOUNT)
    codes = pc.unique(column.indices)
    for code in codes:
        account = column.dictionary[code.as_py()].as_py()
        yield account, rows if len(codes) == 1 else rows.filter(pc.equal(column.indices, code))
