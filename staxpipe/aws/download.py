"""One object on its way into one file: its pieces, how far each is, and whether what arrived is what was listed.

Which pieces are asked for at the same time, when to try again, and what failures mean to people, is
`staxpipe.aws.bucket`'s.

What protects the bytes: every request names the ETag, so that pieces of two objects never mix; every piece must have
the length that was asked for; and the whole must have the ETag, where that is made of the bytes. Boto3 checks S3's
own checksums only of an object that is read at once, as one of a single piece is: S3 gives none with a range.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from staxpipe.aws.etag import EtagDigest, is_md5, number_of_parts
from staxpipe.model import StoredObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

PIECE_BYTES = 16 * 1024 * 1024
"""A larger object is read in pieces of this size: long enough that a request's own cost is below one per cent."""
_CHUNK = 256 * 1024
_OPAQUE_ENCRYPTION = frozenset({"aws:kms", "aws:kms:dsse"})
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)")
_log = logging.getLogger(__name__)


class Damaged(Exception):  # noqa: N818 - says what the bytes are
    """What arrived is not what was listed; nothing of it can be used."""


class CutShort(Exception):  # noqa: N818 - says what the body was
    """Less arrived than was asked for, without an error; what arrived is kept."""


class RangesIgnored(Exception):  # noqa: N818 - says what the server did
    """Asked for a piece, the server sends the whole object."""


class Stopped(Exception):  # noqa: N818 - another piece failed for good
    """The download was given up meanwhile."""


@dataclass
class Piece:
    """A stretch of the object: from `start` up to and without `end`, of which `received` bytes are in the file."""

    start: int
    end: int
    received: int = 0

    @property
    def missing(self) -> int:
        """How many bytes are to come."""
        return self.end - self.start - self.received


