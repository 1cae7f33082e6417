"""What an ETag proves of an object's bytes, worked out while they are read in order.

Of S3's two kinds: the MD5 of the whole, and for an object that was uploaded in parts the MD5 of the parts' MD5s with
their number behind a dash (Amazon S3 user guide, "Checking object integrity"). No requests are made here.
"""

from __future__ import annotations

import hashlib
import re

_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")
_OF_PARTS = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")


def is_md5(etag: str) -> bool:
    """Whether the ETag has the form of an MD5 of the whole object."""
    return _PLAIN_MD5.fullmatch(etag) is not None


def number_of_parts(etag: str) -> int | None:
    """How many parts an object was uploaded in; None where its ETag does not say so."""
    match = _OF_PARTS.fullmatch(etag)
    return int(match[1]) if match else None


class EtagDigest:
    """The ETag that S3 would give to the bytes that it is fed, in order.

    Args:
        part_bytes: the size of every part but the last; None for an object that was uploaded at once.
    """

    def __init__(self, part_bytes: int | None = None) -> None:
        self.part_bytes = part_bytes
        self._current = hashlib.md5(usedforsecurity=False)
        self._in_current = 0
        self._parts: list[bytes] = []

    def update(self, chunk: bytes) -> None:
        """Feed the next bytes."""
        if self.part_bytes is None:
            self._current.update(chunk)
            return
        rest = memoryview(chunk)
        while len(rest):
            if self._in_current == self.part_bytes:
                self._end_part()
            room = self.part_bytes - self._in_current
            self._current.update(rest[:room])
            self._in_current += len(rest[:room])
            rest = rest[room:]

    def etag(self) -> str:
        """The ETag of all that was fed; nothing more can be fed then."""
        if self.part_bytes is None:
            return self._current.hexdigest()
        self._end_part()
        whole = hashlib.md5(b"".join(self._parts), usedforsecurity=False).hexdigest()
        return f"{whole}-{len(self._parts)}"

    def _end_part(self) -> None:
        self._parts.append(self._current.digest())
        self._current = hashlib.md5(usedforsecurity=False)
        self._in_current = 0
