"""The lake's one table: opening it, replacing an export's month, planning and reading what it holds.

Iceberg is spoken here and in catalog.py and schema.py only; files are written by writer.py.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from sqlalchemy import Engine, NullPool, create_engine, func, select

from staxpipe.errors import TransientError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA, TEXT
from staxpipe.lake.catalog import TABLE, open_table
from staxpipe.lake.orphans import remove_orphans
from staxpipe.lake.schema import ACCOUNT, EXPORT, PERIOD_START
from staxpipe.lake.writer import LakeFile, LakeWriter
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

__all__ = ["Lake", "LakeFile", "LakeWriter", "PlannedFile"]

_log = logging.getLogger(__name__)

COMMIT_LOCK = 0x57A8_1C03  # any number, the same in every version
COMMIT_ATTEMPTS = 5
BATCH_ROWS = 65_536

# Snapshot properties: what a commit replaced, and by what.
EXPORT_PROPERTY = "staxpipe.export-id"
PERIOD_PROPERTY = "staxpipe.period"
DELIVERY_PROPERTY = "staxpipe.delivery"
FOLDER_PROPERTY = "staxpipe.folder"


@dataclass(frozen=True)
class PlannedFile:
    """One file of the current snapshot: all of its rows are of one export, account and period."""

    path: str
    export_id: int
    billing_account_id: str
    period: BillingPeriod
    rows: int
    bytes: int


class Lake:
    """The Iceberg table of line items. Every call sees the newest commit; safe to use from several processes."""

    def __init__(self, catalog: Catalog, table: Table, engine: Engine) -> None:
        self._catalog = catalog
        self._location = table.location()
        self._io = table.io
        self._engine = engine

    @classmethod
    def open(cls, settings: Settings, engine: Engine) -> Lake:
        """Open the lake that the settings mean; makes the table on first use."""
        return cls(*open_table(settings, engine), engine)

    @property
    def io(self) -> FileIO:
        """What opens the lake's files, wherever they are."""
        return self._io

    def writer(self, export_id: int, period: BillingPeriod, delivery: str) -> LakeWriter:
        """A context manager that writes line items of one delivery to files that no reader sees yet.

        The files' folder tells whose they are, and is never used twice.
        """
        readable = re.sub(r"[^A-Za-z0-9]+", "-", delivery)[:64]
        folder = f"{self.folder_of(export_id, period)}/{readable}-{secrets.token_hex(6)}"
        return LakeWriter(self._io, folder)

    def folder_of(self, export_id: int, period: BillingPeriod) -> str:
        """Below which every file of an export's month lies."""
        return f"{self._location}/data/export-{export_id}/{period}"

    def replace(self, export_id: int, period: BillingPeriod, files: Sequence[LakeFile], delivery: str) -> int:
        """Make these files the export's month, in one atomic commit; returns the snapshot's id.

        Only metadata is written: files that were the month before stay, for older snapshots. No files make the month
        empty. The same files a second time change nothing; the same delivery in new files changes no row.

        Raises:
            TransientError: others kept committing to the table.
            ValueError: a file holds rows of another export, account or period.
        """
        with self._commit_lock():
            for _ in range(COMMIT_ATTEMPTS):
                try:
                    snapshot_id = self._replace(export_id, period, files, delivery)
                    self._remove_orphans(export_id, period)
                    return snapshot_id
                except (CommitFailedException, ValidationException) as error:
                    failure = error  # somebody who does not know our lock was faster; nothing was changed
        raise TransientError(
            f"The lake's table was changed by others {COMMIT_ATTEMPTS} times while {period} of export {export_id} "
            "was to be committed. Nothing was committed; do it again."
        ) from failure

    def _replace(self, export_id: int, period: BillingPeriod, files: Sequence[LakeFile], delivery: str) -> int:
        table = self._table()
        folder = files[0].path.rsplit("/", 1)[0] if files else ""
        current = _last_commit(table, export_id, period)
        if current is not None and _said(current, DELIVERY_PROPERTY, FOLDER_PROPERTY) == (delivery, folder):
            return current.snapshot_id
        before = [file for file in _data_files(table, _month(export_id, period)) if _is_of(file, export_id, period)]
        after = [parquet_file_to_data_file(self._io, table.metadata, file.path) for file in files]
        for data_file, file in zip(after, files, strict=True):
            if not _is_of(data_file, export_id, period) or data_file.partition[1] != file.billing_account_id:
                raise ValueError(f"{file.path} is not of export {export_id}, {file.billing_account_id}, {period}")
        properties = {
            EXPORT_PROPERTY: str(export_id),
            PERIOD_PROPERTY: str(period),
            DELIVERY_PROPERTY: delivery,
            FOLDER_PROPERTY: folder,
        }
        with (
            table.transaction() as transaction,
            transaction.update_snapshot(snapshot_properties=properties).overwrite() as overwrite,
        ):
            for data_file in before:
                overwrite.delete_data_file(data_file)
            for data_file in after:
                overwrite.append_data_file(data_file)
        return overwrite.snapshot_id

    def _remove_orphans(self, export_id: int, period: BillingPeriod) -> None:
        named = {_said(snapshot, FOLDER_PROPERTY)[0] or "" for snapshot in self._table().metadata.snapshots}
        try:
            remove_orphans(self._io, self.folder_of(export_id, period), named)
        except OSError as error:  # the month is committed; orphans harm nobody and are met again next time
            _log.warning("could not remove files that a killed load of %s left: %s", period, error)

    def delivery_of(self, export_id: int, period: BillingPeriod) -> str | None:
        """The delivery that the lake holds for an export's month; None if none ever was committed."""
        commit = _last_commit(self._table(), export_id, period)
        return None if commit is None else _said(commit, DELIVERY_PROPERTY)[0]

    def plan(self, *, account: str | None = None, period: BillingPeriod | None = None) -> list[PlannedFile]:
        """The files of the current snapshot, of one account or period where asked; from metadata only."""
        conditions: list[BooleanExpression] = []
        if account is not None:
            conditions.append(EqualTo(term=Reference(ACCOUNT), value=literal(account)))
        if period is not None:
            conditions.append(_within(period))
        wanted = conditions[0] if len(conditions) == 1 else And(*conditions) if conditions else None
        planned = [_planned(file) for file in _data_files(self._table(), wanted)]
        return sorted(planned, key=lambda file: (file.period, file.billing_account_id, file.path))

    def has_one_schema(self) -> bool:
        """Whether every file has the same columns: no column was ever added."""
        return len(self._table().schemas()) == 1

    def batches(self, export_id: int, period: BillingPeriod, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of an export's month as it is now, in batches; text columns dictionary-coded."""
        files = [file for file in self.plan(period=period) if file.export_id == export_id]
        return self.read(files, columns)

    def read(self, files: Sequence[PlannedFile], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of some files, in batches; a column that a file does not have yet is null."""
        coded = [name for name in columns if LINE_ITEM_SCHEMA.field(name).type == TEXT]
        for file in files:
            with (
                self._io.new_input(file.path).open() as source,
                pq.ParquetFile(source, read_dictionary=coded) as parquet,
            ):
                there = [name for name in columns if name in parquet.schema_arrow.names]
                for batch in parquet.iter_batches(BATCH_ROWS, columns=there):
                    yield _with_columns(batch, columns)

    def _table(self) -> Table:
        return self._catalog.load_table(TABLE)

    def _commit_lock(self) -> _CommitLock:
        return _CommitLock(self._engine)


class _CommitLock:
    """One commit at a time, across processes. It goes with its connection, so a killed process never leaves it."""

    def __init__(self, engine: Engine) -> None:
        # A connection of its own: waiting for the lock must not use up the pool that its holder needs to commit.
        self._engine = create_engine(engine.url, poolclass=NullPool)

    def __enter__(self) -> None:
        self._connection = self._engine.connect()
        self._connection.execute(select(func.pg_advisory_xact_lock(COMMIT_LOCK)))

    def __exit__(self, *_error: object) -> None:
        self._connection.close()


def _within(period: BillingPeriod) -> BooleanExpression:
    # A range, not equality: it is exactly a partition, whatever statistics a file has.
    first = GreaterThanOrEqual(term=Reference(PERIOD_START), value=literal(period.start))
    return And(first, LessThan(term=Reference(PERIOD_START), value=literal(period.end)))


def _month(export_id: int, period: BillingPeriod) -> BooleanExpression:
    return And(EqualTo(term=Reference(EXPORT), value=literal(str(export_id))), _within(period))


def _data_files(table: Table, wanted: BooleanExpression | None) -> list[DataFile]:
    scan = table.scan() if wanted is None else table.scan(row_filter=wanted)
    return [task.file for task in scan.plan_files()]


def _period_of(file: DataFile) -> BillingPeriod:
    months = file.partition[2]  # since January 1970
    return BillingPeriod(1970 + months // 12, 1 + months % 12)


def _is_of(file: DataFile, export_id: int, period: BillingPeriod) -> bool:
    return bool(file.partition[0] == str(export_id)) and _period_of(file) == period


def _planned(file: DataFile) -> PlannedFile:
    return PlannedFile(
        path=file.file_path,
        export_id=int(file.partition[0]),
        billing_account_id=file.partition[1],
        period=_period_of(file),
        rows=file.record_count,
        bytes=file.file_size_in_bytes,
    )


def _said(snapshot: Snapshot, *names: str) -> tuple[str | None, ...]:
    properties = snapshot.summary.additional_properties if snapshot.summary is not None else {}
    return tuple(properties.get(name) for name in names)


def _last_commit(table: Table, export_id: int, period: BillingPeriod) -> Snapshot | None:
    """The newest commit in the table's line of history that replaced this month."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in table.metadata.snapshots}
    snapshot = table.current_snapshot()
    while snapshot is not None:
        if _said(snapshot, EXPORT_PROPERTY, PERIOD_PROPERTY) == (str(export_id), str(period)):
            return snapshot
        snapshot = by_id.get(snapshot.parent_snapshot_id) if snapshot.parent_snapshot_id is not None else None
    return None


def _with_columns(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    there = set(batch.schema.names)
    return pa.RecordBatch.from_arrays(
        [
            batch.column(name) if name in there else pa.nulls(batch.num_rows, LINE_ITEM_SCHEMA.field(name).type)
            for name in columns
        ],
        names=list(columns),
    )
