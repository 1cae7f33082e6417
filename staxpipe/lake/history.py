"""What the table's snapshots say of themselves, and which of them may be forgotten. Pure.

A snapshot is the state of the whole table after one commit. Every commit of ours replaces one export's month and says
so in its properties. What months held longer ago than the snapshots reach is in states.py. Only a beginning of the
history is ever expired, so that what is left is one unbroken line.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

# Snapshot properties: what a commit replaced, and by what.
EXPORT_PROPERTY = "staxpipe.export-id"
PERIOD_PROPERTY = "staxpipe.period"
DELIVERY_PROPERTY = "staxpipe.delivery"
FOLDER_PROPERTY = "staxpipe.folder"

KEPT_SNAPSHOTS = 20
"""Each commit writes all of them again, and reads them several times."""


def said(snapshot: Snapshot, *names: str) -> tuple[str | None, ...]:
    """A snapshot's properties; None for those that it does not have."""
    properties = snapshot.summary.additional_properties if snapshot.summary is not None else {}
    return tuple(properties.get(name) for name in names)


def line(metadata: TableMetadata) -> list[Snapshot]:
    """The current snapshot, and those that it came from, newest first."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    snapshots: list[Snapshot] = []
    following = metadata.current_snapshot_id
    while following is not None and (snapshot := by_id.get(following)) is not None:
        snapshots.append(snapshot)
        following = snapshot.parent_snapshot_id
    return snapshots


def surplus(metadata: TableMetadata, kept: int = KEPT_SNAPSHOTS) -> list[Snapshot]:
    """The snapshots of the line beyond its newest few, but for what a branch or a tag points at."""
    return _unprotected(metadata, line(metadata)[kept:])


def outlived(metadata: TableMetadata, before: datetime) -> list[Snapshot]:
    """The snapshots that were no longer the table's state at a moment: the table stays readable as of any later one.

    Others that are kept: what a branch or a tag of somebody else's points at.
    """
    horizon = int(before.timestamp() * 1000)
    snapshots = line(metadata)
    superseded = [old for new, old in itertools.pairwise(snapshots) if new.timestamp_ms < horizon]
    on_line = {snapshot.snapshot_id for snapshot in snapshots}
    strays = [
        snapshot
        for snapshot in metadata.snapshots
        if snapshot.snapshot_id not in on_line and snapshot.timestamp_ms < horizon
    ]
    return _unprotected(metadata, [*superseded, *strays])


def past(metadata: TableMetadata) -> list[Snapshot]:
    """Every snapshot but the current one, and what a branch or a tag points at."""
    current = metadata.current_snapshot_id
    return _unprotected(metadata, [snapshot for snapshot in metadata.snapshots if snapshot.snapshot_id != current])


def roots(metadata: TableMetadata) -> list[Snapshot]:
    """Snapshots whose files nothing else accounts for: those without a parent that is kept, and those of others.

    All files of the rest are files of these, or lie in a folder that a snapshot's properties name.
    """
    kept = {snapshot.snapshot_id for snapshot in metadata.snapshots}
    return [
        snapshot
        for snapshot in metadata.snapshots
        if snapshot.parent_snapshot_id not in kept or said(snapshot, FOLDER_PROPERTY) == (None,)
    ]


def _unprotected(metadata: TableMetadata, snapshots: list[Snapshot]) -> list[Snapshot]:
    protected = {ref.snapshot_id for ref in metadata.refs.values()}
    return [snapshot for snapshot in snapshots if snapshot.snapshot_id not in protected]
