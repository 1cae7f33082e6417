"""The lake as of earlier deliveries, and what is left of it when they expire."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from sqlalchemy import Engine

from staxpipe.errors import TransientError
from staxpipe.lake.catalog import TABLE, open_catalog
from staxpipe.lake.needed import data_files
from staxpipe.lake.table import HeldDelivery, Lake, LakeFile
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, costs

DECEMBER = BillingPeriod(2018, 12)
AGES_AGO = datetime(2019, 1, 1, tzinfo=UTC)


def put(lake: Lake, delivery: str, rows: int, period: BillingPeriod = OCTOBER) -> tuple[LakeFile, ...]:
    """Commit a delivery of as many rows; no two commits are of the same millisecond."""
    time.sleep(0.002)
    with lake.writer(1, period, delivery) as writer:
        writer.write(costs(rows, "1", period=period, delivery=delivery))
    lake.replace(1, period, writer.files, delivery)
    return writer.files


def now() -> datetime:
    """A moment after everything that was committed, and before all that will be."""
    time.sleep(0.002)
    return datetime.now(UTC)


def rows_of(lake: Lake, delivery: str, period: BillingPeriod = OCTOBER) -> int | None:
    """How many rows the lake really reads of a month as of a delivery."""
    files = lake.files_of_delivery(1, period, delivery)
    return None if files is None else sum(batch.num_rows for batch in lake.read(files, ["BilledCost"]))


def current_rows(lake: Lake, period: BillingPeriod = OCTOBER) -> int:
    return sum(batch.num_rows for batch in lake.batches(1, period, ["BilledCost"]))


def make_old(settings: Settings) -> None:
    """As if every file of the lake had been written long ago."""
    for path in Path(settings.lake).rglob("*"):
        os.utime(path, (AGES_AGO.timestamp(), AGES_AGO.timestamp()))


def there(file: LakeFile) -> bool:
    return Path(file.path.removeprefix("file://")).exists()


def iceberg(settings: Settings, engine: Engine) -> Table:
    return open_catalog(settings, engine).load_table(TABLE)


def assert_whole(table: Table) -> None:
    """Every snapshot can be read to its last file."""
    for snapshot in table.metadata.snapshots:
        for file in data_files(table, snapshot_id=snapshot.snapshot_id):
            assert Path(file.file_path.removeprefix("file://")).exists()


def test_a_month_is_read_as_of_each_of_its_deliveries(lake: Lake) -> None:
    put(lake, "d1", 10)
    put(lake, "n1", 3, NOVEMBER)
    put(lake, "d2", 20)
    put(lake, "n2", 4, NOVEMBER)
    assert [rows_of(lake, "d1"), rows_of(lake, "d2"), rows_of(lake, "d3")] == [10, 20, None]
    assert [rows_of(lake, "n1", NOVEMBER), rows_of(lake, "n2", NOVEMBER)] == [3, 4]
    assert rows_of(lake, "d1", DECEMBER) is None
    assert lake.files_of_delivery(2, OCTOBER, "d1") is None


def test_a_delivery_that_was_loaded_again_is_read_as_it_was_the_last_time(lake: Lake) -> None:
    for delivery, rows in (("d1", 10), ("d2", 20), ("d1", 11), ("d3", 30)):
        put(lake, delivery, rows)
    assert rows_of(lake, "d1") == 11


def test_an_emptied_month_can_be_read_as_of_before(lake: Lake) -> None:
    put(lake, "d1", 10)
    lake.replace(1, OCTOBER, (), "d2")
    assert [rows_of(lake, "d1"), rows_of(lake, "d2")] == [10, 0]


def test_expired_deliveries_go_with_their_files_and_everything_else_stays(
    lake: Lake, settings: Settings, engine: Engine
) -> None:
    expired = put(lake, "d1", 10)
    november = put(lake, "n1", 3, NOVEMBER)
    superseded = put(lake, "d2", 20)
    horizon = now()
    current = put(lake, "d3", 30)
    make_old(settings)

    assert lake.expire(horizon) == 2
    assert lake.remove_unneeded() == 1
    assert [there(file) for file in (*expired, *superseded, *current, *november)] == [False, True, True, True]
    assert [rows_of(lake, "d1"), rows_of(lake, "d2"), rows_of(lake, "d3")] == [None, 20, 30]
    assert lake.delivery_of(1, NOVEMBER) == "n1", "though the commit that said so is expired"
    assert rows_of(lake, "n1", NOVEMBER) == 3
    assert_whole(iceberg(settings, engine))


def test_everything_that_is_over_expires_and_the_table_stays_as_it_is(
    lake: Lake, settings: Settings, engine: Engine
) -> None:
    put(lake, "d1", 10)
    put(lake, "d2", 20)
    put(lake, "n1", 3, NOVEMBER)
    put(lake, "e", 5, DECEMBER)
    lake.replace(1, DECEMBER, (), "nothing")
    files = lake.plan()
    make_old(settings)

    assert lake.expire(now()) == 4
    assert lake.expire(now()) == 0
    assert lake.remove_unneeded() == 2
    assert len(iceberg(settings, engine).metadata.snapshots) == 1
    assert lake.plan() == files
    assert [current_rows(lake), current_rows(lake, NOVEMBER), current_rows(lake, DECEMBER)] == [20, 3, 0]
    assert {period: lake.delivery_of(1, period) for period in (OCTOBER, NOVEMBER, DECEMBER)} == {
        OCTOBER: "d2",
        NOVEMBER: "n1",
        DECEMBER: "nothing",
    }
    assert lake.deliveries_held() == {
        HeldDelivery(1, OCTOBER, "d2"),
        HeldDelivery(1, NOVEMBER, "n1"),
        HeldDelivery(1, DECEMBER, "nothing"),
    }


def test_what_was_superseded_lately_is_kept_however_old_it_is(lake: Lake) -> None:
    """The snapshot that a delivery was committed by may expire: the last one that held it does not."""
    put(lake, "d1", 10)
    put(lake, "n1", 3, NOVEMBER)
    put(lake, "n2", 4, NOVEMBER)
    horizon = now()
    put(lake, "d2", 20)
    assert lake.expire(horizon) == 2
    assert rows_of(lake, "d1") == 10
    assert rows_of(lake, "n1", NOVEMBER) is None
    assert HeldDelivery(1, OCTOBER, "d1") in lake.deliveries_held()
    assert HeldDelivery(1, NOVEMBER, "n1") not in lake.deliveries_held()


def test_a_month_goes_on_after_its_commit_expired(lake: Lake, settings: Settings) -> None:
    files = put(lake, "d1", 10)
    put(lake, "n1", 3, NOVEMBER)
    assert lake.expire(now()) == 1
    make_old(settings)
    lake.replace(1, OCTOBER, files, "d1")  # the same files again: nothing is done, and they do not go as orphans
    assert lake.expire(now()) == 0
    assert current_rows(lake) == 10
    put(lake, "d2", 20)
    assert [rows_of(lake, "d1"), rows_of(lake, "d2")] == [10, 20], "what was replaced just now can still be read"
    put(lake, "n2", 4, NOVEMBER)
    lake.expire(now())
    assert [rows_of(lake, "d1"), rows_of(lake, "d2")] == [None, 20]


def test_manifests_go_with_their_snapshots_and_no_kept_one_misses_any(
    lake: Lake, settings: Settings, engine: Engine
) -> None:
    def manifests() -> int:
        return len(list(Path(settings.lake).rglob("*.avro")))

    for rows in range(1, 6):
        put(lake, f"d{rows}", rows)
        put(lake, f"n{rows}", rows, NOVEMBER)
    horizon = now()
    put(lake, "d6", 6)
    written = manifests()
    lake.expire(horizon)
    lake.remove_unneeded()
    assert manifests() == written, "what was written just now may be of a commit under way"
    make_old(settings)
    lake.remove_unneeded()
    kept = iceberg(settings, engine)
    needed = {snapshot.manifest_list for snapshot in kept.metadata.snapshots}
    needed |= {manifest.manifest_path for s in kept.metadata.snapshots for manifest in s.manifests(kept.io)}
    assert manifests() == len(needed) < written
    assert_whole(kept)


def test_what_a_tag_of_somebody_elses_points_at_is_kept(lake: Lake, settings: Settings, engine: Engine) -> None:
    put(lake, "d1", 10)
    tagged = put(lake, "d2", 20)
    table = iceberg(settings, engine)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    table.manage_snapshots().create_tag(snapshot.snapshot_id, "closed").commit()
    put(lake, "d3", 30)
    put(lake, "n1", 3, NOVEMBER)
    put(lake, "n2", 4, NOVEMBER)
    make_old(settings)
    lake.expire(now())
    lake.remove_unneeded()
    assert there(tagged[0])
    assert lake.delivery_of(1, OCTOBER) == "d3"
    assert_whole(iceberg(settings, engine))


def test_files_that_others_wrote_are_left_to_them(lake: Lake, settings: Settings) -> None:
    put(lake, "d1", 10)
    foreign = Path(settings.lake) / "line_items" / "data" / "x_ExportId=1" / "part-0.parquet"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"theirs")
    make_old(settings)
    assert lake.remove_unneeded() == 0
    assert foreign.exists()


def test_an_empty_lake_has_nothing_to_expire(lake: Lake) -> None:
    assert lake.expire(now()) == 0
    assert lake.remove_unneeded() == 0
    assert lake.deliveries_held() == set()


def test_a_stranger_who_always_commits_first_is_a_transient_error(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "d1", 10)
    put(lake, "d2", 20)

    def refused(*_args: object, **_kwargs: object) -> None:
        raise CommitFailedException("somebody else was faster")

    monkeypatch.setattr(Table, "_do_commit", refused)
    with pytest.raises(TransientError, match="None was"):
        lake.expire(now())


DIES = """
    import os, signal, sys
    from datetime import datetime
    from pyiceberg.catalog.sql import SqlCatalog
    from staxpipe.db.engine import make_engine
    from staxpipe.lake import orphans
    from staxpipe.lake.table import Lake
    from staxpipe.settings import read_settings

    home, database_url, horizon, moment = sys.argv[1:]

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    lake = Lake.open(read_settings({"home": home, "database_url": database_url}), make_engine(database_url))
    if moment == "before the commit":
        write = SqlCatalog._write_metadata
        def then_die(*arguments, **named):
            write(*arguments, **named)
            die()
        SqlCatalog._write_metadata = staticmethod(then_die)
    delete = orphans._delete
    def first_only(*arguments):
        delete(*arguments)
        die()
    orphans._delete = first_only
    lake.expire(datetime.fromisoformat(horizon))
    if moment == "after the commit":
        die()
    lake.remove_unneeded()
