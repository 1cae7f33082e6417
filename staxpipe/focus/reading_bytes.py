"""From a data file to the CSV texts in it, unpacked as a stream: plain, in gzip, or members of a ZIP archive.

Nothing is written to disk, and no member's name is ever used as a path. What the bytes mean is not known here.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.model import FileFormat

PLAUSIBLE_BYTES = 2 << 30
"""Whatever a file packs, it may unpack to this much: CSV of constant columns reaches deflate's limit of 1 to 1,032."""

PLAUSIBLE_RATIO = 200
"""How many bytes a packed byte may give beyond `PLAUSIBLE_BYTES`. Cost reports reach 10 to 60."""

TABLE_BYTES = 4 << 20
"""The longest table of contents of an archive that is read: it is held in memory."""

_OTHER_PACKINGS = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"PAR1",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
)
_ENCRYPTED = 1
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)
"""What Python's zipfile raises on damaged archives (found by fuzzing); only the first says so in its name."""


@dataclass(frozen=True)
class Part:
    """One CSV text: a data file itself, or a member of one that is an archive.

    `name` is how to call it to people. `open` begins to read it from its start, as often as one likes.
    """

    name: str
    open: Callable[[], AbstractContextManager[Unpacked]]


@dataclass
class Meter:
    """How many bytes a file gave, and out of how many: all members of an archive together, for they may overlap."""

    file: str
    packed: int = 0
    unpacked: int = 0

    def check(self) -> None:
        """Refuse a file that was made to burst its reader.

        Raises:
            PermanentError: more than `PLAUSIBLE_BYTES` came out, and more than `PLAUSIBLE_RATIO` times what went in.
        """
        if self.unpacked > max(PLAUSIBLE_BYTES, PLAUSIBLE_RATIO * self.packed):
            raise PermanentError(
                f"{self.file} unpacks to more than {PLAUSIBLE_RATIO} times its size ({self.packed:,} bytes gave "
                f"{self.unpacked:,} so far), which no cost report does. It was not read any further."
            )


class Unpacked(io.RawIOBase):
    """A text's bytes, unpacked while they are read, in memory that does not grow.

    A file that was made to burst its reader (a "zip bomb") is refused by the rule of `Meter`. A single endless line
    needs no rule here: no record may be longer than a block (see reading_csv.py).
    """

    def __init__(self, stream: Any, file: str, packed: Any = None, meter: Meter | None = None) -> None:
        super().__init__()
        self.meter = meter
        self._stream = stream
        self._packed = packed
        self._at = packed.tell() if packed is not None else 0
        self._file = file
        self._again = b""
        self._last = b""

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes (fewer only at the end).

        Raises:
            PermanentError: the packed bytes are cut, damaged or a bomb.
        """
        again, self._again = self._again[:size], self._again[size:]
        if len(again) == size:
            return again
        try:
            block: bytes = self._stream.read(size - len(again))
        except _DAMAGE as error:
            raise PermanentError(_damaged(self._file, str(error) or "it stops before its end")) from None
        except OSError as error:
            if error.errno is not None:
                raise
            words = str(error).splitlines()[0]  # Arrow's, about gzip
            raise PermanentError(_cut(self._file) if "Truncated" in words else _damaged(self._file, words)) from None
        if block:
            self._last = block[-1:]
        if self.meter is not None:
            at = self._packed.tell()
            self.meter.packed += at - self._at
            self.meter.unpacked += len(block)
            self._at = at
            self.meter.check()
        return again + block if again else block

    def unread(self, data: bytes) -> None:
        """Give these bytes once more, before all others."""
        self._again = data + self._again

    @property
    def ends_line(self) -> bool:
        """Whether the last byte that was unpacked ends a line."""
        return self._last in (b"\n", b"\r")


def parts_of(path: Path, format: FileFormat, file: str) -> list[Part]:
    """The CSV texts of a data file, in its own order.

    Raises:
        PermanentError: the file is not packed as its format says, or holds what cannot be read.
    """
    match format:
        case FileFormat.CSV:
            return [Part(file, partial(_plain, path, file))]
        case FileFormat.CSV_GZIP:
            _require_gzip(path, file)
            return [Part(file, partial(_gzip, path, file))]
        case FileFormat.CSV_ZIP:
            return _members(path, file)
        case FileFormat.PARQUET:
            raise ValueError("a Parquet file holds no CSV")


@contextmanager
def _plain(path: Path, file: str) -> Iterator[Unpacked]:
    with path.open("rb", buffering=0) as stream:
        yield Unpacked(stream, file)


@contextmanager
def _gzip(path: Path, file: str) -> Iterator[Unpacked]:
    with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, "gzip") as stream:
        yield Unpacked(stream, file, packed, Meter(file))


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
    meter = Meter(file)
    with _archive(path, file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in members:
            if member.filename.startswith("__MACOSX/"):  # what macOS adds beside each file
                continue
            name = f"{file} (its member {member.filename})"
            if member.flag_bits & _ENCRYPTED:
                raise PermanentError(f"{name} is encrypted, so it cannot be read. Deliver it without a password.")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise PermanentError(f"{name} is packed by a method that is not read here. Pack it by deflate.")
            with _read_member(archive, member, name, None) as stream:
                start = stream.read(6)
            if start.startswith(_OTHER_PACKINGS):
                raise PermanentError(f"{name} is packed once more. Archives in archives are not read: unpack it first.")
            if member.filename.lower().endswith(".csv"):
                called = file if len(members) == 1 else name
                parts.append(Part(called, partial(_member, path, file, member, called, meter)))
    if not parts:
        raise PermanentError(f"{file} has no CSV file in it, and of a ZIP archive nothing else is read.")
    return parts


@contextmanager
def _member(path: Path, file: str, member: zipfile.ZipInfo, name: str, meter: Meter) -> Iterator[Unpacked]:
    with _archive(path, file) as archive, _read_member(archive, member, name, meter) as stream:
        yield stream


@contextmanager
def _archive(path: Path, file: str) -> Iterator[zipfile.ZipFile]:
    with _Bounded(path) as packed:
        try:
            archive = zipfile.ZipFile(packed)
        except _DAMAGE as error:
            raise PermanentError(_damaged(file, f"as a ZIP archive: {error}")) from None
        with archive:
            yield archive


@contextmanager
def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, meter: Meter | None
) -> Iterator[Unpacked]:
    try:
        stream = archive.open(member)
    except _DAMAGE as error:
        raise PermanentError(_damaged(name, str(error))) from None
    with stream:
        yield Unpacked(stream, name, archive.fp, meter)


class _Bounded(io.FileIO):
    """An archive's file that reads no table of contents larger than memory should hold."""

    def read(self, size: int | None = -1) -> Any:
        if size is not None and size > TABLE_BYTES:
            raise zipfile.BadZipFile(f"its table of contents has {size:,} bytes, as none of a few files does")
        return super().read(size)


def _damaged(file: str, words: str) -> str:
    return f"{file} is damaged and cannot be unpacked: {words.rstrip('.')}. It must be delivered or copied again."


def _cut(file: str) -> str:
    return f"{file} is cut: its gzip stream stops before its end. It must be delivered or copied again."
