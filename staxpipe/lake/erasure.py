"""Taking exports out of the lake for good: out of the table, out of its past, and off the storage.

What other exports have stays, with every delivery that can still be read: their past is in states.py and in files that
nothing here touches. Iceberg's own older snapshots, which are of the whole table, all go: they hold what is erased.

Every step finds what an earlier attempt that was killed has left, and does the rest. Each is for whoever holds the lock
of commits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from pyiceberg.expressions import In, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots

from staxpipe.errors import PermanentError
from staxpipe.lake.history import EXPORT_PROPERTY, past, said
from staxpipe.lake.manifests import CommitTransaction, Replacement, live_files
from staxpipe.lake.needed import data_files
from staxpipe.lake.orphans import files_below
from staxpipe.lake.schema import EXPORT

ERASED_PROPERTY = "staxpipe.erased-exports"


@dataclass(frozen=True)
class Holding:
    """What the lake has of some exports: files of any kind on the storage, and snapshots of the table with their rows.

    `rows` are those of the newest snapshot: what readers see. `deliveries` can be read, today's and earlier ones.
    """

    files: int = 0
    bytes: int = 0
    rows: int = 0
    snapshots: int = 0
    deliveries: int = 0


def holding(table: Table, io: FileIO, folders: Collection[str], exports: Collection[int], deliveries: int) -> Holding:
    """Count what there is of exports, whose files lie below these folders; `deliveries` states.py knows."""
    stored = [file for folder in folders for _, file in files_below(io, folder)]
    current = table.metadata.current_snapshot_id
    rows = {snapshot.snapshot_id: _rows(table, exports, snapshot) for snapshot in table.metadata.snapshots}
    return Holding(
        files=len(stored),
        bytes=sum(file.size or 0 for file in stored),
        rows=0 if current is None else rows[current] or 0,
        snapshots=sum(found is not None for found in rows.values()),
        deliveries=deliveries,
    )


def take_out(table: Table, exports: Collection[int]) -> None:
    """Commit the table without the exports' files."""
    files = _files_of(table, exports)
    if files:
        with CommitTransaction(table) as transaction, _replacement(transaction, exports) as overwrite:
            for file in files:
                overwrite.delete_data_file(file)


def settle(table: Table, io: FileIO, exports: Collection[int]) -> None:
    """Commit the table without a list of what was taken out of it, which has its smallest and largest values.

    Nor may the newest commit be one of theirs: states.py would put it down again.
    """
    current = table.current_snapshot()
    if current is None:
        return
    theirs = said(current, EXPORT_PROPERTY)[0] in {str(export) for export in exports}
    if theirs or not all(live_files(manifest) for manifest in current.manifests(io)):
        with CommitTransaction(table) as transaction, _replacement(transaction, exports):
            pass


def forget_past(table: Table, io: FileIO, exports: Collection[int]) -> None:
    """Delete every older snapshot, and the lists of files that only those have.

    The lists go before the snapshots that name them: a snapshot that is gone would tell nobody which they were.

    Raises:
        PermanentError: somebody's branch or tag keeps the exports' rows.
    """
    outdated = past(table.metadata)
    ids = {snapshot.snapshot_id for snapshot in outdated}
    kept = [snapshot for snapshot in table.metadata.snapshots if snapshot.snapshot_id not in ids]
    _refuse_kept(table, exports, kept)
    needed = {manifest.manifest_path for snapshot in kept for manifest in snapshot.manifests(io)}
    for snapshot in outdated:
        for path in _manifest_paths(snapshot, io):
            if path not in needed:
                _delete(io, path)
        _delete(io, snapshot.manifest_list)
    if outdated:
        with CommitTransaction(table) as transaction:
            ExpireSnapshots(transaction).by_ids(sorted(ids)).commit()


def remove_files(io: FileIO, folder: str) -> None:
    """Delete every file below a folder."""
    for filesystem, file in files_below(io, folder):
        with contextlib.suppress(FileNotFoundError):
            filesystem.delete_file(file.path)


def _replacement(transaction: Transaction, exports: Collection[int]) -> Replacement:
    return Replacement.begun(transaction, {ERASED_PROPERTY: ",".join(str(export) for export in sorted(exports))})


def _files_of(table: Table, exports: Collection[int], snapshot: Snapshot | None = None) -> list[DataFile]:
    names = {str(export) for export in exports}
    if not names:
        return []
    wanted = In(term=Reference(EXPORT), values={literal(name) for name in names})
    found = data_files(table, wanted, None if snapshot is None else snapshot.snapshot_id)
    return [file for file in found if file.partition[0] in names]


def _rows(table: Table, exports: Collection[int], snapshot: Snapshot) -> int | None:
    """How many rows of the exports a snapshot has; None where it has no file of them."""
    files = _files_of(table, exports, snapshot)
    return sum(file.record_count for file in files) if files else None


def _refuse_kept(table: Table, exports: Collection[int], kept: Collection[Snapshot]) -> None:
    holders = {snapshot.snapshot_id for snapshot in kept if _files_of(table, exports, snapshot)}
    names = sorted(name for name, ref in table.metadata.refs.items() if ref.snapshot_id in holders)
    if names:
        raise PermanentError(
            f"The lake's branches or tags {', '.join(names)} keep the rows that are to be deleted. staxpipe makes "
            "none: remove them with the tool that did; the deletion then goes on by itself."
        )


def _manifest_paths(snapshot: Snapshot, io: FileIO) -> list[str]:
    """What a snapshot's list names; nothing where an attempt that was killed had removed the list already."""
    try:
        return [manifest.manifest_path for manifest in snapshot.manifests(io)]
    except FileNotFoundError:
        return []


def _delete(io: FileIO, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        io.delete(path)
