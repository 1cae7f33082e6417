"""Our own copy of delivered files: a folder, or an S3 bucket of ours.

A file is there whole or not at all. What to put there and when is `staxpipe.ingest.landing`'s.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from staxpipe.aws.errors import MISSING_OBJECT, error_code, in_words
from staxpipe.errors import AccessError, OwnCredentialsError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_UPLOADS_AT_ONCE = 2

Fetch = Callable[[Path], None]
"""Writes one verified whole file to the path that it is given, or raises."""


@dataclass(frozen=True)
class Stored:
    """How much a store holds."""

    files: int = 0
    bytes: int = 0


class LandingStore(Protocol):
    """Where landed files are kept, by key; usable by several threads at the same time."""

    def has(self, key: str, size: int) -> bool:
        """Whether the whole file, of this size in bytes, is there."""
        ...

    def put(self, key: str, fetch: Fetch) -> None:
        """Keep what `fetch` writes."""
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """A local path to read the file from while the context lasts."""
        ...

    def remove(self, prefix: str) -> None:
        """Forget every file below ``prefix/``."""
        ...

    def stored(self, prefix: str) -> Stored:
        """What there is below ``prefix/``."""
        ...


class FolderStore:
    """Landed files in a local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, key: str, size: int) -> bool:
        """Whether the file is there: `put` renames only whole files into place."""
        path = self._root / key
        return path.is_file() and path.stat().st_size == size

    def put(self, key: str, fetch: Fetch) -> None:
        """Keep what `fetch` writes.

        Raises:
            TransientError: when the disk is full.
        """
        path = self._root / key
        partial = path.with_name(path.name + ".partial")
        with full_disk_explained(self._root):
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch(partial)
            partial.replace(path)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The file itself."""
        yield self._root / key

    def remove(self, prefix: str) -> None:
        """Delete the folder."""
        shutil.rmtree(self._root / prefix, ignore_errors=True)

    def stored(self, prefix: str) -> Stored:
        """Count the files in the folder, unfinished ones too."""
        sizes = [path.stat().st_size for path in (self._root / prefix).rglob("*") if path.is_file()]
        return Stored(len(sizes), sum(sizes))


class S3Store:
    """Landed files in a bucket of ours, below a prefix."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        # All of boto3 comes with it, and whoever only loads files of this machine has no use for that.
        from boto3.s3.transfer import TransferConfig

        # Twice five connections: as many as a client keeps.
        self._upload = TransferConfig(max_concurrency=5)
        # What arrived and waits for the disk is bounded: by default it may be 250 MB of each file.
        self._download = TransferConfig(max_concurrency=4, io_chunksize=1 << 20, max_io_queue=8)
        self._client = client
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._uploads = threading.BoundedSemaphore(_UPLOADS_AT_ONCE)

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def has(self, key: str, size: int) -> bool:
        """Whether the object is there; S3 shows only whole objects."""
        with _ours(self._bucket):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=self._key(key))
            except ClientError as error:
                if error_code(error) in MISSING_OBJECT:
                    return False
                raise
        return answer["ContentLength"] == size

    def put(self, key: str, fetch: Fetch) -> None:
        """Upload what `fetch` writes, by way of a temporary file."""
        with tempfile.TemporaryDirectory(prefix="staxpipe-") as folder:
            path = Path(folder) / "file"
            with full_disk_explained(path):
                fetch(path)
            with self._uploads, _ours(self._bucket):
                self._client.upload_file(str(path), self._bucket, self._key(key), Config=self._upload)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A temporary copy."""
        with tempfile.TemporaryDirectory(prefix="staxpipe-") as folder:
            path = Path(folder) / "file"
            with full_disk_explained(path), _ours(self._bucket):
                self._client.download_file(self._bucket, self._key(key), str(path), Config=self._download)
            yield path

    def remove(self, prefix: str) -> None:
        """Delete the objects below the prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(prefix) + "/"
        )
        with _ours(self._bucket):
            for page in pages:
                keys = [{"Key": stored["Key"]} for stored in page.get("Contents", [])]
                if keys:
                    self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys})  # type: ignore[typeddict-item]

    def stored(self, prefix: str) -> Stored:
        """Count the objects below the prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(prefix) + "/"
        )
        with _ours(self._bucket):
            sizes = [found["Size"] for page in pages for found in page.get("Contents", [])]
        return Stored(len(sizes), sum(sizes))


@contextmanager
def _ours(bucket: str) -> Iterator[None]:
    """Put AWS's failures with a bucket of ours in words: access to it is the operator's matter, no customer's."""
    try:
        with in_words(f"the landing bucket {bucket}"):
            yield
    except OwnCredentialsError:
        raise
    except AccessError as error:
        raise OwnCredentialsError(
            f"staxpipe cannot use its own landing bucket {bucket}: check that it is there, and that the principal that "
            f"staxpipe runs as may list, read, write and delete in it, with its key. AWS said: {error.__cause__}"
        ) from error


@contextmanager
def full_disk_explained(where: Path) -> Iterator[None]:
    """Turn the system's "no space left" into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise TransientError(f"The disk that holds {where} is full. Free some space; loading then goes on.") from error


def open_landing(url: str, client: S3Client | None) -> LandingStore:
    """The store at a folder path, a file:// or an s3:// address (which needs the client)."""
    if url.startswith("s3://"):
        if client is None:
            raise ValueError("an S3 landing store needs an S3 client")
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return S3Store(client, bucket, prefix)
    return FolderStore(Path(url.removeprefix("file://")))
