from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.lake.open_file import WRITTEN_SCHEMA, OpenFile


def test_a_file_that_cannot_be_begun_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks: list[pa.NativeFile] = []

    def no_memory(sink: pa.NativeFile, *_schema: pa.Schema, **_named: object) -> None:
        sinks.append(sink)
        raise MemoryError

    monkeypatch.setattr(pq, "ParquetWriter", no_memory)
    with pytest.raises(MemoryError):
        OpenFile.begin(PyArrowFileIO(), f"file://{tmp_path}/one.parquet", "1", WRITTEN_SCHEMA.empty_table())
    assert [sink.closed for sink in sinks] == [True]
