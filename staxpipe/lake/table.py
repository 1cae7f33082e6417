"""The lake's one table: opening it, replacing an export's month, planning and reading what it holds, forgetting.

Iceberg is spoken here and in catalog.py, schema.py, manifests.py, history.py, needed.py, planning.py and erasure.py;
files are written by writer.py.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import And, BooleanExpression, EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots
from sqlalchemy import Connection, Engine

from staxpipe.errors import TransientError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA, TEXT
from staxpipe.lake import erasure, history, states
from staxpipe.lake.catalog import TABLE, open_table
from staxpipe.lake.commit_lock import CommitLock
from staxpipe.lake.erasure import Holding
from staxpipe.lake.manifests import CommitTransaction, Replacement
from staxpipe.lake.needed import data_files, needed_folders, needed_manifests
from staxpipe.lake.orphans import remove_manifests, remove_orphans
from staxpipe.lake.planning import PlannedFile, is_of, of_month, planned, within
from staxpipe.lake.schema import ACCOUNT
from staxpipe.lake.states import HeldDelivery
from staxpipe.lake.writer import ROW_GROUP_ROWS, LakeFile, LakeWriter
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

__all__ = ["HeldDelivery", "Holding", "Lake", "LakeFile", "LakeWriter", "PlannedFile"]

_log = logging.getLogger(__name__)

COMMIT_ATTEMPTS = 5
BATCH_ROWS = 65_536


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

    def writer(
        self, export_id: int, period: BillingPeriod, delivery: str, batch_rows: int = ROW_GROUP_ROWS
    ) -> LakeWriter:
        """A context manager that writes line items of one delivery to files that no reader sees yet.

        The files' folder tells whose they are, and is never used twice. `batch_rows`: the most rows written at once.
        """
        readable = re.sub(r"[^A-Za-z0-9]+", "-", delivery)[:64]
        folder = f"{self.folder_of(export_id, period)}/{readable}-{secrets.token_hex(6)}"
        return LakeWriter(self._io, folder, batch_rows)

    def folder_of(self, export_id: int, period: BillingPeriod) -> str:
        """Below which every file of an export's month lies."""
        return f"{self._folder_of_export(export_id)}/{period}"

    def _folder_of_export(self, export_id: int) -> str:
        return f"{self._location}/data/export-{export_id}"

    def replace(self, export_id: int, period: BillingPeriod, files: Sequence[LakeFile], delivery: str) -> int:
        """Make these files the export's month, in one atomic commit; returns the snapshot's id.

        Only metadata is written: files that were the month before stay, for older snapshots. No files make the month
        empty. The same files a second time change nothing; the same delivery in new files changes no row.

        Raises:
            TransientError: others kept committing to the table.
            ValueError: a file holds rows of another export, account or period.
        """
        with CommitLock(self._engine):
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
        with self._engine.begin() as connection:
            self._catch_up(connection, table)
            current = states.current(connection, export_id, period)
        if current is not None and (current.delivery, current.folder) == (delivery, folder):
            return current.snapshot_id
        before = [file for file in data_files(table, of_month(export_id, period)) if is_of(file, export_id, period)]
        after = [parquet_file_to_data_file(self._io, table.metadata, file.path) for file in files]
        for data_file, file in zip(after, files, strict=True):
            if not is_of(data_file, export_id, period) or data_file.partition[1] != file.billing_account_id:
                raise ValueError(f"{file.path} is not of export {export_id}, {file.billing_account_id}, {period}")
        properties = {
            history.EXPORT_PROPERTY: str(export_id),
            history.PERIOD_PROPERTY: str(period),
            history.DELIVERY_PROPERTY: delivery,
            history.FOLDER_PROPERTY: folder,
        }
        with CommitTransaction(table) as transaction:
            with Replacement.begun(transaction, properties) as overwrite:
                for data_file in before:
                    overwrite.delete_data_file(data_file)
                for data_file in after:
                    overwrite.append_data_file(data_file)
            _expire(transaction, history.surplus(transaction.table_metadata))
        with self._engine.begin() as connection:
            self._catch_up(connection, table)
        return overwrite.snapshot_id

    def _remove_orphans(self, export_id: int, period: BillingPeriod) -> None:
        try:
            with self._engine.connect() as connection:
                known = states.folders(connection, (export_id, period))
            remove_orphans(
                self._io,
                self.folder_of(export_id, period),
                known,
                needed=lambda: needed_folders(self._table(), of_month(export_id, period)),
            )
        except OSError as error:  # the month is committed; orphans harm nobody and are met again next time
            _log.warning("could not remove files that a killed load of %s left: %s", period, error)

    def delivery_of(self, export_id: int, period: BillingPeriod) -> str | None:
        """The delivery that the lake holds for an export's month; None if none ever was committed."""
        with self._states() as connection:
            state = states.current(connection, export_id, period)
        return None if state is None else state.delivery

    def folder_held(self, export_id: int, period: BillingPeriod) -> str | None:
        """The folder of the files that an export's month holds now; None if it holds none."""
        with self._states() as connection:
            state = states.current(connection, export_id, period)
        return None if state is None else state.folder or None

    def deliveries_held(self) -> set[HeldDelivery]:
        """Every delivery that the lake can be read as of: the current ones, and earlier ones that are kept."""
        with self._states() as connection:
            return states.held(connection)

    def files_of_delivery(self, export_id: int, period: BillingPeriod, delivery: str) -> list[PlannedFile] | None:
        """The files of an export's month as of one of its deliveries; None if the lake does not hold that (any more).

        Of a delivery that was committed several times, the files of the last time.
        """
        with self._states() as connection:
            return states.files_of_delivery(connection, export_id, period, delivery)

    def expire(self, before: datetime) -> int:
        """Forget the table's states that were over before a moment; returns how many of its snapshots that were.

        Every month stays as it is, and readable as of every delivery that it still held at that moment. Files are
        left: `remove_unneeded` removes them. Most snapshots went long before, with later commits.

        Raises:
            TransientError: others kept committing to the table.
        """
        with CommitLock(self._engine):
            for _ in range(COMMIT_ATTEMPTS):
                table = self._table()
                with self._engine.begin() as connection:
                    self._catch_up(connection, table)
                    states.forget(connection, before)
                expiring = history.outlived(table.metadata, before)
                if not expiring:
                    return 0
                try:
                    with CommitTransaction(table) as transaction:
                        _expire(transaction, expiring)
                    return len(expiring)
                except CommitFailedException as error:
                    failure = error
        raise TransientError(
            f"The lake's table was changed by others {COMMIT_ATTEMPTS} times while old snapshots were to be expired. "
            "None was; the next round tries again."
        ) from failure

    def remove_unneeded(self, now: datetime | None = None) -> int:
        """Delete files of ours that no snapshot needs and that are a day old; returns how many data files those were.

        They are of expired snapshots and of killed loads. Whoever is killed here leaves some for the next time.
        """
        with self._states() as connection:
            known = states.folders(connection)
        removed = remove_orphans(
            self._io, f"{self._location}/data", known, now, needed=lambda: needed_folders(self._table())
        )
        table = self._table()
        remove_manifests(self._io, f"{self._location}/metadata", needed_manifests(table), now)
        return removed

    def holding(self, exports: Collection[int]) -> Holding:
        """What the lake has of some exports, in its table, its past and its storage."""
        folders = [self._folder_of_export(number) for number in exports]
        deliveries = sum(held.export_id in exports for held in self.deliveries_held())
        return erasure.holding(self._table(), self._io, folders, exports, deliveries)

    def erase(self, exports: Collection[int]) -> None:
        """Take exports out of the table, its past and its storage; nobody may be loading them.

        What others hold, and every earlier delivery of theirs, stays. Whoever is killed here does the rest next time.

        Raises:
            TransientError: others kept committing to the table.
            PermanentError: somebody's branch or tag keeps the rows.
        """
        if not exports:
            return
        try:
            with CommitLock(self._engine):
                with self._engine.begin() as connection:
                    self._catch_up(connection, self._table())
                erasure.take_out(self._table(), exports)
                erasure.settle(self._table(), self._io, exports)
                erasure.forget_past(self._table(), self._io, exports)
                with self._engine.begin() as connection:
                    states.erase(connection, exports)
        except (CommitFailedException, ValidationException) as error:
            raise TransientError(
                "The lake's table was changed by others while data was to be deleted from it. Do it again."
            ) from error
        for number in exports:
            erasure.remove_files(self._io, self._folder_of_export(number))

    def plan(self, *, account: str | None = None, period: BillingPeriod | None = None) -> list[PlannedFile]:
        """The files of the current snapshot, of one account or period where asked; from metadata only."""
        conditions: list[BooleanExpression] = []
        if account is not None:
            conditions.append(EqualTo(term=Reference(ACCOUNT), value=literal(account)))
        if period is not None:
            conditions.append(within(period))
        wanted = conditions[0] if len(conditions) == 1 else And(*conditions) if conditions else None
        return planned(data_files(self._table(), wanted))

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

    @contextmanager
    def _states(self) -> Iterator[Connection]:
        """A connection by which states.py says what the newest commit made true."""
        with self._engine.connect() as connection:
            behind = states.is_behind(connection, self._table().metadata)
        if behind:  # a commit is being put down at this moment, or whoever did it was killed before
            with CommitLock(self._engine), self._engine.begin() as connection:
                self._catch_up(connection, self._table())
        with self._engine.connect() as connection:
            yield connection

    def _catch_up(self, connection: Connection, table: Table) -> None:
        """Put down what the table's commits did; for whoever holds the lock of commits."""

        def files_of(snapshot: Snapshot, export_id: int, period: BillingPeriod) -> list[PlannedFile]:
            files = data_files(table, of_month(export_id, period), snapshot.snapshot_id)
            return planned(file for file in files if is_of(file, export_id, period))

        states.catch_up(connection, table.metadata, files_of)


def _expire(transaction: Transaction, snapshots: list[Snapshot]) -> None:
    if snapshots:
        ExpireSnapshots(transaction).by_ids([snapshot.snapshot_id for snapshot in snapshots]).commit()


def _with_columns(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    there = set(batch.schema.names)
    return pa.RecordBatch.from_arrays(
        [
            batch.column(name) if name in there else pa.nulls(batch.num_rows, LINE_ITEM_SCHEMA.field(name).type)
            for name in columns
        ],
        names=list(columns),
    )
