"""What months held, for longer than the table's snapshots reach; and that neither they nor manifests pile up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyiceberg.table import Table
from sqlalchemy import Engine

from staxpipe.lake import history, manifests, states
from staxpipe.lake.catalog import TABLE, open_catalog
from staxpipe.lake.history import line
from staxpipe.lake.table import HeldDelivery, Lake
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, costs
from staxpipe_tests.lake.test_history import assert_whole, current_rows, make_old, put, rows_of


def iceberg(settings: Settings, engine: Engine) -> Table:
    return open_catalog(settings, engine).load_table(TABLE)


def put_export(lake: Lake, export: int, delivery: str, period: BillingPeriod) -> None:
    with lake.writer(export, period, delivery) as writer:
        writer.write(costs(1, "1", period=period, export_id=export, delivery=delivery))
    lake.replace(export, period, writer.files, delivery)


def test_deliveries_are_readable_for_longer_than_their_snapshots(
    lake: Lake, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history.surplus, "__defaults__", (3,))
    put(lake, "n1", 5, NOVEMBER)
    for rows in range(1, 8):
        put(lake, f"d{rows}", rows)
    assert len(iceberg(settings, engine).metadata.snapshots) == 3
    make_old(settings)
    put(lake, "d8", 8)  # also looks for files without use
    assert lake.remove_unneeded() == 0
    assert [rows_of(lake, f"d{rows}") for rows in range(1, 9)] == list(range(1, 9))
    assert rows_of(lake, "n1", NOVEMBER) == 5
    assert_whole(iceberg(settings, engine))

    lake.expire(datetime.now(UTC))
    make_old(settings)
    assert lake.remove_unneeded() == 7
    assert lake.deliveries_held() == {HeldDelivery(1, OCTOBER, "d8"), HeldDelivery(1, NOVEMBER, "n1")}
    assert [current_rows(lake), current_rows(lake, NOVEMBER)] == [8, 5]


def test_a_commit_whose_writer_was_killed_before_it_was_put_down_is_found(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, "d1", 10)
    catch_up = states.catch_up
    calls = 0

    def killed_after_the_commit(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        catch_up(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(states, "catch_up", killed_after_the_commit)
    with pytest.raises(KeyboardInterrupt):
        put(lake, "d2", 20)
    monkeypatch.undo()
    assert lake.delivery_of(1, OCTOBER) == "d2"
    assert lake.deliveries_held() == {HeldDelivery(1, OCTOBER, "d1"), HeldDelivery(1, OCTOBER, "d2")}
    assert [rows_of(lake, "d1"), rows_of(lake, "d2")] == [10, 20]


@pytest.mark.parametrize("went_on", [False, True], ids=["and left", "and went on"])
def test_a_table_that_was_rolled_back_holds_what_it_held(
    lake: Lake, settings: Settings, engine: Engine, went_on: bool
) -> None:
    put(lake, "d1", 10)
    put(lake, "n1", 3, NOVEMBER)
    put(lake, "d2", 20)
    table = iceberg(settings, engine)
    table.manage_snapshots().rollback_to_snapshot(line(table.metadata)[2].snapshot_id).commit()
    if went_on:  # a commit of somebody else's, newer than all of ours
        table = iceberg(settings, engine)
        table.append(table.schema().as_arrow().empty_table())
    assert (lake.delivery_of(1, OCTOBER), lake.delivery_of(1, NOVEMBER)) == ("d1", None)
    put(lake, "d3", 30)
    assert [rows_of(lake, "d1"), rows_of(lake, "d2"), rows_of(lake, "d3")] == [10, None, 30]


def test_manifests_stay_few_and_plans_read_those_of_their_month(
    lake: Lake, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "FEW", 2)
    monkeypatch.setattr(manifests, "SMALL", 4)
    for delivery in range(2):
        for period in (OCTOBER, NOVEMBER):
            for export in range(1, 6):
                put_export(lake, export, f"d{delivery}", period)
    table = iceberg(settings, engine)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    kept = snapshot.manifests(table.io)
    live = [manifest for manifest in kept if (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)]
    assert len(kept) - len(live) <= 1, "only the last commit says what it removed"
    assert len(live) <= 2 * 4
    assert None not in {manifests.month_of(manifest) for manifest in live}
    planned = {(file.export_id, file.period) for file in lake.plan()}
    assert planned == {(export, period) for export in range(1, 6) for period in (OCTOBER, NOVEMBER)}
    assert len(lake.plan()) == 10
    for export in range(1, 6):
        assert sum(batch.num_rows for batch in lake.batches(export, OCTOBER, ["BilledCost"])) == 1
    assert_whole(table)
