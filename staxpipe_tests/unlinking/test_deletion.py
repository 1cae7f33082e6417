"""What is deleted is gone everywhere, what is others' stays, a kill changes neither, and the receipt says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyiceberg.table import Table
from sqlalchemy import text

from staxpipe.db import deletion_receipts, links, outbox
from staxpipe.db import deliveries as ledger
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.tables import metadata
from staxpipe.doctor import keeping
from staxpipe.doctor.findings import Report
from staxpipe.errors import PermanentError
from staxpipe.ingest.exclusive import month_held
from staxpipe.ingest.expiry import expire
from staxpipe.ingest.platform import Platform
from staxpipe.lake.catalog import TABLE, open_catalog
from staxpipe.lake.table import Lake
from staxpipe.model import BillingPeriod
from staxpipe.unlinking import acts
from staxpipe.unlinking.deletion import STEPS, delete_data, take_rows
from staxpipe.unlinking.run import OUR_MISTAKE, finish_unlinkings, waiting
from staxpipe_tests.unlinking.conftest import ADA, BEN, Customer, actions, link_account, one_value

OCTOBER = BillingPeriod(2026, 10)
NOT_DATA = {"links", "link_requests", "audit_log", "deletion_receipts"}
"""Tables that may still name the account: who was linked, who did what, and the receipt."""


def order(customer: Customer) -> int:
    """Order the deletion of what a link has loaded; returns the receipt's number."""
    with customer.platform.engine.begin() as connection:
        acts.stop(connection, customer.link, "ada@example.com", datetime.now(UTC))
        assert acts.order_deletion(connection, customer.link, "ada@example.com", datetime.now(UTC))
        receipt = deletion_receipts.of_link(connection, customer.link.id)
    assert receipt is not None
    return receipt.id


def delete(customer: Customer) -> DeletionReceipt:
    return delete_data(customer.platform, order(customer))


def iceberg(platform: Platform) -> Table:
    return open_catalog(platform.settings, platform.engine).load_table(TABLE)


def tables_that_name(platform: Platform, word: str) -> set[str]:
    """The tables of ours in which a word is, in whatever column."""
    found = set()
    with platform.engine.connect() as connection:
        for table in metadata.sorted_tables:
            query = text(f'SELECT count(*) FROM "{table.name}" AS line WHERE line::text LIKE :word')
            if connection.execute(query, {"word": f"%{word}%"}).scalar_one():
                found.add(table.name)
    return found


def assert_gone(ada: Customer, exports: list[int]) -> None:
    platform = ada.platform
    named = tables_that_name(platform, ADA)
    assert named <= {*NOT_DATA, "outbox"}, "no row of ours names the account but the audit's"
    kinds = one_value(platform.engine, f"SELECT array_agg(kind) FROM outbox WHERE payload::text LIKE '%{ADA}%'")
    assert kinds == ["data_deleted"]
    assert not tables_that_name(platform, f"i-of-{ADA}")
    home = platform.settings.home
    for export in exports:
        assert not [path for path in home.rglob(f"export-{export}/**/*") if path.is_file()]
        assert not any(held.export_id == export for held in platform.lake.deliveries_held())
    table = iceberg(platform)
    kept = {snapshot.manifest_list for snapshot in table.metadata.snapshots}
    for snapshot in table.metadata.snapshots:
        for manifest in snapshot.manifests(table.io):
            kept.add(manifest.manifest_path)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False):
                assert entry.data_file.partition[1] != ADA, "no list of files names it, not even as removed"
    lists = {f"file://{path}" for path in home.rglob("metadata/*.avro")}
    assert lists == kept, "lists that no snapshot has would still have the smallest and largest values"


def assert_whole(ben: Customer) -> None:
    """Everything that was Ben's is as it was, the past too."""
    lake = ben.platform.lake
    assert ben.billed() == 30
    [export] = ben.exports()
    for delivery, rows in (("ben-1", 1), ("ben-2", 2)):
        files = lake.files_of_delivery(export, OCTOBER, delivery)
        assert files is not None
        assert sum(batch.num_rows for batch in lake.read(files, ["BilledCost"])) == rows
    expire(ben.platform, datetime.now(UTC) + timedelta(days=2))
    assert lake.files_of_delivery(export, OCTOBER, "ben-1") is not None
    ben.load("ben-3", "10", "20", "30", hours=2)
    assert ben.billed() == 60


