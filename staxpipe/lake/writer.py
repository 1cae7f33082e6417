"""Writing line items to Parquet files that no reader sees before they are committed.

What makes them seen is `staxpipe.lake.table.Lake.replace`. Files that are left by a killed process are orphans: no
snapshot names them, so no reader meets them; `staxpipe.lake.orphans` removes them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.io import FileIO

from staxpipe.lake.open_file import PAGE_ROWS, WRITTEN_SCHEMA, OpenFile
from staxpipe.lake.schema import ACCOUNT

ROW_GROUP_ROWS = PAGE_ROWS
"""Rows of a row group, as far as memory allows: what readers skip or read in one piece.

A batch of one account that has at least half of that becomes a row group as it is; fewer rows wait for more.
"""

WAITING_BYTES_A_ROW = 800
"""What an ordinary row takes while it waits; rows with very many tags count as several."""

OPEN_FILES = 16
"""Files that are open at once; with more accounts than that, the one used least recently is closed."""

TARGET_BYTES = 256 * 2**20
"""A file that has reached this size is closed, and the account goes on in another."""


@dataclass(frozen=True)
class LakeFile:
    """One closed Parquet file, not yet visible to readers. All of its rows are of one billing account."""

    path: str
    billing_account_id: str
    rows: int
    bytes: int


@dataclass
class _Pending:
    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0  # as many ordinary ones as would take the memory that these take


class LakeWriter:
    """Writes one delivery's line items below one folder. An exception inside the context removes what was written.

    Several threads may write at once: each encodes into a file of its own, so an account has as many open files as
    threads were at work on it at the same time. All of them must have ended when the context is left; only where an
    exception leaves it one may be late: it meets an error, and removes the file that it has. After the context, `files`
    holds every file, closed and complete.

    Rows that wait, of all accounts together, are never more than a row group has.
    """

    def __init__(self, io: FileIO, folder: str, batch_rows: int = ROW_GROUP_ROWS) -> None:
        """Make one that writes below `folder`; row groups are of `batch_rows` rows where that is less."""
        self._io = io
        self.folder = folder
        self._most = min(batch_rows, ROW_GROUP_ROWS)
        self._lock = threading.Lock()  # for what follows; nothing is encoded while it is held
        self._pending: dict[str, _Pending] = {}
        self._open = 0  # how many files are
        self._idle: list[OpenFile] = []  # of the open files those that no thread writes to; used least recently first
        self._begun: list[str] = []
        self._closed: list[LakeFile] = []
        self._discarded = False

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
            for account, pending in self._pending.items():
                self._encode(account, pending)
            while self._idle:
                self._close(self._idle.pop())
            if self._open:
                raise ValueError(f"{self._open} files in {self.folder} were not written to their end")
        except BaseException:
            self._discard()
            raise

    def write(self, rows: pa.RecordBatch) -> None:
        """Add rows (LINE_ITEM_COLUMNS in their order, texts dictionary-coded or plain); any thread may."""
        for account, part in _by_account(_as_written(rows)):
            for due, pending in self._due(account, part):
                self._encode(due, pending)

    def _due(self, account: str, part: pa.RecordBatch) -> list[tuple[str, _Pending]]:
        """Let an account's rows wait; returns what has waited long enough, which nobody else will write."""
        with self._lock:
            self._refuse_the_late()
            pending = self._pending.setdefault(account, _Pending())
            pending.batches.append(part)
            pending.rows += max(part.num_rows, _bytes(part) // WAITING_BYTES_A_ROW)
            due = [account] if pending.rows >= self._most // 2 else []
            left = sum(pending.rows for name, pending in self._pending.items() if name not in due)
            while left > self._most:
                due.append(max(self._pending.keys() - due, key=lambda name: self._pending[name].rows))
                left -= self._pending[due[-1]].rows
            return [(name, self._pending.pop(name)) for name in due]

    def _encode(self, account: str, pending: _Pending) -> None:
        """Write what waited for an account as one row group."""
        table = pa.Table.from_batches(pending.batches, WRITTEN_SCHEMA)
        file = self._file_of(account, table)
        with self._abandoned_on_error(file):
            if len(pending.batches) > 1:
                # Where dictionaries differ between batches, pyarrow's writer gives dictionaries up for the row group.
                table = table.unify_dictionaries()
            file.write(table)
            full = file.bytes >= TARGET_BYTES
            with self._lock:
                self._refuse_the_late()
                if not full:
                    self._idle.append(file)
        if full:
            self._close(file)

    def _file_of(self, account: str, rows: pa.Table) -> OpenFile:
        """A file of the account, which is then nobody else's until it is idle again; a new one is fit for such rows."""
        with self._lock:
            self._refuse_the_late()
            for file in self._idle:
                if file.account == account:
                    self._idle.remove(file)
                    return file
            excess = [self._idle.pop(0)] if self._idle and self._open >= OPEN_FILES else []
            path = f"{self.folder}/{account}-{len(self._begun):05d}.parquet"
            self._begun.append(path)
        for file in excess:
            self._close(file)
        file = OpenFile.begin(self._io, path, account, rows)
        with self._abandoned_on_error(file), self._lock:
            self._refuse_the_late()
            self._open += 1
        return file

    def _close(self, file: OpenFile) -> None:
        """Close a file that no other thread uses."""
        with self._abandoned_on_error(file):
            size = file.close()
            with self._lock:
                self._refuse_the_late()
                self._open -= 1
                self._closed.append(LakeFile(file.path, file.account, file.rows, size))

    def _refuse_the_late(self) -> None:
        if self._discarded:
            raise ValueError(f"what was written to {self.folder} is discarded")

    @contextlib.contextmanager
    def _abandoned_on_error(self, file: OpenFile) -> Iterator[None]:
        """Nobody else closes a file that is in use."""
        try:
            yield
        except BaseException:
            file.abandon()
            self._remove(file.path)
            raise

    def _discard(self) -> None:
        """Best effort: what cannot be removed is an orphan, which harms no reader."""
        with self._lock:
            self._discarded = True
        for file in self._idle:  # what is in use, its thread closes and removes
            file.abandon()
        for path in self._begun:
            self._remove(path)
        for kept in (self._idle, self._begun, self._closed):
            kept.clear()
        self._pending.clear()

    def _remove(self, path: str) -> None:
        with contextlib.suppress(OSError, pa.ArrowException):
            self._io.delete(path)


def _as_written(rows: pa.RecordBatch) -> pa.RecordBatch:
    if rows.schema.names != WRITTEN_SCHEMA.names:
        raise ValueError(f"these are not line items: columns {rows.schema.names}")
    columns = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column.cast(wanted.type)
        for column, wanted in zip(rows.columns, WRITTEN_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=WRITTEN_SCHEMA)


def _bytes(rows: pa.RecordBatch) -> int:
    """What rows take in memory, without the dictionaries, which batches share."""
    return sum(
        (column.offsets.nbytes + column.keys.indices.nbytes + column.items.indices.nbytes)
        if pa.types.is_map(column.type)
        else column.indices.nbytes
        if pa.types.is_dictionary(column.type)
        else column.nbytes
        for column in rows.columns
    )


def _by_account(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    column = rows.column(ACCOUNT)
    codes = pc.unique(column.indices)
    for code in codes:
        account = column.dictionary[code.as_py()].as_py()
        yield account, rows if len(codes) == 1 else rows.filter(pc.equal(column.indices, code))
