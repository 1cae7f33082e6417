from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import PyArrowFileIO

from staxpipe.lake import rollups
from staxpipe.lake.rollups import NAME, BrokenRollupError, RollupWriter, read_rollup
from staxpipe.lake.table import Lake
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA
from staxpipe_tests.lake.line_item_batches import OCTOBER, costs
from staxpipe_tests.warehouse.rollups import merged, rollup_of

NEXT_WEEK = datetime.now(UTC) + timedelta(days=7)


def rolled_up(count: int) -> pa.Table:
    return rollup_of(costs(count, "0.000000000000000001"))


def write(folder: Path, *pieces: pa.Table) -> None:
    with RollupWriter(PyArrowFileIO(), f"file://{folder}", ROLLUP_SCHEMA) as writer:
        for piece in pieces:
            writer.write(piece)


def read(folder: Path) -> list[list[pa.Table]] | None:
    """Its parts; None if it cannot be used."""
    try:
        found = read_rollup(PyArrowFileIO(), f"file://{folder}")
        return None if found is None else list(found)
    except BrokenRollupError as error:
        logging.getLogger(__name__).warning("%s", error)
        return None


def days(parts: list[list[pa.Table]] | None) -> list[set[int]]:
    """The days of October that each part has rows of."""
    assert parts is not None
    return [{day.day for table in part for day in table["day"].to_pylist()} for part in parts]


def kept(folder: Path) -> Path:
    return folder / NAME


def test_a_rollup_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = rolled_up(100)
    write(tmp_path, table)
    found = read_rollup(PyArrowFileIO(), f"file://{tmp_path}")
    assert found is not None
    assert found.schema == table.schema
    for _ in range(2):  # as often as wanted
        assert list(found) == [[table]]


def test_what_comes_in_pieces_is_read_day_by_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "ONE_PIECE_ROWS", 0)
    pieces = [rolled_up(60), rolled_up(24), rolled_up(49)]
    write(tmp_path, *pieces)
    parts = read(tmp_path)
    assert days(parts) == [{1}, {2}, {3}]
    assert parts is not None
    assert merged(table for part in parts for table in part).sort_by("day") == merged(pieces).sort_by("day")


def test_a_small_first_piece_that_others_follow_is_read_with_them(tmp_path: Path) -> None:
    write(tmp_path, rolled_up(60), rolled_up(24))
    assert days(read(tmp_path)) == [{1, 2, 3}]


def test_rows_without_a_day_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "ONE_PIECE_ROWS", 0)
    table = rolled_up(30)
    without = table.slice(0, 1).set_column(table.schema.names.index("day"), "day", pa.nulls(1, pa.date32()))
    write(tmp_path, pa.concat_tables([table, without]))
    parts = read(tmp_path)
    assert parts is not None
    assert [len(part) for part in parts] == [3]  # two days and none, together
    assert sum(table.num_rows for table in parts[0]) == table.num_rows + 1


def test_pieces_of_many_threads_are_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "ONE_PIECE_ROWS", 0)
    piece = rolled_up(48)
    with (
        RollupWriter(PyArrowFileIO(), f"file://{tmp_path}", ROLLUP_SCHEMA) as writer,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(writer.write, [piece] * 100))
    parts = read(tmp_path)
    assert parts is not None
    assert [len(part) for part in parts] == [100, 100]


def test_a_thread_that_is_late_leaves_nothing(tmp_path: Path) -> None:
    with RollupWriter(PyArrowFileIO(), f"file://{tmp_path}", ROLLUP_SCHEMA) as writer:
        pass
    with pytest.raises(ValueError, match="was closed"):
        writer.write(rolled_up(1))
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_begun_is_closed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks: list[pa.NativeFile] = []

    def no_memory(sink: pa.NativeFile, *_schema: pa.Schema, **_named: object) -> None:
        sinks.append(sink)
        raise MemoryError

    monkeypatch.setattr(pq, "ParquetWriter", no_memory)
    with pytest.raises(MemoryError):
        write(tmp_path, rolled_up(1))
    assert [sink.closed for sink in sinks] == [True]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_one_whose_delivery_failed(tmp_path: Path) -> None:
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        RollupWriter(PyArrowFileIO(), f"file://{tmp_path}", ROLLUP_SCHEMA) as writer,
    ):
        writer.write(rolled_up(3))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_where_none_was_kept_there_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(tmp_path) is None
    write(tmp_path)
    assert read(tmp_path) is None
    assert caplog.records == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_one_is_none_and_never_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    table = rolled_up(100)
    write(tmp_path, table)
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
        found = read(tmp_path)
    if found is None:
        assert "cannot be used" in caplog.text
    else:  # what was damaged means nothing
        assert found == [[table]]


def test_it_lives_and_dies_with_the_folder_of_its_delivery(lake: Lake) -> None:
    folders: list[Path] = []
    for delivery in ("killed", "d1", "d2"):
        with lake.writer(1, OCTOBER, delivery) as writer:
            writer.write(costs(3, delivery=delivery))
        folder = writer.files[0].path.rsplit("/", 1)[0]
        folders.append(Path(folder.removeprefix("file://")))
        write(folders[-1], rolled_up(3))
        if delivery != "killed":
            lake.replace(1, OCTOBER, writer.files, delivery)
    assert lake.folder_held(1, OCTOBER) == f"file://{folders[-1]}"
    lake.remove_unneeded(NEXT_WEEK)
    assert [kept(folder).exists() for folder in folders] == [False, True, True]
    lake.expire(NEXT_WEEK)
    lake.remove_unneeded(NEXT_WEEK)
    assert [kept(folder).exists() for folder in folders] == [False, False, True]


def test_a_month_that_is_empty_or_was_never_loaded_has_no_folder(lake: Lake) -> None:
    assert lake.folder_held(1, OCTOBER) is None
    lake.replace(1, OCTOBER, (), "d1")
    assert lake.folder_held(1, OCTOBER) is None