def test_all_of_it_is_gone_and_the_receipt_counts_it_before_and_after(ada: Customer, ben: Customer) -> None:
    exports = ada.exports()
    daily = one_value(ada.platform.engine, "SELECT count(*) FROM daily_costs_all WHERE billing_account_id = :a", a=ADA)
    receipt = delete(ada)
    assert receipt.finished_at is not None
    assert receipt.found is not None
    assert receipt.remaining is not None
    rows, lake = receipt.found["rows"], receipt.found["lake"]
    assert (rows["deliveries"], rows["exports"], rows["daily_costs_all"]) == (2, 1, daily)
    assert min(rows["delivery_sums"], rows["reconciliations"], rows["delivery_services"], rows["outbox"]) > 0
    assert (lake["rows"], lake["deliveries"]) == (3, 2)
    assert min(lake["files"], lake["bytes"], lake["snapshots"]) > 0
    assert receipt.found["landing"]["files"] == 1, "copies of a superseded delivery go when it is superseded"
    assert receipt.remaining.keys() == receipt.found.keys()
    assert not any(count for part in receipt.remaining.values() for count in part.values())
    assert receipt.scope is not None
    assert receipt.scope["sources"] == [f"file://{ada.folder}/billing/report"]
    assert_gone(ada, exports)
    assert_whole(ben)


def test_it_is_told_once_and_in_the_audit_log(ada: Customer) -> None:
    receipt = delete(ada)
    assert delete_data(ada.platform, receipt.id) == receipt
    payload = one_value(ada.platform.engine, "SELECT payload FROM outbox WHERE kind = 'data_deleted'")
    assert isinstance(payload, dict)
    assert payload["to"] == ["ada@example.com", "ops@example.com"]
    assert "3 line items in the lake" in payload["deleted"]
    assert actions(ada.platform.engine, f"link:{ada.link.id}") == [
        ("ada@example.com", "link.stopped"),
        ("ada@example.com", "link.ended"),
        ("ada@example.com", "data.deletion-ordered"),
        ("staxpipe", "data.deleted"),
    ]
    assert "was deleted on" in (ada.now_is().problem or "")


KILLED = """
import importlib, os, signal, sys
from staxpipe.db.engine import make_engine
from staxpipe.ingest.platform import Platform
from staxpipe.settings import read_settings
from staxpipe.unlinking import deletion

home, url, receipt, place, after = sys.argv[1:]
module, _, name = place.rpartition(".")

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

def killing(function):
    def run(*arguments, **options):
        if after == "after":
            function(*arguments, **options)
        die()
    return run

if module == "step":
    steps = [killing(step) if step.__name__ == name else step for step in deletion.STEPS]
    deletion.STEPS = tuple(steps)
else:
    target = importlib.import_module(module)
    setattr(target, name, killing(getattr(target, name)))
platform = Platform.open(read_settings({"home": home, "operator_email": "ops@example.com"}), make_engine(url))
deletion.delete_data(platform, int(receipt))
"""

PLACES = [
    *(("step." + step.__name__, "after") for step in STEPS[:-1]),
    ("staxpipe.unlinking.deletion.delete_rows", "after"),  # and before its transaction ends
    ("staxpipe.lake.erasure.take_out", "after"),
    ("staxpipe.lake.erasure.settle", "after"),
    ("staxpipe.lake.erasure._delete", "after"),
    ("staxpipe.lake.erasure.forget_past", "after"),
    ("staxpipe.lake.erasure.remove_files", "before"),
    ("staxpipe.unlinking.deletion.announce_deletion", "after"),
]


@pytest.mark.parametrize(("place", "when"), PLACES, ids=[place.rpartition(".")[2] for place, _ in PLACES])
def test_a_kill_at_any_step_changes_nothing_of_the_outcome(
    ada: Customer, ben: Customer, database_url: str, place: str, when: str
) -> None:
    exports, receipt = ada.exports(), order(ada)
    home = str(ada.platform.settings.home)
    child = subprocess.run(
        [sys.executable, "-c", KILLED, home, database_url, str(receipt), place, when],
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=120,
    )
    assert child.returncode == -signal.SIGKILL
    report = finish_unlinkings(ada.platform, datetime.now(UTC))
    [finished] = report.finished
    assert finished.found is not None
    assert finished.found["rows"]["deliveries"] == 2
    assert finished.found["lake"]["rows"] == 3
    assert finished.found["landing"]["files"] == 1
    assert_gone(ada, exports)
    assert_whole(ben)
    with ada.platform.engine.connect() as connection:
        assert waiting(connection, datetime.now(UTC)) == 0


