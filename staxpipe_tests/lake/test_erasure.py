"""Exports that are taken out of the lake leave nothing behind, and everybody else's past can still be read."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from staxpipe.lake.table import HeldDelivery, Holding, Lake
from staxpipe.settings import Settings
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER
from staxpipe_tests.lake.test_history import assert_whole
from staxpipe_tests.lake.test_states import iceberg, put_export


def test_an_export_is_gone_and_the_past_of_others_is_not(lake: Lake, settings: Settings, engine: Engine) -> None:
    for export, delivery, period in (
        (1, "a1", OCTOBER),
        (2, "b1", OCTOBER),
        (1, "a2", OCTOBER),
        (2, "b2", OCTOBER),
        (1, "a3", NOVEMBER),
        (2, "b3", NOVEMBER),
    ):
        put_export(lake, export, delivery, period)
    before = lake.holding([1])
    assert (before.rows, before.deliveries, before.files) == (2, 3, 3)
    assert before.snapshots >= 4
    other = lake.holding([2])
    lake.erase([1])
    assert lake.holding([1]) == Holding()
    after = lake.holding([2])
    assert (after.rows, after.deliveries, after.files, after.bytes) == (
        other.rows,
        other.deliveries,
        other.files,
        other.bytes,
    )
    assert {file.export_id for file in lake.plan()} == {2}
    assert lake.deliveries_held() == {
        HeldDelivery(2, OCTOBER, "b1"),
        HeldDelivery(2, OCTOBER, "b2"),
        HeldDelivery(2, NOVEMBER, "b3"),
    }
    for name, period in (("b1", OCTOBER), ("b2", OCTOBER), ("b3", NOVEMBER)):
        files = lake.files_of_delivery(2, period, name)
        assert files is not None
        assert sum(batch.num_rows for batch in lake.read(files, ["BilledCost"])) == 1
    assert_whole(iceberg(settings, engine))
    assert len(iceberg(settings, engine).metadata.snapshots) == 1


def test_the_table_goes_on_after_it(lake: Lake, settings: Settings, engine: Engine) -> None:
    put_export(lake, 1, "a1", OCTOBER)
    put_export(lake, 2, "b1", OCTOBER)
    lake.erase([1])
    put_export(lake, 2, "b2", OCTOBER)
    put_export(lake, 3, "c1", NOVEMBER)
    assert lake.delivery_of(2, OCTOBER) == "b2"
    assert lake.files_of_delivery(2, OCTOBER, "b1") is not None
    assert lake.remove_unneeded() == 0
    assert_whole(iceberg(settings, engine))


def test_the_newest_commit_of_an_erased_export_does_not_bring_it_back(lake: Lake) -> None:
    put_export(lake, 2, "b1", OCTOBER)
    put_export(lake, 1, "a1", OCTOBER)
    lake.replace(1, OCTOBER, (), "a2")  # its month is empty, and the table's newest commit says so
    lake.erase([1])
    assert lake.delivery_of(1, OCTOBER) is None
    assert lake.deliveries_held() == {HeldDelivery(2, OCTOBER, "b1")}


def test_all_exports_may_go_and_a_second_time_changes_nothing(lake: Lake, settings: Settings, engine: Engine) -> None:
    put_export(lake, 1, "a1", OCTOBER)
    put_export(lake, 2, "b1", OCTOBER)
    lake.erase([1, 2])
    snapshot = iceberg(settings, engine).metadata.current_snapshot_id
    assert lake.plan() == []
    assert not [path for path in Path(settings.lake).rglob("data/**/*") if path.is_file()]
    lake.erase([1, 2])
    assert iceberg(settings, engine).metadata.current_snapshot_id == snapshot
    put_export(lake, 3, "c1", OCTOBER)
    assert [file.export_id for file in lake.plan()] == [3]


def test_an_empty_lake_has_nothing_to_erase(lake: Lake) -> None:
    lake.erase([1])
    assert lake.holding([1]) == Holding()
