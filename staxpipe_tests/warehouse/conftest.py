"""A ledger with two exports and a delivery of each, for the marts' rows to name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports
from staxpipe.model import Delivery, Export, ExportKind, FileFormat
from staxpipe_tests.lake.line_item_batches import OCTOBER


@dataclass(frozen=True)
class Sources:
    """Ids in the ledger."""

    first_export: int
    first_delivery: int
    second_export: int
    second_delivery: int


@pytest.fixture
def sources(engine: Engine) -> Sources:
    ids: list[int] = []
    with engine.begin() as connection:
        for name in ("first", "second"):
            export = Export(f"s3://bucket/{name}", name, ExportKind.LEGACY_CUR)
            export_id = exports.record(connection, export, link_id=None)
            delivery = Delivery(export, OCTOBER, "d1", datetime(2018, 11, 1, tzinfo=UTC), (), FileFormat.PARQUET)
            ledger.record_delivery(connection, export_id, None, delivery)
            ids += [export_id, ledger.find(connection, export_id, delivery).id]
    return Sources(*ids)
