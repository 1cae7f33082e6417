"""From a data file to the CSV texts in it, unpacked as a stream: plain, in gzip, or members of a ZIP archive.

No member's name is ever used as a path, and nothing is unpacked to disk. What the bytes mean is not known here.
"""

from __future__ import annotations

import errno
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.model import FileFormat
from staxpipe.scan.unpacking import Deflated, Gzip, Stored, Unpacking

TABLE_BYTES = 4 << 20
"""The longest table of contents of an archive that is read: it is held in memory."""

_COPY_BYTES = 1 << 20
_ENCRYPTED = 1
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a member: its name's length and that of what follows the name
_OTHER_PACKINGS = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"PAR1",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
)
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)
"""What Python's zipfile raises on damaged archives; only the first says so in its name."""


@dataclass
class Meter:
    """How much a file gave so far, and out of how many bytes: members of an archive together, for they may overlap."""

    packed: int = 0
    unpacked: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Part:
    """One CSV text: a data file itself, or a member of one that is an archive.

    `name` is how to call it to people. `pieces` opens it for the native reader, `blocks` for whoever wants a little
    of it; `stream` for Arrow, whose own threads read it: so it has no Python in it, which such a thread could not
    enter while a process ends. With it comes the file that it is unpacked from, whose position is what was read of
    it; None where nothing is packed. `plain` is where the text itself lies, if it is not packed.
    """

    name: str
    meter: Meter
    blocks: Callable[[], AbstractContextManager[Blocks]]
    stream: Callable[[], AbstractContextManager[tuple[pa.NativeFile, pa.NativeFile | None]]]
    pieces: Callable[[], Unpacking]
    plain: Path | None = None


class Blocks:
    """A text's bytes, unpacked while they are read."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end.

        Raises:
            PermanentError: they are cut or damaged.
        """
        blocks: list[bytes] = []
        try:
            while size > 0 and (block := self._stream.read(size)):
                blocks.append(block)
                size -= len(block)
        except DAMAGE as error:  # pa.ArrowInvalid is a ValueError
            raise PermanentError(damaged(self._name, error)) from None
        except OSError as error:
            if not is_damage(error):
                raise
            raise PermanentError(damaged(self._name, error)) from None
        return b"".join(blocks)


def parts_of(path: Path, format: FileFormat, file: str) -> list[Part]:
    """The CSV texts of a data file, in its own order.

    Raises:
        PermanentError: the file is not packed as its format says, or holds what cannot be read.
    """
    match format:
        case FileFormat.CSV:
            pieces = partial(Unpacking, path, packed=False)
            return [Part(file, Meter(), partial(_plain_blocks, path, file), partial(_plain, path), pieces, path)]
        case FileFormat.CSV_GZIP:
            _require_gzip(path, file)
            return [Part(file, Meter(), partial(_gzip_blocks, path, file), partial(_gzip, path), partial(Gzip, path))]
        case FileFormat.CSV_ZIP:
            return _members(path, file)
        case FileFormat.PARQUET:
            raise ValueError("a Parquet file holds no CSV")


def is_damage(error: OSError) -> bool:
    """Whether that is the file's fault: it has no number where unpacking raises it, and EINVAL where a damaged address
    leads to before the file. All others are the disk's.
    """
    return error.errno in {None, errno.EINVAL}


def is_folder(member: zipfile.ZipInfo) -> bool:
    """Whether a member is one; Python's own `is_dir` fails for a name that damage made empty."""
    return member.filename.endswith("/")


def damaged(name: str, error: Exception) -> str:
    """An error of whatever unpacks, in words."""
    words = (str(error).splitlines() or [""])[0].rstrip(".")
    if "Truncated" in words or isinstance(error, EOFError):
        return f"{name} is cut: what is packed in it stops before its end. It must be delivered or copied again."
    return f"{name} is damaged and cannot be unpacked: {words}. It must be delivered or copied again."


@contextmanager
def _plain_blocks(path: Path, file: str) -> Iterator[Blocks]:
    with path.open("rb") as stream:
        yield Blocks(stream, file)


@contextmanager
def _plain(path: Path) -> Iterator[tuple[pa.NativeFile, None]]:
    with pa.OSFile(str(path)) as stream:
        yield stream, None


@contextmanager
def _gzip_blocks(path: Path, file: str) -> Iterator[Blocks]:
    with _gzip(path) as (stream, _):
        yield Blocks(stream, file)


@contextmanager
def _gzip(path: Path) -> Iterator[tuple[pa.NativeFile, pa.NativeFile]]:
    with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, "gzip") as stream:
        yield stream, packed


