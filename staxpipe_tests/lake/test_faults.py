"""A process that is killed while it loads a month: readers see the old month or the new one, and a rerun ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from staxpipe.lake.table import Lake
from staxpipe.settings import Settings
from staxpipe_tests.lake.line_item_batches import OCTOBER, costs

LOADS_AND_DIES = """
    import os, signal, sys
    from pyiceberg.catalog import MetastoreCatalog
    from pyiceberg.catalog.sql import SqlCatalog
    from staxpipe.db.engine import make_engine
    from staxpipe.lake import writer as writer_module
    from staxpipe.lake.table import Lake
    from staxpipe.settings import read_settings
    from staxpipe_tests.lake.line_item_batches import OCTOBER, costs

    home, database_url, moment = sys.argv[1:]

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    writer_module.ROW_GROUP_ROWS = 100  # each batch goes to the disk
    settings = read_settings({"home": home, "database_url": database_url})
    lake = Lake.open(settings, make_engine(database_url))
    with lake.writer(1, OCTOBER, "d2") as writer:
        for _ in range(3):
            writer.write(costs(100, "2", delivery="d2"))
        if moment == "while writing":
            die()
    if moment == "before the commit":
        die()
    if moment == "between metadata and catalog":
        write = SqlCatalog._write_metadata
        def then_die(*arguments, **named):
            write(*arguments, **named)
            die()
        SqlCatalog._write_metadata = staticmethod(then_die)
    lake.replace(1, OCTOBER, writer.files, "d2")
    die()
"""


def billed(lake: Lake) -> Decimal:
    batches = lake.batches(1, OCTOBER, ["BilledCost"])
    return sum((pc.sum(batch.column("BilledCost")).as_py() for batch in batches), Decimal(0))


@pytest.mark.parametrize(
    ("moment", "seen"),
    [
        ("while writing", 10),
        ("before the commit", 10),
        ("between metadata and catalog", 10),
        ("after the commit", 600),
    ],
)
def test_a_killed_load_leaves_the_old_month_or_the_new_one(
    lake: Lake, settings: Settings, moment: str, seen: int
) -> None:
    def load(delivery: str, amount: str, rows: int) -> None:
        with lake.writer(1, OCTOBER, delivery) as writer:
            for _ in range(3):
                writer.write(costs(rows, amount, delivery=delivery))
        lake.replace(1, OCTOBER, writer.files, delivery)

    with lake.writer(1, OCTOBER, "d1") as writer:
        writer.write(costs(10, "1"))
    lake.replace(1, OCTOBER, writer.files, "d1")

    assert settings.database_url is not None
    program = [sys.executable, "-c", textwrap.dedent(LOADS_AND_DIES)]
    arguments = [str(settings.home), settings.database_url.get_secret_value(), moment]
    died = subprocess.run([*program, *arguments], check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL

    assert billed(lake) == seen
    assert lake.delivery_of(1, OCTOBER) == ("d1" if seen == 10 else "d2")
    load("d2", "2", 100)  # the rerun; a lock that outlived its process would hang here
    assert billed(lake) == 600
    assert sum(file.rows for file in lake.plan()) == 300
