"""Removing files that a killed process left: nobody reads them, they only take room.

Every attempt to load a month writes into a folder of its own, and the commit names it in its snapshot. A folder that
no snapshot names is an attempt that never came to its commit, or one that is still under way: so it is left alone
until it is a day old.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pyarrow.fs import FileSelector, FileSystem, FileType
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO

LEFT_ALONE = timedelta(days=1)
"""Longer than any load takes."""


def remove_orphans(io: FileIO, month: str, named: Collection[str], now: datetime | None = None) -> int:
    """Delete old files below a month's folder whose own folder is not among `named`; returns how many.

    Args:
        io: what reaches the lake's files.
        month: the address of the folder that holds every attempt at an export's month.
        named: addresses of the folders that snapshots name, of this month or any.
        now: for tests.
    """
    if not isinstance(io, PyArrowFileIO):
        return 0
    address = urlsplit(month)
    filesystem: FileSystem = io.fs_by_scheme(address.scheme or "file", address.netloc)
    kept = {folder.rsplit("/", 1)[-1] for folder in named}
    oldest = (now or datetime.now(UTC)) - LEFT_ALONE
    removed = 0
    for found in filesystem.get_file_info(
        FileSelector(f"{address.netloc}{address.path}", recursive=True, allow_not_found=True)
    ):
        folder = found.path.rsplit("/", 2)[-2]
        if found.type == FileType.File and folder not in kept and found.mtime < oldest:
            filesystem.delete_file(found.path)
            removed += 1
    return removed