def _require_gzip(path: Path, file: str) -> None:
    with path.open("rb") as packed:
        start = packed.read(2)
    if not b"\x1f\x8b".startswith(start):
        raise PermanentError(f"{file} is not a gzip file, though its name or its manifest says so.")


def _members(path: Path, file: str) -> list[Part]:
    """The CSV members of an archive. Members that can hold no rows (folders, notes) are passed over.

    A member's name only tells whether it is CSV; where it would unpack to does not matter, since it is not.
    """
    parts: list[Part] = []
    meter = Meter()
    with _archive(path, file) as archive:
        members = [member for member in archive.infolist() if not is_folder(member)]
        for member in members:
            if member.filename.startswith("__MACOSX/"):  # what macOS adds beside each file
                continue
            name = f"{file} (its member {member.filename})"
            if member.flag_bits & _ENCRYPTED:
                raise PermanentError(f"{name} is encrypted, so it cannot be read. Deliver it without a password.")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise PermanentError(f"{name} is packed by a method that is not read here. Pack it by deflate.")
            with _opened(archive, member, name) as blocks:
                start = blocks.read(6)
            if start.startswith(_OTHER_PACKINGS):
                raise PermanentError(f"{name} is packed once more. Archives in archives are not read: unpack it first.")
            if member.filename.lower().endswith(".csv"):
                name = file if len(members) == 1 else name
                blocks_of = partial(_member_blocks, path, file, member, name)
                stream = partial(_member, path, member, name)
                parts.append(Part(name, meter, blocks_of, stream, partial(_member_pieces, path, member)))
    if not parts:
        raise PermanentError(f"{file} has no CSV file in it, and of a ZIP archive nothing else is read.")
    return parts


@contextmanager
def _member_blocks(path: Path, file: str, member: zipfile.ZipInfo, name: str) -> Iterator[Blocks]:
    with _archive(path, file) as archive, _opened(archive, member, name) as blocks:
        yield blocks


@contextmanager
def _member(path: Path, member: zipfile.ZipInfo, name: str) -> Iterator[tuple[pa.NativeFile, pa.NativeFile | None]]:
    """A member for Arrow: its packed bytes, copied as they are into a temporary gzip file.

    Deflate in gzip and in ZIP is the same; only what stands around it differs, the checksum included.
    """
    stored = member.compress_type == zipfile.ZIP_STORED
    checksum = 0
    with path.open("rb") as archive, tempfile.NamedTemporaryFile(prefix="staxpipe-", suffix=".gz") as copy:
        archive.seek(_start_of(archive, member))
        if not stored:
            copy.write(b"\x1f\x8b\x08" + bytes(6) + b"\xff")
        left = member.compress_size
        while left and (block := archive.read(min(left, _COPY_BYTES))):
            checksum = zlib.crc32(block, checksum) if stored else 0
            copy.write(block)
            left -= len(block)
        if left or (stored and checksum != member.CRC):
            raise PermanentError(damaged(name, EOFError() if left else zlib.error("its checksum is another")))
        if not stored:
            copy.write(struct.pack("<II", member.CRC, member.file_size & 0xFFFFFFFF))
        copy.flush()
        with _plain(Path(copy.name)) if stored else _gzip(Path(copy.name)) as opened:
            yield opened


def _member_pieces(path: Path, member: zipfile.ZipInfo) -> Unpacking:
    with path.open("rb") as archive:
        start = _start_of(archive, member)
    if member.compress_type == zipfile.ZIP_STORED:
        return Stored(path, start, member.compress_size, member.CRC)
    return Deflated(path, start, member.compress_size, member.CRC, member.file_size)


def _start_of(archive: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Where a member's packed bytes begin."""
    archive.seek(member.header_offset)
    skipped: int = sum(_LOCAL_HEADER.unpack(archive.read(_LOCAL_HEADER.size)))
    return member.header_offset + _LOCAL_HEADER.size + skipped


@contextmanager
def _archive(path: Path, file: str) -> Iterator[zipfile.ZipFile]:
    with _Bounded(path) as packed:
        with _in_words(file):
            archive = zipfile.ZipFile(packed)
        with archive:
            yield archive


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise PermanentError(damaged(name, error)) from None
    except OSError as error:
        if not is_damage(error):
            raise
        raise PermanentError(damaged(name, error)) from None


@contextmanager
def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Iterator[Blocks]:
    with _in_words(name):
        stream = archive.open(member)
    with stream:
        yield Blocks(stream, name)


class _Bounded(io.FileIO):
    """An archive's file that reads no table of contents larger than memory should hold."""

    def read(self, size: int | None = -1) -> Any:
        if size is not None and size > TABLE_BYTES:
            raise zipfile.BadZipFile(f"its table of contents has {size:,} bytes, as none of a few files does")
        return super().read(size)
