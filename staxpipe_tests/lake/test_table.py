from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from sqlalchemy import Engine

from staxpipe.errors import TransientError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.lake import table as table_module
from staxpipe.lake import writer as writer_module
from staxpipe.lake.catalog import TABLE, open_catalog
from staxpipe.lake.table import Lake, LakeFile
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, PAYER, costs, line_items


def load(
    lake: Lake,
    *batches: pa.RecordBatch,
    export_id: int = 1,
    period: BillingPeriod = OCTOBER,
    delivery: str = "d1",
) -> tuple[LakeFile, ...]:
    with lake.writer(export_id, period, delivery) as writer:
        for batch in batches:
            writer.write(batch)
    lake.replace(export_id, period, writer.files, delivery)
    return writer.files


def billed(lake: Lake, export_id: int = 1, period: BillingPeriod = OCTOBER) -> Decimal:
    batches = lake.batches(export_id, period, ["BilledCost"])
    return sum((pc.sum(batch.column("BilledCost")).as_py() for batch in batches), Decimal(0))


def everything(lake: Lake) -> pa.Table:
    return pa.Table.from_batches(lake.read(lake.plan(), LINE_ITEM_SCHEMA.names)).cast(LINE_ITEM_SCHEMA)


def data_files(settings: Settings) -> set[Path]:
    return set(Path(settings.lake).rglob("*.parquet"))


def test_what_is_written_is_what_is_read(lake: Lake) -> None:
    batch = line_items([{"Tags": [("user:Team", "日本"), ("user:Env", None)], "InvoiceId": "i-1"}, {"Tags": None}])
    load(lake, batch)
    assert everything(lake).to_pylist() == batch.to_pylist()


def test_files_hold_plain_columns_with_statistics_that_anybody_can_read(lake: Lake, settings: Settings) -> None:
    load(lake, costs(100))
    (path,) = data_files(settings)
    parquet = pq.ParquetFile(path)
    assert parquet.schema_arrow.equals(LINE_ITEM_SCHEMA)
    column = parquet.metadata.row_group(0).column(LINE_ITEM_SCHEMA.get_field_index("ChargePeriodStart"))
    assert column.statistics.min == OCTOBER.start
    assert column.compression == "ZSTD"


def test_iceberg_reads_the_table_by_itself(lake: Lake, settings: Settings, engine: Engine) -> None:
    load(lake, costs(10, "0.1"), costs(5, "0.2", account=OTHER_PAYER))
    scanned = open_catalog(settings, engine).load_table(TABLE).scan(selected_fields=("BilledCost",)).to_arrow()
    assert pc.sum(scanned["BilledCost"]).as_py() == Decimal("2.0")


def test_a_file_holds_one_account_and_says_which(lake: Lake) -> None:
    load(lake, line_items([{"BillingAccountId": account} for account in (PAYER, OTHER_PAYER, PAYER)]))
    assert {(file.billing_account_id, file.rows) for file in lake.plan()} == {(PAYER, 2), (OTHER_PAYER, 1)}


def test_a_restated_month_takes_the_place_of_the_old_one_and_of_nothing_else(lake: Lake) -> None:
    load(lake, costs(10, "1"), costs(10, "1", account=OTHER_PAYER))
    load(lake, costs(10, "2", period=NOVEMBER), period=NOVEMBER)
    load(lake, costs(10, "3", export_id=2), export_id=2)
    load(lake, costs(4, "1", delivery="d2"), delivery="d2")
    assert [billed(lake), billed(lake, period=NOVEMBER), billed(lake, export_id=2)] == [4, 20, 30]
    assert {file.billing_account_id for file in lake.plan(period=OCTOBER) if file.export_id == 1} == {PAYER}
    assert lake.delivery_of(1, OCTOBER) == "d2"


def test_replacing_writes_no_data_and_keeps_the_old_files_for_history(
    lake: Lake, settings: Settings, engine: Engine
) -> None:
    before = load(lake, costs(10, "1"))
    old = open_catalog(settings, engine).load_table(TABLE).current_snapshot()
    assert old is not None
    after = load(lake, costs(10, "2", delivery="d2"), delivery="d2")
    assert {str(path) for path in data_files(settings)} == {
        file.path.removeprefix("file://") for file in (*before, *after)
    }
    table = open_catalog(settings, engine).load_table(TABLE)
    history = table.scan(snapshot_id=old.snapshot_id, selected_fields=("BilledCost",)).to_arrow()
    assert pc.sum(history["BilledCost"]).as_py() == Decimal(10)


def test_one_delivery_is_one_snapshot_that_names_it(lake: Lake, settings: Settings, engine: Engine) -> None:
    load(lake, costs(10), delivery="20181101T000000Z/ü")
    load(lake, costs(10), delivery="d2")
    snapshots = open_catalog(settings, engine).load_table(TABLE).metadata.snapshots
    named = [snapshot.summary.additional_properties["staxpipe.delivery"] for snapshot in snapshots if snapshot.summary]
    assert named == ["20181101T000000Z/ü", "d2"]


def test_the_same_files_again_change_nothing(lake: Lake) -> None:
    with lake.writer(1, OCTOBER, "d1") as writer:
        writer.write(costs(10))
    first = lake.replace(1, OCTOBER, writer.files, "d1")
    planned = lake.plan()
    assert lake.replace(1, OCTOBER, writer.files, "d1") == first
    assert lake.plan() == planned


