"""What each export's month held and when, in Postgres beside the table's catalog, so that a commit's cost is constant.

Iceberg writes every snapshot that it keeps into the metadata of every commit: three months of restatements of a hundred
exports are twenty thousand. So the table keeps a few snapshots (see history.py), and what a delivery put into its month
is kept here, with its files, for as long as the lake can be read as of it. A snapshot's own properties are the truth:
a process that is killed between its commit and this table leaves what `catch_up` finds.

Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, select, text, update

from staxpipe.db.tables import lake_states
from staxpipe.lake.history import DELIVERY_PROPERTY, EXPORT_PROPERTY, FOLDER_PROPERTY, PERIOD_PROPERTY, line, said
from staxpipe.lake.planning import PlannedFile
from staxpipe.model import BillingPeriod


@dataclass(frozen=True)
class MonthState:
    """A delivery that an export's month holds or held."""

    delivery: str
    folder: str  # of its files; '' if it has none
    snapshot_id: int  # of the commit that put it there


@dataclass(frozen=True)
class HeldDelivery:
    """A delivery that the lake can be read as of."""

    export_id: int
    period: BillingPeriod
    delivery: str


FilesOf = Callable[[Snapshot, int, BillingPeriod], Sequence[PlannedFile]]
"""The files that a snapshot has of an export's month."""


def is_behind(connection: Connection, metadata: TableMetadata) -> bool:
    """Whether this table does not say yet what the Iceberg table's snapshots say, or says more than they."""
    undone = connection.execute(select(exists().where(_undone(metadata)))).scalar_one()
    return undone or bool(_later(metadata, _newest(connection)))


def catch_up(connection: Connection, metadata: TableMetadata, files_of: FilesOf) -> None:
    """Put down every commit that is not here yet, and take away those that are the table's past no longer.

    For whoever holds the lock of commits, with the newest metadata: that of a moment ago would take away what is new.
    """
    if connection.execute(delete(lake_states).where(_undone(metadata))).rowcount:
        connection.execute(text(_REOPEN))
    for snapshot in reversed(_later(metadata, _newest(connection))):
        export, period, delivery, folder = said(
            snapshot, EXPORT_PROPERTY, PERIOD_PROPERTY, DELIVERY_PROPERTY, FOLDER_PROPERTY
        )
        month = BillingPeriod.parse(period or "")
        files = files_of(snapshot, int(export or 0), month)
        _record(connection, snapshot, int(export or 0), month, delivery or "", folder or "", files)


_REOPEN = """
UPDATE lake_states AS last SET over_at = NULL
WHERE over_at IS NOT NULL AND NOT EXISTS (
  SELECT FROM lake_states AS later
  WHERE later.export_id = last.export_id AND later.period = last.period AND later.sequence > last.sequence)
"""


def current(connection: Connection, export_id: int, period: BillingPeriod) -> MonthState | None:
    """What an export's month holds; None if nothing was ever committed to it."""
    row = connection.execute(
        select(lake_states.c.delivery, lake_states.c.folder, lake_states.c.snapshot_id).where(
            lake_states.c.export_id == export_id,
            lake_states.c.period == str(period),
            lake_states.c.over_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else MonthState(row.delivery, row.folder, row.snapshot_id)


def files_of_delivery(
    connection: Connection, export_id: int, period: BillingPeriod, delivery: str
) -> list[PlannedFile] | None:
    """The files that a delivery put into an export's month, the last time; None if that is not here (any more)."""
    row = connection.execute(
        select(lake_states.c.files)
        .where(
            lake_states.c.export_id == export_id,
            lake_states.c.period == str(period),
            lake_states.c.delivery == delivery,
        )
        .order_by(lake_states.c.sequence.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _planned(row, export_id, period)


def held(connection: Connection) -> set[HeldDelivery]:
    """Every delivery that the lake can be read as of."""
    rows = connection.execute(select(lake_states.c.export_id, lake_states.c.period, lake_states.c.delivery))
    return {HeldDelivery(row.export_id, BillingPeriod.parse(row.period), row.delivery) for row in rows}


def folders(connection: Connection, month: tuple[int, BillingPeriod] | None = None) -> set[str]:
    """The folders of the files of every delivery that is here, of one export's month or of all."""
    query = select(lake_states.c.folder)
    if month is not None:
        query = query.where(lake_states.c.export_id == month[0], lake_states.c.period == str(month[1]))
    return set(connection.execute(query).scalars())


def forget(connection: Connection, before: datetime) -> None:
    """Drop what was over before a moment; a month as it is now stays."""
    connection.execute(delete(lake_states).where(lake_states.c.over_at < before))


def erase(connection: Connection, exports: Collection[int]) -> None:
    """Forget all that exports ever put into the lake; for whoever took it out of the table, and out of its past."""
    connection.execute(delete(lake_states).where(lake_states.c.export_id.in_(exports)))


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(lake_states.c.sequence))).scalar_one() or 0


def _undone(metadata: TableMetadata) -> ColumnElement[bool]:
    """What is here of commits that are the table's past no longer: it was rolled back, went on from there, or is new.

    What is older than the oldest snapshot of the line cannot be told from it, and is believed.
    """
    snapshots = line(metadata)
    oldest = snapshots[-1].sequence_number or 0 if snapshots else 0
    known = [snapshot.snapshot_id for snapshot in snapshots]
    return and_(lake_states.c.sequence >= oldest, lake_states.c.snapshot_id.not_in(known))


def _later(metadata: TableMetadata, sequence: int) -> list[Snapshot]:
    """Our commits after one of that number, newest first."""
    return [
        snapshot
        for snapshot in line(metadata)
        if (snapshot.sequence_number or 0) > sequence and said(snapshot, EXPORT_PROPERTY)[0]
    ]


def _record(
    connection: Connection,
    snapshot: Snapshot,
    export_id: int,
    period: BillingPeriod,
    delivery: str,
    folder: str,
    files: Sequence[PlannedFile],
) -> None:
    moment = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
    connection.execute(
        update(lake_states)
        .where(
            lake_states.c.export_id == export_id,
            lake_states.c.period == str(period),
            lake_states.c.over_at.is_(None),
        )
        .values(over_at=moment)
    )
    connection.execute(
        insert(lake_states).values(
            sequence=snapshot.sequence_number,
            snapshot_id=snapshot.snapshot_id,
            export_id=export_id,
            period=str(period),
            delivery=delivery,
            folder=folder,
            files=[[file.path, file.billing_account_id, file.rows, file.bytes] for file in files],
            committed_at=moment,
        )
    )


def _planned(row: Row[tuple[object]], export_id: int, period: BillingPeriod) -> list[PlannedFile]:
    return [
        PlannedFile(path=path, export_id=export_id, billing_account_id=account, period=period, rows=rows, bytes=bytes_)
        for path, account, rows, bytes_ in row.files
    ]