def test_what_another_link_reads_too_is_handed_over_to_it(ada: Customer, ben: Customer) -> None:
    engine = ada.platform.engine
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE exports SET source = 's3://bills-of-444455556666/billing/all' WHERE link_id = :link"),
            {"link": ada.link.id},
        )
    receipt = delete(ada)
    assert receipt.scope is not None
    assert (receipt.scope["exports"], receipt.scope["handed_over"]) == (
        [],
        ["s3://bills-of-444455556666/billing/all"],
    )
    assert receipt.found is not None
    assert receipt.found["lake"]["rows"] == 0
    assert [int(ada.billed()), int(ben.billed())] == [7, 30]
    assert one_value(engine, "SELECT count(*) FROM exports WHERE link_id = :link", link=ben.link.id) == 2
    owners = one_value(engine, "SELECT array_agg(DISTINCT account_id) FROM deliveries")
    assert owners == [BEN]


def test_naming_a_bucket_is_no_claim_to_what_another_account_loaded_from_it(ada: Customer, ben: Customer) -> None:
    engine = ada.platform.engine
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE exports SET source = 's3://bills-of-444455556666/billing/all' WHERE link_id = :link"),
            {"link": ada.link.id},
        )
        connection.execute(text("UPDATE links SET discovered_at = NULL WHERE id = :link"), {"link": ben.link.id})
    receipt = delete(ada)
    assert receipt.scope is not None
    assert receipt.scope["handed_over"] == []
    assert [int(ada.billed()), int(ben.billed())] == [0, 30]
    assert one_value(engine, "SELECT count(*) FROM deliveries WHERE account_id = :account", account=ADA) == 0
    assert one_value(engine, "SELECT count(*) FROM exports WHERE link_id = :link", link=ben.link.id) == 1


def test_what_is_kept_of_another_link_of_the_account_stays_marked(ada: Customer, tmp_path: Path) -> None:
    other = Customer(ada.platform, ADA, tmp_path / "other", ada.linked_again().link)
    other.load("other-1", "100")
    with ada.platform.engine.begin() as connection:
        acts.keep(connection, other.link, "ada@example.com", datetime.now(UTC))
    delete(ada)
    assert other.billed() == 100
    assert one_value(ada.platform.engine, "SELECT count(*) FROM findings WHERE code = 'link-ended'") == 1


def test_the_other_export_of_the_account_counts_when_the_first_is_gone(ada: Customer, tmp_path: Path) -> None:
    other = Customer(ada.platform, ADA, tmp_path / "other", ada.linked_again().link)
    other.load("other-1", "100")
    before = ada.billed()
    assert before in {7, 100}, "one of the two counts"
    receipt = delete(ada)
    assert receipt.finished_at is not None
    assert ada.billed() == 100
    assert ada.exports() == []


def test_whoever_works_on_a_month_is_waited_for(ada: Customer) -> None:
    receipt, [export] = order(ada), ada.exports()
    done: list[DeletionReceipt] = []
    worker = threading.Thread(target=lambda: done.append(delete_data(ada.platform, receipt)))
    with month_held(ada.platform.engine, export, OCTOBER):
        worker.start()
        worker.join(1.5)
        assert worker.is_alive()
        assert ada.billed() == 7
        with ada.platform.engine.begin() as connection:  # the worker has failed, and says so
            url = f"http://127.0.0.1:8600/requests/{ada.link.request_id}"
            outbox.enqueue(connection, "ingest_failed:x", "ingest_failed", {"account_id": ADA, "url": url})
    worker.join(60)
    assert done
    assert done[0].finished_at is not None
    assert done[0].finished_at - done[0].asked_at > timedelta(seconds=1.5), "when it was done, not when it began"
    assert one_value(ada.platform.engine, "SELECT count(*) FROM outbox WHERE kind = 'ingest_failed'") == 0


def test_what_was_being_written_when_the_rows_went_goes_with_the_next_attempt(ada: Customer) -> None:
    engine, receipt = ada.platform.engine, order(ada)
    with engine.connect() as late:
        payload = {"account_id": ADA, "to": ["ops@example.com"], "url": "http://127.0.0.1:3000/runs/1"}
        outbox.enqueue(late, f"run_failed:ingest:{ADA}|2026-10:2026-11-03", "ingest_failed", payload)
        with engine.connect() as connection:
            ordered = deletion_receipts.get(connection, receipt)
        take_rows(ada.platform, ordered)
        late.commit()
    with engine.connect() as connection:
        found = deletion_receipts.get(connection, receipt).found
    finished = delete_data(ada.platform, receipt)
    assert found is not None
    assert finished.found is not None
    assert finished.found["rows"] == {**found["rows"], "outbox": found["rows"]["outbox"] + 1}
    assert one_value(engine, "SELECT count(*) FROM outbox WHERE kind = 'ingest_failed'") == 0


