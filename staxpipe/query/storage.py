"""How DuckDB reads the lake's files: local ones by itself, those in S3 through pyarrow.

DuckDB's own S3 reader is an extension that is downloaded at first use; this way works offline, with the credentials
and the endpoint that the lake is written with. Either way a query reads a list of Parquet files by `read_parquet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from fsspec import AbstractFileSystem  # type: ignore[import-untyped]
from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]
from pyarrow.fs import FileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.lake.table import Lake, PlannedFile


def reach(session: duckdb.DuckDBPyConnection, lake: Lake, files: Sequence[PlannedFile]) -> None:
    """Let a session read these files, where they are in S3."""
    if files and files[0].path.startswith("s3://") and isinstance(lake.io, PyArrowFileIO):
        bucket = files[0].path.removeprefix("s3://").split("/", 1)[0]
        session.register_filesystem(S3ForDuckDB(lake.io.fs_by_scheme("s3", bucket)))


def duckdb_path(path: str) -> str:
    """A file of the lake by the name that DuckDB knows it by."""
    return path.removeprefix("file://")


class S3ForDuckDB(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """pyarrow's S3, read-only, under the names s3://bucket/key."""

    protocol = "s3"
    cachable = False

    def __init__(self, filesystem: FileSystem) -> None:
        super().__init__()
        self._arrow = ArrowFSWrapper(filesystem)

    def info(self, path: str, **_ignored: Any) -> dict[str, Any]:
        """Size and time of an object."""
        found: dict[str, Any] = self._arrow.info(_key(path))
        return {**found, "name": path}

    def exists(self, path: str, **_ignored: Any) -> bool:
        """Whether an object is there."""
        return bool(self._arrow.exists(_key(path)))

    def modified(self, path: str) -> Any:
        """When an object was written."""
        return self._arrow.modified(_key(path))

    def glob(self, path: str, **_ignored: Any) -> list[str]:
        """The path itself: only whole names are ever asked for."""
        return [path]

    def _open(self, path: str, mode: str = "rb", **_ignored: Any) -> Any:
        if mode != "rb":
            raise PermissionError("the lake is read-only here")
        return self._arrow.open(_key(path), "rb", seekable=True)


def _key(path: str) -> str:
    return path.removeprefix("s3://")
