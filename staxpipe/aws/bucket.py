"""A bucket in Amazon S3: listing, reading and verified transfer, one object at a time.

What the objects mean is `staxpipe.exports`'s; whose credentials the client has, `staxpipe.aws.link_bucket`'s.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError

from staxpipe.aws.download import PIECE_BYTES, CutShort, Damaged, Download, Piece, RangesIgnored, Stopped
from staxpipe.aws.errors import ACCESS_DENIED, error_code, in_words, is_passing, translated
from staxpipe.errors import AccessError, PermanentError, StaxpipeError, TransientError
from staxpipe.model import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 8
"""Requests for objects that one bucket answers at the same time; each holds less than a mebibyte of what it reads."""
FETCH_ATTEMPTS = 6
_FIRST_PAUSE = 0.5  # seconds before the second attempt; doubles, with jitter, up to the last
_LONGEST_PAUSE = 20.0


class S3Bucket:
    """One bucket, by a client whose credentials may read it.

    `owner` is the account that must own the bucket: S3 then refuses a bucket of the same name that somebody
    else took over. However many objects are fetched at the same time, at most `connections` requests for them are
    under way, first come first served; their threads end with the bucket. `piece_bytes` and `pause` are for tests.
    """

    def __init__(
        self,
        client: S3Client,
        name: str,
        owner: str | None = None,
        connections: int = CONNECTIONS,
        piece_bytes: int = PIECE_BYTES,
        pause: Callable[[Event, float], bool] = Event.wait,
    ) -> None:
        self._client = client
        self._name = name
        self._owner: dict[str, Any] = {"ExpectedBucketOwner": owner} if owner else {}
        self._whose = f" of account {owner}" if owner else ""
        self._requests = ThreadPoolExecutor(connections, thread_name_prefix=f"s3-{name}")
        self._piece_bytes = piece_bytes
        self._pause = pause

    @property
    def url(self) -> str:
        """``s3://name``."""
        return f"s3://{self._name}"

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`, page by page (1,000 keys a request), in the order of keys."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix, **self._owner)
        with in_words(f"the bucket {self.url}/{prefix}{self._whose}"):
            for page in pages:
                for item in page.get("Contents", []):
                    yield StoredObject(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])

    def head(self, key: str) -> StoredObject | None:
        """The object under a key as it is now; None where there is none.

        By listing: for an absent key HeadObject answers 403, not 404, to a role that may list a prefix only.
        """
        with in_words(self._object(key)):
            page = self._client.list_objects_v2(Bucket=self._name, Prefix=key, MaxKeys=1, **self._owner)
        for item in page.get("Contents", []):
            if item["Key"] == key:
                return StoredObject(key, item["Size"], item["ETag"].strip('"'), item["LastModified"])
        return None

    def region(self) -> str | None:
        """The region that the bucket is in; None where AWS does not say.

        S3 names it in the answer's headers whether or not the role may ask, and a role that may list one prefix only
        may not.
        """
        try:
            answer: Mapping[str, Any] = self._client.head_bucket(Bucket=self._name, **self._owner)
        except ClientError as error:
            answer = error.response
        except BotoCoreError:
            return None
        region = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        return None if region is None else str(region)

    def read(self, stored: StoredObject, limit: int) -> bytes:
        """The whole of a small object, exactly as it was listed.

        Raises:
            PermanentError: it is larger than `limit` bytes, or gone.
            AccessError: refused.
            TransientError: it changed since it was listed, or could not be read just now.
        """
        if stored.size > limit:
            raise PermanentError(
                f"{self._object(stored.key)} has {stored.size:,} bytes; at most {limit:,} are expected of such a file."
            )
        with tempfile.TemporaryDirectory(prefix="staxpipe-") as folder:
            path = Path(folder) / "object"
            self.fetch(stored, path)
            return path.read_bytes()

    def fetch(self, stored: StoredObject, target: Path) -> None:
        """Copy an object, exactly as it was listed, to a local file that appears whole or not at all.

        A large object is read in pieces at the same time. A piece that is cut off is resumed where it ended (boto3
        does not do that), a damaged one is read again from its beginning, a few times with growing pauses. Size, and
        the ETag where it is made of the bytes, are verified. What a process that was killed had of a file is not
        taken up: to trust it would need a record of its pieces written to the disk in step with them, and the files
        of a delivery are far smaller than what already lies whole beside them.

        Raises:
            PermanentError: gone.
            AccessError: refused.
            TransientError: changed since it was listed, or the connection failed again and again.
        """
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._transfer(Download(stored, file.fileno(), self._piece_bytes))
            part.replace(target)
            _sync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)

    def _transfer(self, download: Download) -> None:
        def whole() -> None:
            try:
                self._receive(download)
            except RangesIgnored:
                download.in_one_piece()
                self._receive(download)
            download.verify()

        self._persist(download.stored.key, whole, Event(), download.start_over)  # this very thread would have to set it

    def _receive(self, download: Download) -> None:
        """Get every piece; when one fails for good, none is being written any more."""
        jobs: list[Future[None]] = []
        download.stop.clear()
        try:
            if download.parts_unknown:
                jobs.append(self._requests.submit(download.learn_parts, self._client, self._name, self._owner))
            jobs += [self._requests.submit(self._receive_piece, download, piece) for piece in download.pieces]
            done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        finally:
            download.stop.set()
            for job in jobs:
                job.cancel()
            wait(jobs)
        for job in jobs:
            if job in done:
                job.result()

    def _receive_piece(self, download: Download, piece: Piece) -> None:
        def missing() -> None:
            if download.stop.is_set():
                raise Stopped
            download.receive(piece, self._client, self._name, self._owner)

        self._persist(download.stored.key, missing, download.stop)

    def _persist(
        self, key: str, act: Callable[[], None], stop: Event, forget: Callable[[], None] = lambda: None
    ) -> None:
        """Act until it succeeds, a few times; `forget` what damage left before another time. `stop` ends a pause."""
        last: Exception | None = None
        for attempt in range(FETCH_ATTEMPTS):
            if attempt:
                seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
                if self._pause(stop, seconds * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, not a secret
                    raise Stopped
            try:
                act()
                return
            except Damaged as error:
                forget()
                last = error
            except ClientError as error:
                if not is_passing(error):
                    raise self._refusal(error, key) from error
                last = error
            except (CutShort, urllib3.exceptions.HTTPError) as error:  # botocore wraps only some of urllib3's
                last = error
            except BotoCoreError as error:
                words = translated(error, self._object(key))
                if isinstance(words, PermanentError | AccessError):
                    raise words from error
                last = error
        raise TransientError(
            f"{_upper(self._object(key))} could not be read whole in {FETCH_ATTEMPTS} attempts "
            f"({last}). It is tried again later."
        ) from last

    def _refusal(self, error: ClientError, key: str) -> StaxpipeError:
        # To a role that may list a prefix only, S3 answers "access denied" for an absent object too.
        if error_code(error) in ACCESS_DENIED and "kms:" not in str(error) and self._absent(key):
            return PermanentError(f"{_upper(self._object(key))} is not there any more. Wait for the next delivery.")
        return translated(error, self._object(key))

    def _absent(self, key: str) -> bool:
        try:
            return self.head(key) is None
        except StaxpipeError:
            return False

    def _object(self, key: str) -> str:
        return f"the file {self.url}/{key}{self._whose}"


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