def test_the_doctors_report_goes_and_a_look_that_was_under_way_brings_none_back(ada: Customer) -> None:
    def keep_report() -> None:
        with ada.platform.engine.begin() as connection:
            keeping.keep(connection, ada.link.request_id, Report(datetime.now(UTC), (), months=(OCTOBER,)))

    keep_report()
    receipt = delete(ada)
    assert receipt.found is not None
    assert receipt.found["rows"]["doctor_reports"] == 1
    keep_report()
    assert one_value(ada.platform.engine, "SELECT count(*) FROM doctor_reports") == 0


def test_a_tag_that_somebody_made_is_told_and_the_deletion_goes_on_without_it(ada: Customer) -> None:
    table = iceberg(ada.platform)
    snapshot = table.metadata.current_snapshot_id
    assert snapshot is not None
    table.manage_snapshots().create_tag(snapshot, "audit-2026").commit()
    receipt = order(ada)
    with pytest.raises(PermanentError, match="audit-2026"):
        delete_data(ada.platform, receipt)
    report = finish_unlinkings(ada.platform, datetime.now(UTC))
    assert "audit-2026" in report.postponed[0]
    with ada.platform.engine.connect() as connection:
        found = deletion_receipts.get(connection, receipt)
        assert (found.attempts, found.finished_at) == (1, None)
        assert waiting(connection, datetime.now(UTC)) == 0, "not at once again"
    iceberg(ada.platform).manage_snapshots().remove_tag("audit-2026").commit()
    later = datetime.now(UTC) + timedelta(hours=1)
    [finished] = finish_unlinkings(ada.platform, later).finished
    assert finished.error is None


def test_an_account_that_was_deleted_and_is_linked_again_starts_anew(ada: Customer) -> None:
    before = ada.exports()
    delete(ada)
    again = ada.linked_again()
    assert again.link.external_id != ada.link.external_id
    assert again.link.role_arn != ada.link.role_arn
    again.discover()
    assert again.exports() != before
    assert len(again.waiting()) == 1
    again.load("ada-3", "1", "2", "4", "8", hours=2)
    assert again.billed() == 15


def test_an_account_without_any_data_gets_a_receipt_of_nothing(platform: Platform, tmp_path: Path) -> None:
    empty = Customer(platform, ADA, tmp_path / "none", link_account(platform.engine, ADA))
    receipt = delete(empty)
    assert receipt.finished_at is not None
    assert receipt.found is not None
    assert not any(count for part in receipt.found.values() for count in part.values())


def test_a_link_that_took_an_export_over_keeps_it(ada: Customer) -> None:
    receipt = order(ada)
    again = ada.linked_again()
    again.discover()  # before the deletion has begun
    finished = delete_data(ada.platform, receipt)
    assert finished.scope is not None
    assert finished.scope["exports"] == []
    assert again.billed() == 7
    with ada.platform.engine.connect() as connection:
        assert links.get(connection, again.link.id).stopped_at is None
        assert ledger.has_loaded(connection, again.exports()[0], OCTOBER)


def test_a_storage_that_fails_holds_up_nobody_else(
    ada: Customer, ben: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = order(ada), order(ben)
    [export], erase = ada.exports(), Lake.erase

    def refuse(lake: Lake, exports: Collection[int]) -> None:
        if export in exports:
            raise OSError("AWS Error INTERNAL_FAILURE: bucket our-lake, request 4711")
        erase(lake, exports)

    monkeypatch.setattr(Lake, "erase", refuse)
    with pytest.raises(ExceptionGroup) as caught:
        finish_unlinkings(ada.platform, datetime.now(UTC))
    assert "request 4711" in str(caught.value.exceptions)
    assert [int(ada.billed()), int(ben.billed())] == [0, 0]
    with ada.platform.engine.connect() as connection:
        told, done = (deletion_receipts.of_link(connection, link.id) for link in (ada.link, ben.link))
        assert waiting(connection, datetime.now(UTC)) == 0, "not at once again"
    assert told is not None
    assert told.error == OUR_MISTAKE
    assert done is not None
    assert done.finished_at is not None
    monkeypatch.undo()
    [finished] = finish_unlinkings(ada.platform, datetime.now(UTC) + timedelta(hours=1)).finished
    assert (finished.id, finished.error) == (first, None)
