"""A packed text as a stream of unpacked pieces, by ISA-L: what the native scanner is given.

Of what is packed, what stands around it and which of its errors mean a cut file; nothing of CSV.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from isal import isal_zlib

PIECE_BYTES = 1 << 20
"""The most that is unpacked at a time: ISA-L is slower with more, and memory is bounded by it."""

_PACKED_BYTES = 64 << 10
_GZIP = 31
_DEFLATE = -15
_RESERVED_FLAGS = 0xE0
_ISAL_ERROR: type[Exception] = getattr(isal_zlib, "error")  # noqa: B009  # its types call this an instance


class Unpacking:
    """The pieces of a text in their order, each of 1 to `PIECE_BYTES` bytes. Iterate once, and close it."""

    packed: int | None
    """How many packed bytes were read so far; None where nothing is packed."""

    def __init__(self, path: Path, *, packed: bool) -> None:
        self.packed = 0 if packed else None
        self._file: BinaryIO = path.open("rb", buffering=0)

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Read on.

        Raises:
            EOFError: what is packed stops before its end.
            zlib.error: it is damaged.
            OSError: the machine could not read it.
        """
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def _read(self, size: int = _PACKED_BYTES) -> bytes:
        block = self._file.read(size)
        self.packed = (self.packed or 0) + len(block)
        return block


class Gzip(Unpacking):
    """A gzip file of one or several members; what follows the last is taken for one more."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, packed=True)

    def __iter__(self) -> Iterator[bytes]:
        rest = self._read()
        while rest:
            while len(rest) < 4 and (block := self._read()):
                rest += block
            if len(rest) >= 4 and rest[3] & _RESERVED_FLAGS:  # which ISA-L passes over
                raise zlib.error("unknown header flags set")
            member = isal_zlib.decompressobj(_GZIP)
            yield from _inflated(member, rest, self._read)
            rest = member.unused_data or self._read()


class Deflated(Unpacking):
    """A member of a ZIP archive that is packed by deflate.

    Args:
        path: the archive.
        start: where the member's bytes begin in it.
        size: how many they are.
        checksum: CRC-32 of what they unpack to.
        unpacked: how many bytes that is.
    """

    def __init__(self, path: Path, start: int, size: int, checksum: int, unpacked: int) -> None:
        super().__init__(path, packed=True)
        self._file.seek(start)
        self._left = size
        self._checksum = checksum
        self._unpacked = unpacked

    def __iter__(self) -> Iterator[bytes]:
        member = isal_zlib.decompressobj(_DEFLATE)
        checksum = size = 0
        for piece in _inflated(member, self._read(), self._read):
            checksum = isal_zlib.crc32(piece, checksum)
            size += len(piece)
            yield piece
        if checksum != self._checksum:
            raise zlib.error("incorrect data check")
        if size != self._unpacked or self._left or member.unused_data:
            raise zlib.error("incorrect length check")

    def _read(self, size: int = _PACKED_BYTES) -> bytes:
        block = super()._read(min(size, self._left))
        self._left -= len(block)
        return block


class Stored(Unpacking):
    """A member of a ZIP archive that is not packed; arguments as for `Deflated`."""

    def __init__(self, path: Path, start: int, size: int, checksum: int) -> None:
        super().__init__(path, packed=False)
        self._file.seek(start)
        self._left = size
        self._checksum = checksum

    def __iter__(self) -> Iterator[bytes]:
        checksum = 0
        while self._left:
            piece = self._file.read(min(PIECE_BYTES, self._left))
            if not piece:
                raise EOFError
            self._left -= len(piece)
            checksum = isal_zlib.crc32(piece, checksum)
            yield piece
        if checksum != self._checksum:
            raise zlib.error("its checksum is another")


def _inflated(member: Any, block: bytes, read: Any) -> Iterator[bytes]:
    """What a decompressor makes of a block and of those that `read` gives after it, until its stream ends."""
    try:
        # All that is packed may be taken in while some of what it unpacks to is still to be given out.
        while not member.eof:
            block = block or read()
            piece = member.decompress(block, PIECE_BYTES)
            if piece:
                yield piece
            elif not block:
                raise EOFError
            block = member.unconsumed_tail
    except _ISAL_ERROR as error:
        raise zlib.error(str(error)) from None