class Download:
    """An object being written to an open, empty file; `receive` may be called for several pieces at the same time."""

    def __init__(self, stored: StoredObject, descriptor: int, piece_bytes: int) -> None:
        self.stored = stored
        self.pieces = [
            Piece(start, min(start + piece_bytes, stored.size)) for start in range(0, max(stored.size, 1), piece_bytes)
        ]
        self.stop = threading.Event()
        self._descriptor = descriptor
        self._opaque = False  # encrypted in a way that makes the ETag no MD5
        self._part_bytes: int | None = None
        self._digested = 0
        self._digesting = threading.Lock()
        self._earlier_etag: str | None = None
        self._digest = self._new_digest()

    def start_over(self) -> None:
        """Forget what arrived."""
        os.ftruncate(self._descriptor, 0)
        for piece in self.pieces:
            piece.received = 0
        self._digested = 0
        self._digest = self._new_digest()

    def in_one_piece(self) -> None:
        """Start over without ranges: the server does not know them."""
        self.pieces = [Piece(0, self.stored.size)]
        self.start_over()

    @property
    def parts_unknown(self) -> bool:
        """Whether the ETag is one of parts, and `learn_parts` could make a proof of it."""
        return self._part_bytes is None and number_of_parts(self.stored.etag) is not None

    def learn_parts(self, client: S3Client, bucket: str, arguments: Mapping[str, Any]) -> None:
        """Ask how large the parts were in which the object was uploaded.

        Any failure leaves the ETag unproved, as it is for an object whose parts differ in size.
        """
        parts = number_of_parts(self.stored.etag)
        try:
            answer = client.head_object(
                Bucket=bucket, Key=self.stored.key, IfMatch=f'"{self.stored.etag}"', PartNumber=1, **arguments
            )
        except (ClientError, BotoCoreError) as error:
            _log.debug("%s: the size of its parts is unknown (%s)", self.stored.key, error)
            return
        size = answer["ContentLength"]
        if size > 0 and parts == answer.get("PartsCount", 1) == -(-self.stored.size // size):
            self._part_bytes = size
            self._digest = self._new_digest()  # the first: until now there was nothing to hash with

    def receive(self, piece: Piece, client: S3Client, bucket: str, arguments: Mapping[str, Any]) -> None:
        """Get what is missing of a piece; may be called again after any failure.

        Raises:
            Damaged: the piece starts over.
            CutShort, ClientError, BotoCoreError, urllib3's HTTPError: what arrived until then is kept.
            RangesIgnored: read the object in one piece.
            Stopped: `stop` was set.
        """
        try:
            self._receive(piece, client, bucket, arguments)
        except (Damaged, FlexibleChecksumError) as error:
            piece.received = 0
            raise Damaged(str(error)) from error
        if self._digesting.acquire(blocking=False):  # else another piece's thread does it, or `verify` in the end
            try:
                self._digest_what_is_there()
            finally:
                self._digesting.release()

    def _receive(self, piece: Piece, client: S3Client, bucket: str, arguments: Mapping[str, Any]) -> None:
        if piece.received and not piece.missing:
            return
        if piece.missing < self.stored.size:
            arguments = {**arguments, "Range": f"bytes={piece.start + piece.received}-{piece.end - 1}"}
        answer = client.get_object(Bucket=bucket, Key=self.stored.key, IfMatch=f'"{self.stored.etag}"', **arguments)
        body = answer["Body"]
        try:
            self._look_at(answer, piece, ranged="Range" in arguments)
            while chunk := body.read(min(_CHUNK, piece.missing + 1)):
                if self.stop.is_set():
                    raise Stopped
                if len(chunk) > piece.missing:  # an endless body must not fill the disk
                    raise self._unequal(piece, piece.received + len(chunk))
                self._write(chunk, piece.start + piece.received)
                piece.received += len(chunk)
        finally:
            body.close()
        if piece.missing and "Range" in arguments:
            raise CutShort(f"{piece.received:,} of {piece.end - piece.start:,} bytes arrived")
        if piece.missing:
            raise self._unequal(piece, piece.received)

    def _unequal(self, piece: Piece, arrived: int) -> Damaged:
        expected = "were listed" if len(self.pieces) == 1 else f"were asked for, from {piece.start:,} on"
        return Damaged(f"{arrived:,} bytes arrived and {piece.end - piece.start:,} {expected}")

    def _look_at(self, answer: GetObjectOutputTypeDef, piece: Piece, *, ranged: bool) -> None:
        self._opaque = (
            self._opaque
            or answer.get("ServerSideEncryption") in _OPAQUE_ENCRYPTION
            or bool(answer.get("SSECustomerAlgorithm"))
        )
        if not ranged:
            return
        answered = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
        if answered is None:
            if len(self.pieces) > 1:
                raise RangesIgnored
            piece.received = 0  # the whole object is coming, and the whole is the piece
        elif int(answered[1]) != piece.start + piece.received:
            raise Damaged(f"it was asked for the bytes from {piece.start + piece.received:,} and sent {answered[0]}")
        elif answered[3] not in {"*", str(self.stored.size)}:
            raise Damaged(f"it has {int(answered[3]):,} bytes and {self.stored.size:,} were listed")

    def _write(self, chunk: bytes, offset: int) -> None:
        rest = memoryview(chunk)
        while len(rest):
            written = os.pwrite(self._descriptor, rest, offset)
            offset += written
            rest = rest[written:]

    def verify(self) -> None:
        """Compare the whole, of which every piece is there, with what was listed, and put it on the disk.

        Raises:
            Damaged: start over.
        """
        with self._digesting:
            self._digest_what_is_there()
        self._compare()
        os.fsync(self._descriptor)

    def _compare(self) -> None:
        if self._digest is None or self._opaque:
            return
        etag = self._digest.etag()
        if etag == self.stored.etag:
            return
        if self._part_bytes is None:
            raise Damaged("its MD5 differs from its ETag")
        if etag != self._earlier_etag:  # damage is not the same twice; parts of unequal sizes are
            self._earlier_etag = etag
            raise Damaged("the MD5 of its parts differs from its ETag")
        _log.warning("%s: read twice, the same both times; its ETag is not made of equal parts", self.stored.key)

    def _new_digest(self) -> EtagDigest | None:
        if is_md5(self.stored.etag):
            return EtagDigest()
        return EtagDigest(self._part_bytes) if self._part_bytes else None

    def _digest_what_is_there(self) -> None:
        """Hash on from where the hash is, up to the first piece that is not whole.

        By reading back what was just written, from the system's cache: a tenth of what the hash itself costs.
        """
        digest = self._digest
        if digest is None or self._opaque:
            return
        for piece in self.pieces:
            if piece.missing:
                return
            while self._digested < piece.end:
                chunk = os.pread(self._descriptor, min(_CHUNK, piece.end - self._digested), self._digested)
                if not chunk:
                    raise Damaged(f"the file ends after {self._digested:,} bytes of {self.stored.size:,}")
                digest.update(chunk)
                self._digested += len(chunk)
