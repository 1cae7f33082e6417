"""What the table's snapshots say about the past: which delivery a month held and when, and what may be forgotten. Pure.

A snapshot is the state of the whole table after one commit. Every commit of ours replaces one export's month and says
so in its properties; a month holds what its last commit put there, in that snapshot and in all that follow. When a
commit is expired, what it said goes into a property of the table, because the files that it added may still be there.
Only a beginning of the history is ever expired, so that what is left is one unbroken line.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from staxpipe.model import BillingPeriod

# Snapshot properties: what a commit replaced, and by what.
EXPORT_PROPERTY = "staxpipe.export-id"
PERIOD_PROPERTY = "staxpipe.period"
DELIVERY_PROPERTY = "staxpipe.delivery"
FOLDER_PROPERTY = "staxpipe.folder"

# Table property of a month whose commit was expired: what that commit said, as JSON.
EXPIRED_COMMIT = "staxpipe.expired-commit."


@dataclass(frozen=True)
class MonthState:
    """A delivery that an export's month held, and the newest snapshot in which it does."""

    delivery: str
    folder: str  # of its files; '' if it has none
    snapshot: Snapshot


@dataclass(frozen=True)
class HeldDelivery:
    """A delivery that the lake can be read as of."""

    export_id: int
    period: BillingPeriod
    delivery: str


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


def states(metadata: TableMetadata, export_id: int, period: BillingPeriod) -> Iterator[MonthState]:
    """What an export's month holds now and held before, newest first, as far back as the lake can be read."""
    month = (str(export_id), str(period))
    holder: Snapshot | None = None
    for snapshot in line(metadata):
        holder = holder or snapshot
        if said(snapshot, EXPORT_PROPERTY, PERIOD_PROPERTY) == month:
            delivery, folder = said(snapshot, DELIVERY_PROPERTY, FOLDER_PROPERTY)
            yield MonthState(delivery or "", folder or "", holder)
            holder = None
    expired = metadata.properties.get(_key(*month))
    if holder is not None and expired is not None:
        commit = json.loads(expired)
        yield MonthState(commit["delivery"], commit["folder"], holder)


def held(metadata: TableMetadata) -> set[HeldDelivery]:
    """Every delivery that the lake can be read as of."""
    snapshots = line(metadata)
    found: set[HeldDelivery] = set()
    for snapshot in snapshots:
        export, period, delivery = said(snapshot, EXPORT_PROPERTY, PERIOD_PROPERTY, DELIVERY_PROPERTY)
        if export and period:
            found.add(HeldDelivery(int(export), BillingPeriod.parse(period), delivery or ""))
    # What an expired commit put into a month, the oldest snapshot still holds, unless it replaced that itself.
    replaced = _key(*said(snapshots[-1], EXPORT_PROPERTY, PERIOD_PROPERTY)) if snapshots else ""
    for key, value in metadata.properties.items():
        if key.startswith(EXPIRED_COMMIT) and key != replaced:
            export, _, period = key.removeprefix(EXPIRED_COMMIT).partition("/")
            found.add(HeldDelivery(int(export), BillingPeriod.parse(period), json.loads(value)["delivery"]))
    return found


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
    protected = {ref.snapshot_id for ref in metadata.refs.values()}
    return [snapshot for snapshot in (*superseded, *strays) if snapshot.snapshot_id not in protected]


def epitaphs(metadata: TableMetadata, expiring: list[Snapshot]) -> dict[str, str]:
    """Table properties that keep what expiring commits say: of each month, what the newest of them does."""
    ids = {snapshot.snapshot_id for snapshot in expiring}
    properties: dict[str, str] = {}
    # Also of those behind one that expires which somebody's tag keeps: the line ends before them.
    for snapshot in itertools.dropwhile(lambda snapshot: snapshot.snapshot_id not in ids, line(metadata)):
        export, period, delivery, folder = said(
            snapshot, EXPORT_PROPERTY, PERIOD_PROPERTY, DELIVERY_PROPERTY, FOLDER_PROPERTY
        )
        if export and period:
            commit = json.dumps({"delivery": delivery or "", "folder": folder or ""}, ensure_ascii=False)
            properties.setdefault(_key(export, period), commit)
    return properties


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


def _key(export: str | None, period: str | None) -> str:
    return f"{EXPIRED_COMMIT}{export}/{period}"
