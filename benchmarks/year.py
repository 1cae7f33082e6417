"""A lake and marts that hold twelve months: one month loaded by the product, eleven made of it by moving its dates.

Each month is committed as the product commits, and has the same rows and amounts; what differs is when they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, insert, literal, select

from staxpipe.db.tables import deliveries, period_sources
from staxpipe.focus.columns import LINE_ITEM_COLUMNS, MOMENT
from staxpipe.lake.table import Lake
from staxpipe.local.database import open_database
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings, read_settings
from staxpipe.warehouse.tables import daily_costs_all

MONTHS = 12
DONE = "year-is-there"


@dataclass(frozen=True)
class Year:
    """What is there to ask."""

    settings: Settings
    engine: Engine
    lake: Lake
    months: list[BillingPeriod]  # oldest first; the last is the one that the product loaded


@contextmanager
def year_of(bucket: Path, home: Path, months: int = MONTHS) -> Iterator[Year]:
    """The year of a month's delivery; made in `home` where it is not there yet, and kept."""
    done = home / f"{DONE}-{months}"
    if not done.exists():
        _load(bucket, home)
    settings = read_settings({"home": home})
    with open_database(settings) as engine:
        lake = Lake.open(settings, engine)
        newest = max(file.period for file in lake.plan())
        wanted = [newest]
        while len(wanted) < months:
            wanted.insert(0, wanted[0].previous())
        if not done.exists():
            for month in reversed(wanted[:-1]):
                _copy(engine, lake, newest, month)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
            done.touch()
        yield Year(settings, engine, lake, wanted)


def _load(bucket: Path, home: Path) -> None:
    program = [sys.executable, "-c", "from staxpipe.cli import main; main()", "load", str(bucket)]
    home.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "STAXPIPE_HOME": str(home)}
    if subprocess.run(program, env=variables, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"staxpipe load of {bucket} failed")


def _copy(engine: Engine, lake: Lake, newest: BillingPeriod, month: BillingPeriod) -> None:
    files = lake.plan(period=newest)
    export_id = files[0].export_id
    if lake.delivery_of(export_id, month) is not None:
        return
    names = [column.name for column in LINE_ITEM_COLUMNS]
    delivery = f"copy-{month}"
    with lake.writer(export_id, month, delivery) as writer:
        for batch in lake.read(files, names):
            writer.write(_moved(batch, newest, month))
    snapshot = lake.replace(export_id, month, writer.files, delivery)
    with engine.begin() as connection:
        _copy_marts(connection, export_id, newest, month, delivery, snapshot)


def _moved(batch: pa.RecordBatch, newest: BillingPeriod, month: BillingPeriod) -> pa.RecordBatch:
    """The same rows, so many days earlier; what would be after the month's end is in its last days."""
    days = (newest.start - month.start).days
    columns = []
    for column, values in zip(LINE_ITEM_COLUMNS, batch.columns, strict=True):
        if column.name == "BillingPeriodStart":
            values = pa.repeat(pa.scalar(month.start, MOMENT), batch.num_rows)
        elif column.name == "BillingPeriodEnd":
            values = pa.repeat(pa.scalar(month.end, MOMENT), batch.num_rows)
        elif column.name in {"ChargePeriodStart", "ChargePeriodEnd"}:
            values = _earlier(values, days, month)
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _earlier(moments: pa.Array, days: int, month: BillingPeriod) -> pa.Array:
    moved = pc.subtract(moments, pa.scalar(timedelta(days=days), pa.duration("us")))
    week = pa.scalar(timedelta(days=7), pa.duration("us"))
    return pc.if_else(pc.greater(moved, pa.scalar(month.end, MOMENT)), pc.subtract(moved, week), moved)


def _copy_marts(
    connection: Connection, export_id: int, newest: BillingPeriod, month: BillingPeriod, delivery: str, snapshot: int
) -> None:
    """What publishing the month would put into the marts, but for the few days that the lake's rows are moved by."""
    same = deliveries.select().where(deliveries.c.export_id == export_id, deliveries.c.period == str(newest))
    values = dict(connection.execute(same.where(deliveries.c.state == "loaded")).mappings().one())
    del values["id"]
    values |= {"period": str(month), "delivery_id": delivery, "snapshot_id": snapshot}
    number = connection.execute(insert(deliveries).values(values).returning(deliveries.c.id)).scalar_one()
    days = (newest.start - month.start).days
    changed = {
        "period": literal(str(month)),
        "delivery": literal(number),
        "day": daily_costs_all.c.day - literal(days),
    }
    rows = select(*(changed.get(column.name, column).label(column.name) for column in daily_costs_all.c)).where(
        daily_costs_all.c.export_id == export_id, daily_costs_all.c.period == str(newest)
    )
    connection.execute(insert(daily_costs_all).from_select([column.name for column in daily_costs_all.c], rows))
    elected = select(period_sources.c.billing_account_id, literal(str(month)), period_sources.c.export_id).where(
        period_sources.c.period == str(newest), period_sources.c.export_id == export_id
    )
    connection.execute(insert(period_sources).from_select(["billing_account_id", "period", "export_id"], elected))
