"""Publishing from the rollup that was made while the files were written: only if it is of the very same rows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select, text

from staxpipe.db import deliveries as ledger
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.exports.local import find
from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.ingest.marts import publish
from staxpipe.ingest.platform import Platform
from staxpipe.lake.rollups import NAME, RollupWriter
from staxpipe.lake.table import Lake
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Rollup
from staxpipe.warehouse.tables import daily_costs_all
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import deliver, load_one
from staxpipe_tests.warehouse.rollups import rollup_of


class _FilesReadError(Exception):
    pass


@pytest.fixture
def entry(platform: Platform, tmp_path: Path) -> LedgerEntry:
    """A month that is loaded: two charges, and a share of one of them."""
    share = row(line_item_operation="EKSPod-EC2", split_line_item_parent_resource_id="i-1")
    deliver(tmp_path / "bucket", [[row(), row(line_item_usage_type="DataTransfer-Out-Bytes"), share]], "a1")
    load_one(platform, tmp_path / "bucket")
    (delivery,) = find(tmp_path / "bucket").deliveries
    with platform.engine.connect() as connection:
        return ledger.find(connection, connection.scalar(text("SELECT id FROM exports")), delivery)


@pytest.fixture
def rollup(platform: Platform, entry: LedgerEntry) -> pa.Table:
    """The rollup of what the lake holds."""
    return rollup_of(*platform.lake.batches(entry.export_id, entry.period, Rollup.COLUMNS))


def may_not_be_read(*_args: object) -> None:
    raise _FilesReadError


def keep(platform: Platform, entry: LedgerEntry, rollup: pa.Table) -> None:
    folder = platform.lake.folder_held(entry.export_id, entry.period)
    assert folder is not None
    with RollupWriter(platform.lake.io, folder, rollup.schema) as writer:
        writer.write(rollup)


def marts(platform: Platform) -> list[tuple[object, ...]]:
    with platform.engine.connect() as connection:
        rows = connection.execute(select(daily_costs_all).order_by(daily_costs_all.c.usage_type))
        return [tuple(row) for row in rows]


def test_a_kept_rollup_is_published_without_reading_the_files(
    platform: Platform, entry: LedgerEntry, rollup: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(platform, entry, rollup)
    before = marts(platform)
    monkeypatch.setattr(Lake, "batches", may_not_be_read)
    assert publish(platform, entry).rows == len(before) == 2
    assert marts(platform) == before


def test_one_that_does_not_fit_is_made_from_the_files_instead(
    platform: Platform, entry: LedgerEntry, rollup: pa.Table, caplog: pytest.LogCaptureFixture
) -> None:
    before = marts(platform)
    rows = rollup.to_pylist()
    spoilt = {
        "a row lacks": rollup.slice(1),
        "a row is there twice": pa.concat_tables([rollup, rollup.slice(0, 1)]),
        "nothing is there": rollup.slice(0, 0),
        "a column lacks": rollup.drop_columns(["usage_type"]),
        "of another category": _with(rows, charge_category="Tax"),
        "of another account": _with(rows, billing_account_id="222222222222"),
        "one line more": _with(rows, line_items=2),
        **{
            f"another {name}": _with(rows, **{name: rows[0][name] + Decimal("1e-18")})
            for name in ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
        },
    }
    for fault, table in spoilt.items():
        keep(platform, entry, table)
        caplog.clear()
        publish(platform, entry)
        assert "does not fit" in caplog.text, fault
        assert marts(platform) == before, fault


def test_one_of_many_pieces_is_published_as_if_it_were_of_one(
    platform: Platform, entry: LedgerEntry, rollup: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = marts(platform)
    folder = platform.lake.folder_held(entry.export_id, entry.period)
    assert folder is not None
    with RollupWriter(platform.lake.io, folder, rollup.schema) as writer:
        for batch in platform.lake.batches(entry.export_id, entry.period, Rollup.COLUMNS):
            for number in range(batch.num_rows):
                writer.write(rollup_of(batch.slice(number, 1)))
    monkeypatch.setattr(Lake, "batches", may_not_be_read)
    assert publish(platform, entry).rows == 2
    assert marts(platform) == before


@pytest.mark.parametrize("damage", ["a page", "all of it", "it is gone"])
def test_one_that_is_damaged_is_made_anew(
    platform: Platform, entry: LedgerEntry, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    before = marts(platform)
    folder = platform.lake.folder_held(entry.export_id, entry.period)
    assert folder is not None
    path = Path(folder.removeprefix("file://")) / NAME
    whole = path.read_bytes()
    if damage == "it is gone":
        path.unlink()
    else:
        path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:] if damage == "a page" else b"nonsense")
    publish(platform, entry)
    assert marts(platform) == before
    assert ("cannot be used" in caplog.text) == (damage != "it is gone")
    caplog.clear()
    publish(platform, entry)
    assert marts(platform) == before
    assert caplog.text == ""


def _with(rows: list[dict[str, object]], **changes: object) -> pa.Table:
    return pa.Table.from_pylist([{**rows[0], **changes}, *rows[1:]], ROLLUP_SCHEMA)


def test_rows_that_only_the_files_hold_are_not_left_out(
    platform: Platform, entry: LedgerEntry, rollup: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = platform.lake.plan(period=entry.period)
    with platform.lake.writer(entry.export_id, entry.period, entry.delivery.delivery_id) as writer:
        for _ in range(2):
            for batch in platform.lake.read(files, LINE_ITEM_SCHEMA.names):
                writer.write(batch)
    platform.lake.replace(entry.export_id, entry.period, writer.files, entry.delivery.delivery_id)
    keep(platform, entry, rollup)
    monkeypatch.setattr(Lake, "batches", may_not_be_read)
    with pytest.raises(_FilesReadError):
        publish(platform, entry)