def test_the_same_delivery_in_new_files_changes_no_row(lake: Lake) -> None:
    load(lake, costs(10, "1"))
    load(lake, costs(10, "1"))
    assert billed(lake) == 10
    assert sum(file.rows for file in lake.plan()) == 10


def test_a_delivery_without_rows_makes_an_empty_month(lake: Lake) -> None:
    load(lake, period=NOVEMBER, delivery="empty")
    assert lake.delivery_of(1, NOVEMBER) == "empty"
    load(lake, costs(10))
    load(lake, delivery="empty")
    assert lake.plan() == []
    assert lake.delivery_of(1, OCTOBER) == "empty"
    assert billed(lake) == 0


def test_an_empty_batch_makes_no_file(lake: Lake) -> None:
    assert load(lake, costs(0)) == ()


def test_rows_of_another_export_or_month_are_refused(lake: Lake) -> None:
    load(lake, costs(10, "1"))
    for foreign in (costs(1, export_id=2), costs(1, period=NOVEMBER)):
        with lake.writer(1, OCTOBER, "d2") as writer:
            writer.write(foreign)
        with pytest.raises(ValueError, match="is not of export 1"):
            lake.replace(1, OCTOBER, writer.files, "d2")
    assert billed(lake) == 10


def test_planning_asks_metadata_for_one_account_and_month(lake: Lake) -> None:
    load(lake, costs(1), costs(2, account=OTHER_PAYER))
    load(lake, costs(3, period=NOVEMBER), period=NOVEMBER)
    assert [file.rows for file in lake.plan(account=PAYER)] == [1, 3]
    assert [file.rows for file in lake.plan(period=OCTOBER)] == [1, 2]
    assert [file.rows for file in lake.plan(account=OTHER_PAYER, period=NOVEMBER)] == []
    assert [file.period for file in lake.plan(account=PAYER)] == [OCTOBER, NOVEMBER]
    assert lake.plan(account="' or true --") == []


def test_an_exception_while_writing_leaves_no_file(
    lake: Lake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 100)
    load(lake, costs(10, "1"))
    before = data_files(settings)

    def breaks() -> None:
        with lake.writer(1, OCTOBER, "d2") as writer:
            for _ in range(3):
                writer.write(costs(100, delivery="d2"))
            assert data_files(settings) != before
            raise RuntimeError("a number that is not one")

    with pytest.raises(RuntimeError, match="not one"):
        breaks()
    assert data_files(settings) == before
    assert billed(lake) == 10


def test_files_that_are_never_committed_are_never_read(lake: Lake) -> None:
    load(lake, costs(10, "1"))
    with lake.writer(1, OCTOBER, "d2") as writer:
        writer.write(costs(10, "5", delivery="d2"))
    assert billed(lake) == 10


def test_different_months_committed_at_once_are_all_there(settings: Settings, engine: Engine) -> None:
    periods = [BillingPeriod(2018, month) for month in range(1, 9)]

    def one(period: BillingPeriod) -> None:
        load(Lake.open(settings, engine), costs(10, "1", period=period), period=period)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, periods))
    lake = Lake.open(settings, engine)
    assert {period: billed(lake, period=period) for period in periods} == dict.fromkeys(periods, Decimal(10))


def test_the_same_month_committed_at_once_is_one_of_the_two(settings: Settings, engine: Engine) -> None:
    both_wrote = threading.Barrier(2)

    def one(delivery: str) -> None:
        lake = Lake.open(settings, engine)
        with lake.writer(1, OCTOBER, delivery) as writer:
            writer.write(costs(10 if delivery == "d1" else 7, "1", delivery=delivery))
        both_wrote.wait(30)
        lake.replace(1, OCTOBER, writer.files, delivery)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, ["d1", "d2"]))
    lake = Lake.open(settings, engine)
    assert billed(lake) == {"d1": 10, "d2": 7}[str(lake.delivery_of(1, OCTOBER))]


def test_a_reader_that_planned_before_a_replacement_reads_the_old_month_whole(lake: Lake) -> None:
    load(lake, costs(10, "1"))
    reading = lake.batches(1, OCTOBER, ["BilledCost"])
    load(lake, costs(10, "2", delivery="d2"), delivery="d2")
    assert sum(batch.num_rows for batch in reading) == 10


def test_a_stranger_who_commits_first_is_waited_out(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([True, True])
    commit = Table._do_commit

    def refused(self: Table, *args: object, **kwargs: object) -> None:
        if next(refusals, False):
            raise CommitFailedException("somebody else was faster")
        commit(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "_do_commit", refused)
    load(lake, costs(10, "1"))
    assert billed(lake) == 10


def test_a_stranger_who_always_commits_first_is_a_transient_error(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: object, **_kwargs: object) -> None:
        raise CommitFailedException("somebody else was faster")

    monkeypatch.setattr(table_module.Lake, "_replace", refused)
    with pytest.raises(TransientError, match="Nothing was committed"):
        lake.replace(1, OCTOBER, (), "d1")


def test_opening_again_finds_the_same_table(lake: Lake, settings: Settings, engine: Engine) -> None:
    load(lake, costs(10, "1"))
    assert billed(Lake.open(settings, engine)) == 10


def test_two_who_open_for_the_first_time_at_once_find_one_table(settings: Settings, engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        lakes = list(pool.map(lambda _: Lake.open(settings, engine), range(4)))
    load(lakes[0], costs(10, "1"))
    assert [billed(lake) for lake in lakes] == [10] * 4