"""


@pytest.mark.parametrize("moment", ["before the commit", "after the commit", "while removing"])
def test_a_killed_expiry_is_ended_by_the_next(lake: Lake, settings: Settings, engine: Engine, moment: str) -> None:
    expired = [*put(lake, "d1", 10), *put(lake, "d2", 20)]
    kept = [*put(lake, "d3", 30)]
    horizon = now()
    kept += put(lake, "d4", 40)
    make_old(settings)
    assert settings.database_url is not None
    program = [sys.executable, "-c", textwrap.dedent(DIES), str(settings.home)]
    arguments = [settings.database_url.get_secret_value(), horizon.isoformat(), moment]
    assert subprocess.run([*program, *arguments], check=False, timeout=120).returncode == -signal.SIGKILL
    left = {"before the commit": 2, "after the commit": 2, "while removing": 1}[moment]
    assert sum(there(file) for file in expired) == left
    assert_whole(iceberg(settings, engine))

    lake.expire(horizon)
    assert lake.remove_unneeded() == left
    assert [there(file) for file in (*expired, *kept)] == [False, False, True, True]
    assert [rows_of(lake, "d3"), rows_of(lake, "d4")] == [30, 40]


@pytest.mark.long
def test_any_order_of_loading_and_expiring_keeps_what_it_promises(
    lake: Lake, settings: Settings, engine: Engine
) -> None:
    """A model keeps a list of what each month held and when; the lake must say the same after every step."""
    chance = random.Random(7)
    months = (OCTOBER, NOVEMBER, DECEMBER)
    history: dict[BillingPeriod, list[tuple[str, int]]] = {month: [] for month in months}
    over: dict[tuple[BillingPeriod, str], datetime] = {}
    moments = [now()]
    expired_before = moments[0]
    for step in range(30):
        if step and chance.random() < 0.3:
            expired_before = max(expired_before, chance.choice(moments))
            lake.expire(expired_before)
            make_old(settings)
            lake.remove_unneeded()
        else:
            month, rows = chance.choice(months), chance.randrange(1, 50)
            put(lake, f"d{step}", rows, month)
            if history[month]:
                over[month, history[month][-1][0]] = datetime.now(UTC)
            history[month].append((f"d{step}", rows))
            moments.append(now())
        table = iceberg(settings, engine)
        assert_whole(table)
        everything_held = lake.deliveries_held()
        for month in months:
            *before, current = history[month] or [("", 0)]
            assert (lake.delivery_of(1, month) or "", current_rows(lake, month)) == current
            for delivery, rows in before:
                found = rows_of(lake, delivery, month)
                if over[month, delivery] >= expired_before:
                    assert found == rows
                if table.metadata.snapshots and over[month, delivery] < min(
                    datetime.fromtimestamp(s.timestamp_ms / 1000, UTC) for s in table.metadata.snapshots
                ) - timedelta(milliseconds=50):
                    assert found is None
                assert (HeldDelivery(1, month, delivery) in everything_held) is (found is not None)
    assert isinstance(lake.plan(), list)
    assert pa.Table.from_batches(lake.read(lake.plan(), ["BilledCost"])).num_rows == sum(
        held[-1][1] for held in history.values() if held
    )
