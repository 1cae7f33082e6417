"""What exports are read from: a bucket, as far as staxpipe needs one.

The protocol only. Amazon S3 stands behind it in `staxpipe.aws`, a folder of this machine in `folder.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from staxpipe.model import StoredObject


class Bucket(Protocol):
    """A place of objects under keys, with an ETag that changes whenever an object does.

    Every method raises AccessError where somebody must change access (no such bucket, or it is refused),
    PermanentError for an object that is gone, and TransientError where a later try may help (throttling, a cut
    connection, an object that was replaced since it was listed).
    """

    @property
    def url(self) -> str:
        """The bucket's address without a trailing slash: ``s3://name`` or ``file:///absolute/folder``."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`, page by page, in the order of keys."""
        ...

    def read(self, stored: StoredObject, limit: int) -> bytes:
        """The whole of a small object, exactly as it was listed; more than `limit` bytes is a PermanentError."""
        ...

    def fetch(self, stored: StoredObject, target: Path) -> None:
        """Copy an object, exactly as it was listed, to a local file that appears whole or not at all."""
        ...

    def head(self, key: str) -> StoredObject | None:
        """The object under a key as it is now; None where there is none."""
        ...
