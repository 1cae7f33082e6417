"""A commit whose cost does not grow with the table: how it writes the lists of files (manifests) that Iceberg keeps.

pyiceberg's own overwrite adds two manifests a commit and never takes one of those away that tell what was removed;
its merging is for appends only, and puts months together that are then rewritten whenever one of them is. So a month
of all exports has a few manifests of its own: a commit touches those only, and a plan of a month opens no other.
"""

from __future__ import annotations

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import ManifestContent, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import update_table_metadata
from pyiceberg.table.update.snapshot import _ManifestMergeManager, _OverwriteFiles
from pyiceberg.types import IntegerType

MONTH_FIELD = 2  # of the partition spec, see schema.py

SMALL = 32
"""Files from which on a manifest is left as it is: a commit that replaces one of them writes the others again."""

FEW = 6
"""Small manifests that a month may have before they become one."""


class CommitTransaction(Transaction):
    """A transaction that works its metadata out once for each change, not (a full copy) for each look at it."""

    _seen: tuple[object, object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The table as it will be."""
        base = self._table.metadata
        if self._seen is None or self._seen[0] is not base or self._seen[1] is not self._updates:
            self._seen = (base, self._updates, update_table_metadata(base, self._updates))
        return self._seen[2]


class Replacement(_OverwriteFiles):
    """An overwrite that leaves no manifest without files, and few small ones of the months that it changes."""

    @classmethod
    def begun(cls, transaction: Transaction, properties: dict[str, str]) -> Replacement:
        """An overwrite of the table's main branch; a context that stages it when it is left."""
        first = transaction.table_metadata.current_snapshot() is None
        return cls(
            operation=Operation.APPEND if first else Operation.OVERWRITE,
            transaction=transaction,
            io=transaction._table.io,
            snapshot_properties=properties,
        )

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        live = [manifest for manifest in manifests if live_files(manifest) or self._is_own(manifest)]
        touched = {month_of(manifest) for manifest in live if self._is_own(manifest)} - {None}
        small = [
            manifest
            for manifest in live
            if manifest.content == ManifestContent.DATA
            and 0 < live_files(manifest) < SMALL
            and month_of(manifest) in touched
            and manifest.partition_spec_id == self._transaction.table_metadata.default_spec_id
        ]
        if len(small) <= FEW:
            return live
        merging = _ManifestMergeManager(0, 0, True, self)
        merged = [
            merging._create_manifest(part[0].partition_spec_id, part)
            for month in touched
            if (part := [manifest for manifest in small if month_of(manifest) == month])
        ]
        return merged + [manifest for manifest in live if manifest not in small]

    def _is_own(self, manifest: ManifestFile) -> bool:
        return manifest.added_snapshot_id == self._snapshot_id


def month_of(manifest: ManifestFile) -> int | None:
    """The one month (since January 1970) that all of a manifest's files are of; None if there are several."""
    if not manifest.partitions or len(manifest.partitions) <= MONTH_FIELD:
        return None
    bounds = manifest.partitions[MONTH_FIELD]
    if bounds.lower_bound is None or bounds.lower_bound != bounds.upper_bound:
        return None
    return int(from_bytes(IntegerType(), bounds.lower_bound))


def live_files(manifest: ManifestFile) -> int:
    """How many files it lists that are of the table, and not of what was taken out of it."""
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)
