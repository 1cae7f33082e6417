from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.lake.rollups import NAME, read_rollup, write_rollup
from staxpipe.lake.table import Lake
from staxpipe.warehouse.rollup import Rollup
from staxpipe_tests.lake.line_item_batches import OCTOBER, costs

NEXT_WEEK = datetime.now(UTC) + timedelta(days=7)


def rolled_up(count: int) -> pa.Table:
    rollup = Rollup()
    rollup.add(costs(count, "0.000000000000000001"))
    return rollup.table()


def kept(folder: Path) -> Path:
    return folder / NAME


def test_a_rollup_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = rolled_up(100)
    write_rollup(PyArrowFileIO(), f"file://{tmp_path}", table)
    found = read_rollup(PyArrowFileIO(), f"file://{tmp_path}")
    assert found is not None
    assert found.schema == table.schema
    assert found.equals(table)


def test_where_none_was_kept_there_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_rollup(PyArrowFileIO(), f"file://{tmp_path}") is None
    assert caplog.records == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_one_is_none_and_never_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    table = rolled_up(100)
    write_rollup(PyArrowFileIO(), f"file://{tmp_path}", table)
    whole = kept(tmp_path).read_bytes()
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        footer = int.from_bytes(whole[-8:-4], "little") + 8
        at = data.draw(st.integers(0, len(whole) - footer - 1))
        damaged = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    kept(tmp_path).write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        found = read_rollup(PyArrowFileIO(), f"file://{tmp_path}")
    if found is None:
        assert "cannot be used" in caplog.text
    else:  # what was damaged means nothing
        assert found.equals(table)


def test_it_lives_and_dies_with_the_folder_of_its_delivery(lake: Lake) -> None:
    folders: list[Path] = []
    for delivery in ("killed", "d1", "d2"):
        with lake.writer(1, OCTOBER, delivery) as writer:
            writer.write(costs(3, delivery=delivery))
        folder = writer.files[0].path.rsplit("/", 1)[0]
        write_rollup(lake.io, folder, rolled_up(len(folders) + 1))
        folders.append(Path(folder.removeprefix("file://")))
        if delivery != "killed":
            lake.replace(1, OCTOBER, writer.files, delivery)
    assert lake.kept_rollup(1, OCTOBER) == rolled_up(3)  # of what the month holds now
    lake.remove_unneeded(NEXT_WEEK)
    assert [kept(folder).exists() for folder in folders] == [False, True, True]
    lake.expire(NEXT_WEEK)
    lake.remove_unneeded(NEXT_WEEK)
    assert [kept(folder).exists() for folder in folders] == [False, False, True]
    assert lake.kept_rollup(1, OCTOBER) == rolled_up(3)


def test_a_month_that_is_empty_or_was_never_loaded_has_none(lake: Lake) -> None:
    assert lake.kept_rollup(1, OCTOBER) is None
    lake.replace(1, OCTOBER, (), "d1")
    assert lake.kept_rollup(1, OCTOBER) is None
