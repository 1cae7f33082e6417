"""Two accounts, two months and two exports of one of them, loaded into lake and marts as ingest does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, journal, results
from staxpipe.db.engine import make_engine
from staxpipe.db.journal import ServiceCost
from staxpipe.db.results import SumRow
from staxpipe.ingest.control_totals import service_costs
from staxpipe.lake.table import Lake
from staxpipe.model import BillingPeriod, Delivery, DeliveryState, Export, ExportKind, FileFormat
from staxpipe.query import Connection, connect
from staxpipe.settings import Settings, read_settings
from staxpipe.warehouse.election import elect_source
from staxpipe.warehouse.swap import swap_daily_costs
from staxpipe_tests.conftest import _fresh_database
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, costs, line_items
from staxpipe_tests.warehouse.rollups import rollup_of


def publish(
    engine: Engine,
    lake: Lake,
    export: str,
    period: BillingPeriod,
    make: Callable[[int], list[pa.RecordBatch]],
    delivery_id: str = "d1",
    delivered_at: datetime = datetime(2018, 12, 1, tzinfo=UTC),
    final: bool = False,
) -> int:
    """Load batches, made for the export's number in the ledger, as one delivery of it; returns the delivery's."""
    named = Export(f"s3://bucket/{export}", export, ExportKind.LEGACY_CUR)
    delivery = Delivery(named, period, delivery_id, delivered_at, (), FileFormat.PARQUET)
    with engine.begin() as connection:
        export_id = exports.record(connection, named, link_id=None)
        ledger.record_delivery(connection, export_id, None, delivery)
        entry = ledger.find(connection, export_id, delivery)
    batches = make(export_id)
    with lake.writer(export_id, period, delivery_id) as writer:
        for batch in batches:
            writer.write(batch)
    snapshot = lake.replace(export_id, period, writer.files, delivery_id)
    rollup = [rollup_of(*batches)]
    rows = service_costs(rollup)
    with engine.begin() as connection:
        swap_daily_costs(connection, export_id, period, entry.id, rollup)
        results.replace_results(connection, entry, [_sum(row) for row in _by_category(rows)], [], [], None)
        journal.replace_services(connection, entry.id, rows)
        elect_source(connection, export_id, sorted({row.billing_account_id for row in rows}), period)
        ledger.supersede_others(connection, entry)
        ledger.mark(
            connection,
            entry.id,
            DeliveryState.LOADED,
            loaded_at=delivered_at,
            snapshot_id=snapshot,
            final=final,
        )
    return entry.id


def _by_category(rows: list[ServiceCost]) -> list[ServiceCost]:
    found: dict[tuple[str, str, str], ServiceCost] = {}
    for row in rows:
        key = (row.billing_account_id, row.currency, row.charge_category)
        before = found.get(key, replace(row, rows=0, billed_cost=Decimal(0), effective_cost=Decimal(0)))
        found[key] = replace(
            before,
            rows=before.rows + row.rows,
            billed_cost=before.billed_cost + row.billed_cost,
            effective_cost=before.effective_cost + row.effective_cost,
        )
    return list(found.values())


def _sum(row: ServiceCost) -> SumRow:
    return SumRow(
        "focus",
        row.billing_account_id,
        row.currency,
        row.charge_category,
        row.rows,
        row.billed_cost,
        row.effective_cost,
    )


def load_everything(engine: Engine, lake: Lake) -> None:
    """October of two accounts and November of one; and one account's October from a second export."""

    def october(export_id: int) -> list[pa.RecordBatch]:
        tagged: dict[str, object] = {"Tags": [("user:Team", "search")], "BilledCost": Decimal("1e-18")}
        return [
            costs(100, "0.1", export_id=export_id),
            line_items([tagged], export_id=export_id),
            costs(10, "5", account=OTHER_PAYER, export_id=export_id),
        ]

    publish(engine, lake, "first", OCTOBER, october)
    publish(engine, lake, "first", NOVEMBER, lambda id_: [costs(10, "2", period=NOVEMBER, export_id=id_)])
    # The same month of one of the accounts a second time.
    publish(engine, lake, "second", OCTOBER, lambda id_: [costs(100, "0.1", export_id=id_)])


@dataclass(frozen=True)
class Loaded:
    """What is there to ask."""

    settings: Settings
    engine: Engine
    lake: Lake


@contextmanager
def a_lake(folder: Path, database_url: str) -> Iterator[Loaded]:
    settings = read_settings({"home": folder / "it's home", "database_url": database_url})
    engine = make_engine(database_url)
    yield Loaded(settings, engine, Lake.open(settings, engine))
    engine.dispose()


@pytest.fixture(scope="package")
def loaded(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Loaded once, for tests that only ask."""
    with (
        _fresh_database(postgres_url, "query", f" TEMPLATE {template_database}") as url,
        a_lake(tmp_path_factory.mktemp("query"), url) as loaded,
    ):
        load_everything(loaded.engine, loaded.lake)
        yield loaded


@pytest.fixture
def empty(tmp_path: Path, database_url: str) -> Iterator[Loaded]:
    """A lake of the test's own, with nothing in it."""
    with a_lake(tmp_path, database_url) as empty:
        yield empty


@pytest.fixture
def connection(loaded: Loaded) -> Iterator[Connection]:
    """Asks what is loaded."""
    with connect(loaded.settings) as connection:
        yield connection
