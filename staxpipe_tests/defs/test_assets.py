import gzip
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, TableMetadataValue, materialize
from sqlalchemy import Engine, select, text

from staxpipe.db import links as link_queries
from staxpipe.db.tables import deliveries, outbox
from staxpipe.defs.assets import ONLY_NEW, marts
from staxpipe.defs.partitions import partition_key
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.focus.reconciliation import Reconciliation
from staxpipe.ingest import line_items
from staxpipe.ingest.discovery import discover_link
from staxpipe.model import Finding, Severity
from staxpipe.settings import read_settings
from staxpipe_tests.defs.conftest import Run
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver
from staxpipe_tests.ledger import ACCOUNT


def billed(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.execute(text("SELECT sum(billed_cost) FROM daily_costs")).scalar_one()


def states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(deliveries.c.state).order_by(deliveries.c.id)).scalars())


def failure_of(result: ExecuteInProcessResult, step: str) -> str:
    [event] = [event for event in result.get_step_failure_events() if event.step_key == step]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    return failure.description or ""


def test_a_run_loads_the_month_and_says_what_it_did(run: Run, engine: Engine, deliver_month: Deliver) -> None:
    month = deliver_month(SEPTEMBER)
    result = run(SEPTEMBER)
    assert result.success
    assert states(engine) == ["loaded"]
    assert billed(engine) == month.expected.focus.billed

    [event] = result.asset_materializations_for_node("line_items")
    metadata = event.metadata
    assert metadata["dagster/row_count"].value == month.expected.focus.rows
    assert metadata["rows_read"].value == month.expected.rows
    charges = metadata["charges"]
    assert isinstance(charges, TableMetadataValue)
    assert {record.data["category"] for record in charges.records} == set(month.expected.focus_by_category)
    [check] = [check for check in result.get_asset_check_evaluations() if check.check_name == "reconciles"]
    assert check.passed


def test_people_are_told_once_when_nothing_is_left_to_load(run: Run, engine: Engine, deliver_month: Deliver) -> None:
    deliver_month(SEPTEMBER)
    deliver_month(OCTOBER)
    run(SEPTEMBER)
    with engine.connect() as connection:
        assert connection.execute(select(outbox)).all() == [], "October still waits"
    run(OCTOBER)
    run(OCTOBER)
    with engine.connect() as connection:
        [message] = connection.execute(select(outbox)).all()
    assert message.kind == "data_ready"
    assert [month["period"] for month in message.payload["periods"]] == ["2026-09", "2026-10"]
    assert [month["provisional"] for month in message.payload["periods"]] == [False, True]


def test_a_daily_look_leaves_a_loaded_month_alone_and_a_backfill_loads_it_again(
    run: Run, engine: Engine, deliver_month: Deliver
) -> None:
    month = deliver_month(SEPTEMBER)
    run(SEPTEMBER)
    look = run(SEPTEMBER, tags={ONLY_NEW: "true"})
    assert look.success
    [event] = look.asset_materializations_for_node("line_items")
    assert event.metadata["rows_read"].value == 0
    again = run(SEPTEMBER)
    [event] = again.asset_materializations_for_node("line_items")
    assert event.metadata["rows_read"].value == month.expected.rows
    assert billed(engine) == month.expected.focus.billed


def test_a_broken_file_fails_in_words_without_retries_and_keeps_what_was_there(
    run: Run, engine: Engine, deliver_month: Deliver, bucket_folder: Path
) -> None:
    before = deliver_month(SEPTEMBER, day=10)
    run(SEPTEMBER)
    after = deliver_month(SEPTEMBER, day=20)
    [file] = bucket_folder.rglob(f"{after.assembly_id}/*00002.csv.gz")
    file.write_bytes(file.read_bytes()[:1000])
    result = run(SEPTEMBER)
    assert not result.success
    assert file.name in failure_of(result, "line_items")
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert states(engine) == ["loaded", "failed"]
    assert billed(engine) == before.expected.focus.billed


def test_a_month_that_the_bucket_does_not_hold_is_told(run: Run, deliver_month: Deliver) -> None:
    deliver_month(SEPTEMBER)
    result = run(OCTOBER)
    assert "no delivery for 2026-10" in failure_of(result, "delivery")


