"""CSV texts as the bytes of a data file."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Mapping

from staxpipe.model import FileFormat

CSV_FORMATS = [FileFormat.CSV, FileFormat.CSV_GZIP, FileFormat.CSV_ZIP]


def packed(text: bytes, format: FileFormat) -> bytes:
    """One text in one of `CSV_FORMATS`."""
    match format:
        case FileFormat.CSV_GZIP:
            return gzip.compress(text, mtime=0)
        case FileFormat.CSV_ZIP:
            return zipped({"a.csv": text})
        case _:
            return text


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """An archive of these members."""
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w", compression) as archive:
        archive.comment = comment
        for name, text in members.items():
            archive.writestr(name, text)
    return archived.getvalue()
