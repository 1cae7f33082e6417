"""Which files the table's snapshots need, read from their manifests: what may never be removed."""

from __future__ import annotations

from pyiceberg.expressions import BooleanExpression
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from staxpipe.lake.history import FOLDER_PROPERTY, roots, said


def data_files(table: Table, wanted: BooleanExpression | None = None, snapshot_id: int | None = None) -> list[DataFile]:
    """The data files of a snapshot (the current one where none is named), planned from metadata only."""
    scan = table.scan(snapshot_id=snapshot_id) if wanted is None else table.scan(wanted, snapshot_id=snapshot_id)
    return [task.file for task in scan.plan_files()]


def needed_folders(table: Table, wanted: BooleanExpression | None = None) -> set[str]:
    """The folders of every data file of every snapshot, of one month or all.

    What snapshots name, and where the files of the roots lie: a month whose commit was expired is named by nobody.
    """
    named = {said(snapshot, FOLDER_PROPERTY)[0] or "" for snapshot in table.metadata.snapshots}
    for root in roots(table.metadata):
        named |= {file.file_path.rsplit("/", 1)[0] for file in data_files(table, wanted, root.snapshot_id)}
    return named


def needed_manifests(table: Table) -> set[str]:
    """Every snapshot's list of manifests, and every manifest in one of these."""
    lists = {snapshot.manifest_list for snapshot in table.metadata.snapshots}
    return lists | {
        manifest.manifest_path for snapshot in table.metadata.snapshots for manifest in snapshot.manifests(table.io)
    }