def test_totals_that_do_not_add_up_block_the_marts_and_leave_the_lake(
    run: Run, instance: DagsterInstance, engine: Engine, deliver_month: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_month(SEPTEMBER)
    finding = Finding("costs-differ", Severity.ERROR, "12.34 USD were lost")
    monkeypatch.setattr(line_items, "reconcile", lambda _tally: Reconciliation(False, (finding,)))
    result = run(SEPTEMBER)
    assert "12.34 USD were lost" in failure_of(result, "line_items")
    [check] = [check for check in result.get_asset_check_evaluations() if check.check_name == "reconciles"]
    assert not check.passed
    assert instance.get_latest_materialization_event(AssetKey("marts")) is None
    assert states(engine) == ["failed"]
    assert billed(engine) is None


def test_a_month_whose_newest_delivery_lacks_a_file_is_not_emptied(
    run: Run, engine: Engine, deliver_month: Deliver, bucket_folder: Path
) -> None:
    before = deliver_month(SEPTEMBER, day=10)
    run(SEPTEMBER)
    after = deliver_month(SEPTEMBER, day=20)
    [file] = bucket_folder.rglob(f"{after.assembly_id}/*00002.csv.gz")
    whole = file.read_bytes()
    file.unlink()
    run(SEPTEMBER, tags={ONLY_NEW: "true"})
    assert states(engine) == ["loaded", "failed"]
    run(SEPTEMBER)  # a person asks: what is whole is loaded again
    assert billed(engine) == before.expected.focus.billed

    file.write_bytes(whole)
    assert run(SEPTEMBER, tags={ONLY_NEW: "true"}).success
    assert billed(engine) == after.expected.focus.billed
    assert states(engine) == ["superseded", "loaded"]


def test_the_last_step_alone_does_not_publish_what_was_never_landed(
    run: Run, engine: Engine, deliver_month: Deliver, instance: DagsterInstance, staxpipe: StaxpipeResource
) -> None:
    before = deliver_month(SEPTEMBER, day=10)
    run(SEPTEMBER)
    deliver_month(SEPTEMBER, day=20)
    with engine.connect() as connection:
        [link] = link_queries.active(connection)
    discover_link(engine, read_settings(), link, staxpipe.bucket(link), datetime.now(UTC))
    result = materialize(
        [marts],
        instance=instance,
        partition_key=partition_key(ACCOUNT, SEPTEMBER),
        resources={"staxpipe": staxpipe},
        raise_on_error=False,
    )
    assert "materialise the steps before this one" in failure_of(result, "marts")
    assert billed(engine) == before.expected.focus.billed
    assert states(engine) == ["loaded", "discovered"]


def test_files_that_the_customer_deleted_are_still_ours(
    run: Run, engine: Engine, deliver_month: Deliver, bucket_folder: Path
) -> None:
    month = deliver_month(SEPTEMBER)
    run(SEPTEMBER)
    shutil.rmtree(bucket_folder / "billing")
    result = run(SEPTEMBER)
    assert result.success
    assert states(engine) == ["loaded"]
    assert billed(engine) == month.expected.focus.billed


def test_one_export_that_fails_keeps_no_other_from_being_published(
    run: Run, engine: Engine, deliver_month: Deliver, bucket_folder: Path
) -> None:
    bad = deliver_month(SEPTEMBER, name="a-broken-report")
    good = deliver_month(SEPTEMBER, name="b-good-report")
    for file in (bucket_folder / "billing" / "a-broken-report").rglob(f"{bad.assembly_id}/*00002.csv.gz"):
        file.write_bytes(file.read_bytes()[:1000])
    result = run(SEPTEMBER)
    assert not result.success
    assert "is cut" in failure_of(result, "marts")
    assert sorted(states(engine)) == ["failed", "loaded"]
    assert billed(engine) == good.expected.focus.billed


def test_nothing_usable_does_not_empty_a_month(
    run: Run, engine: Engine, deliver_month: Deliver, bucket_folder: Path
) -> None:
    before = deliver_month(SEPTEMBER, day=10)
    run(SEPTEMBER)
    after = deliver_month(SEPTEMBER, day=20)
    for file in bucket_folder.rglob(f"{after.assembly_id}/*.csv.gz"):
        header = gzip.decompress(file.read_bytes()).split(b"\n", 1)[0]
        file.write_bytes(gzip.compress(header + b"\n"))
    result = run(SEPTEMBER)
    assert "this delivery is empty" in failure_of(result, "line_items")
    assert states(engine) == ["loaded", "failed"]
    assert billed(engine) == before.expected.focus.billed
