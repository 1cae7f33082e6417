"""A folder of this machine that is read as if it were a bucket: keys are paths below it, with '/'.

It never leads out of the folder: neither by '..' in a key nor through a symbolic link.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from staxpipe.errors import PermanentError, TransientError
from staxpipe.model import StoredObject


class FolderBucket:
    """A bucket whose objects are the files of a folder.

    An object's ETag is made of its size and its time of change in nanoseconds: cheap for files of many
    gigabytes, the same from run to run, and different once somebody writes the file.
    A key may begin with '/' (some tools write report keys so); it means the same as without.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._root = folder.expanduser().resolve(strict=True)
        except FileNotFoundError:
            raise PermanentError(f"There is no folder {folder}. Check the path.") from None
        if not self._root.is_dir():
            raise PermanentError(f"{folder} is a file, and a folder is needed here.")

    @property
    def folder(self) -> Path:
        """The folder itself, absolute and without symbolic links."""
        return self._root

    @property
    def url(self) -> str:
        """The folder's address: ``file:///absolute/folder``, for people to read: nothing in it is escaped."""
        return f"file://{self._root}".rstrip("/")

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every file whose key begins with `prefix`, in the order of keys; hidden files are left out."""
        prefix = prefix.lstrip("/")
        for key, path in sorted(self._walk(self._start(prefix))):
            if key.startswith(prefix):
                with suppress(FileNotFoundError):  # removed since the folder was read: then it is not there
                    yield _stored(key, path)

    def read(self, stored: StoredObject, limit: int) -> bytes:
        """The whole of a small file.

        Raises:
            PermanentError: it is larger than `limit`, absent, unreadable or outside the folder.
            TransientError: it changed since it was listed.
        """
        if stored.size > limit:
            raise PermanentError(
                f"{self._root / stored.key} has {stored.size:,} bytes; at most {limit:,} are expected."
            )
        path = self._existing(stored)
        try:
            body = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None
        self._unchanged(stored, path)
        return body

    def fetch(self, stored: StoredObject, target: Path) -> None:
        """Copy a file; `target` appears whole or not at all.

        Raises:
            PermanentError: the file is absent, unreadable or outside the folder.
            TransientError: it changed since it was listed, or while it was copied.
        """
        path = self._existing(stored)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            try:
                source = path.open("rb")
            except OSError as error:
                raise _unreadable(path, error) from None
            with source, part.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            self._unchanged(stored, path)
            if part.stat().st_size != stored.size:
                raise TransientError(f"{path} was cut while it was copied. It will be tried again.")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def head(self, key: str) -> StoredObject | None:
        """The file under a key as it is now; None where there is none, or where the key leads out of the folder."""
        path = self._path(key)
        if path is None or not _is_file(path):
            return None
        with suppress(FileNotFoundError):
            return _stored(key.lstrip("/"), path)
        return None

    def path(self, key: str) -> Path | None:
        """Where the file of a key lies; None where the key leads out of the folder."""
        return self._path(key)

    def names(self, key: str) -> frozenset[str]:
        """What lies in the folder under a key, the empty one being the root; nothing where there is no such folder."""
        path = self._path(key) if key else self._root
        try:
            return frozenset(found.name for found in path.iterdir()) if path is not None else frozenset()
        except OSError:
            return frozenset()

    def _path(self, key: str) -> Path | None:
        parts = key.lstrip("/").split("/")
        if not all(parts) or "\0" in key or {".", ".."} & set(parts):
            return None
        path = self._root.joinpath(*parts)
        try:
            return path if path.resolve().is_relative_to(self._root) else None
        except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that no file on this disk can have
            return None

    def _existing(self, stored: StoredObject) -> Path:
        path = self._path(stored.key)
        if path is None:
            raise PermanentError(f"The key {stored.key!r} leads out of {self._root}; it is not read.")
        if not _is_file(path):
            raise PermanentError(f"There is no file {path}. It was there when the folder was listed.")
        self._unchanged(stored, path)
        return path

    def _unchanged(self, stored: StoredObject, path: Path) -> None:
        try:
            now = _stored(stored.key, path)
        except FileNotFoundError:
            raise TransientError(f"{path} was removed while it was read. It will be looked for again.") from None
        if now.etag != stored.etag:
            raise TransientError(f"{path} changed since it was listed. It will be read again.")

    def _start(self, prefix: str) -> Path | None:
        """The deepest folder that holds every key of a prefix; None where there is no such folder."""
        folder = prefix.rpartition("/")[0]
        return self._root if not folder else self._path(folder)

    def _walk(self, start: Path | None) -> Iterator[tuple[str, Path]]:
        if start is None or not _is_folder(start):
            return
        # Symbolic links to folders are not followed; those to files only where they stay inside.
        for folder, folders, files in os.walk(start, onerror=_refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in files:
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if not name.startswith(".") and self._path(key) is not None and path.is_file():
                    yield key, path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than this disk's: nothing is called so
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _stored(key: str, path: Path) -> StoredObject:
    status = path.stat()
    moment = datetime.fromtimestamp(status.st_mtime, UTC)
    return StoredObject(key, status.st_size, f"{status.st_size:x}-{status.st_mtime_ns:x}", moment)


def _refuse(error: OSError) -> None:
    raise PermanentError(f"The folder {error.filename} cannot be read: {error.strerror}. Check its permissions.")


def _unreadable(path: Path, error: OSError) -> PermanentError | TransientError:
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError):
        return PermanentError(f"{path} cannot be read: {error.strerror}. Check its permissions.")
    return TransientError(f"{path} could not be read: {error.strerror}. It will be tried again.")
