"""One object on its way into one file: how far it is, and whether what arrived is what was listed.

When to try again, and what failures mean to people, is `staxpipe.aws.bucket`'s.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError

from staxpipe.model import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_CHUNK = 1024 * 1024
_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")
_OPAQUE_ENCRYPTION = frozenset({"aws:kms", "aws:kms:dsse"})


class Damaged(Exception):  # noqa: N818 - says what the bytes are
    """What arrived is not what was listed; nothing of it can be used."""


class Download:
    """An object being written to an open, empty, binary file."""

    def __init__(self, stored: StoredObject, file: IO[bytes]) -> None:
        self.stored = stored
        self._file = file
        self._received = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._etag_is_md5 = False

    def start_over(self) -> None:
        """Forget what arrived."""
        self._file.seek(0)
        self._file.truncate()
        self._received = 0
        self._digest = hashlib.md5(usedforsecurity=False)

    def resume(self, client: S3Client, bucket: str, **arguments: Any) -> None:
        """Get what is missing, verify the whole and put it on the disk; may be called again after any failure.

        Raises:
            Damaged: start over.
            ClientError, BotoCoreError: as boto3 does; what arrived until then is kept.
        """
        if self._received < self.stored.size or self.stored.size == 0:
            self._receive(client, bucket, arguments)
        self._verify()
        self._file.flush()
        os.fsync(self._file.fileno())

    def _receive(self, client: S3Client, bucket: str, arguments: dict[str, Any]) -> None:
        if self._received:
            arguments = {**arguments, "Range": f"bytes={self._received}-"}
        answer = client.get_object(Bucket=bucket, Key=self.stored.key, IfMatch=f'"{self.stored.etag}"', **arguments)
        if self._received and not self._continues(answer):
            self.start_over()
        self._etag_is_md5 = _etag_is_md5(self.stored.etag, answer)
        body = answer["Body"]
        try:
            while chunk := body.read(_CHUNK):
                self._file.write(chunk)
                self._digest.update(chunk)
                self._received += len(chunk)
                if self._received > self.stored.size:
                    break  # more than was listed: `_verify` says so; an endless body must not fill the disk
        except FlexibleChecksumError as error:
            raise Damaged(str(error)) from error
        finally:
            body.close()

    def _continues(self, answer: GetObjectOutputTypeDef) -> bool:
        return answer.get("ContentRange", "").startswith(f"bytes {self._received}-")

    def _verify(self) -> None:
        if self._received != self.stored.size:
            raise Damaged(f"{self._received:,} bytes arrived and {self.stored.size:,} were listed")
        if self._etag_is_md5 and self._digest.hexdigest() != self.stored.etag:
            raise Damaged("its MD5 differs from its ETag")


def _etag_is_md5(etag: str, answer: GetObjectOutputTypeDef) -> bool:
    """Whether S3 promises that: not for objects in parts (a dash in it), under KMS or a customer's key.

    Source: Amazon S3 API reference, `Object`.
    """
    encrypted = answer.get("ServerSideEncryption") in _OPAQUE_ENCRYPTION or "SSECustomerAlgorithm" in answer
    return _PLAIN_MD5.fullmatch(etag) is not None and not encrypted
