"""Removing files that nothing refers to any more: of killed loads, and of snapshots that were expired.

Every attempt to load a month writes into a folder of its own. A folder that no snapshot needs is of an attempt that
never came to its commit, of a delivery whose snapshots were all expired, or of a load that is still under way: so
files are left alone until they are a day old. What decides is the table's metadata as it is after the commit of an
expiry; whoever is killed before or while removing leaves files that the next round finds in the same way.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.lake.rollups import NAME as ROLLUP

LEFT_ALONE = timedelta(days=1)
"""Longer than any load takes."""

_OURS = re.compile(r"/export-[0-9]+/[0-9]{4}-[0-9]{2}/[^/]+/[^/]+$")  # see Lake.folder_of and Lake.writer


def remove_orphans(
    io: FileIO,
    below: str,
    named: Collection[str],
    now: datetime | None = None,
    needed: Callable[[], Collection[str]] = frozenset,
) -> int:
    """Delete old files of ours below a folder whose own folder nobody names or needs; returns how many data files.

    Ours are those in the folders that `Lake.writer` makes; what others write into the lake is left to them. The rollup
    that is kept beside data files goes with them and is not counted.

    Args:
        io: what reaches the lake's files.
        below: the address of a folder that holds attempts at one or at all months.
        named: addresses of folders that are needed, below that one or anywhere.
        now: for tests.
        needed: gives all others that are; asked only where there is anything to remove, as it reads manifests.
    """
    oldest = (now or datetime.now(UTC)) - LEFT_ALONE
    kept = _names(named)
    found = [
        (filesystem, file.path)
        for filesystem, file in files_below(io, below)
        if _OURS.search(file.path) and file.mtime < oldest and _folder(file.path) not in kept
    ]
    if found:
        kept = _names(needed())
    removed = [path for filesystem, path in found if _folder(path) not in kept and _delete(filesystem, path)]
    return sum(path.rsplit("/", 1)[-1] != ROLLUP for path in removed)


def remove_manifests(io: FileIO, folder: str, needed: Collection[str], now: datetime | None = None) -> int:
    """Delete old manifests and lists of manifests that no snapshot needs; returns how many.

    Args:
        io: what reaches the lake's files.
        folder: the address of the table's metadata.
        needed: addresses of all manifests and lists of all snapshots.
        now: for tests.
    """
    kept = {_path(address) for address in needed}
    oldest = (now or datetime.now(UTC)) - LEFT_ALONE
    removed = 0
    for filesystem, found in files_below(io, folder):
        if found.path.endswith(".avro") and found.path not in kept and found.mtime < oldest:
            removed += _delete(filesystem, found.path)
    return removed


def files_below(io: FileIO, folder: str) -> Iterator[tuple[FileSystem, FileInfo]]:
    """Every file below the address of a folder, with what reaches it."""
    if not isinstance(io, PyArrowFileIO):
        return
    scheme, _, path = folder.rpartition("://")
    filesystem: FileSystem = io.fs_by_scheme(scheme or "file", path.split("/", 1)[0])
    for found in filesystem.get_file_info(FileSelector(path, recursive=True, allow_not_found=True)):
        if found.type == FileType.File:
            yield filesystem, found


def _delete(filesystem: FileSystem, path: str) -> bool:
    with contextlib.suppress(FileNotFoundError):  # somebody else removes them at the same time
        filesystem.delete_file(path)
        return True
    return False


def _names(folders: Collection[str]) -> set[str]:
    return {folder.rsplit("/", 1)[-1] for folder in folders}


def _folder(path: str) -> str:
    return path.rsplit("/", 2)[-2]


def _path(address: str) -> str:
    return address.rpartition("://")[2]
