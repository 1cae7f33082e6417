"""Stopping is at once and for whatever is under way; keeping leaves a whole, marked history that goes on later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from staxpipe.db import deletion_receipts, links
from staxpipe.db import deliveries as ledger
from staxpipe.errors import TransientError
from staxpipe.exports.folder import FolderBucket
from staxpipe.ingest import marts
from staxpipe.ingest.exclusive import UnlinkedError
from staxpipe.ingest.landing import land, landed_file
from staxpipe.ingest.line_items import build_line_items
from staxpipe.ingest.marts import publish
from staxpipe.ingest.outcome import outcome_recorded
from staxpipe.ingest.pinning import pin, pinned
from staxpipe.linking.reverify import TAKEN, ReverifyReport, try_due
from staxpipe.linking.verdicts import IgnoresExternalId, Safe, Unknown, Verdict
from staxpipe.model import BillingPeriod, DeliveryState, LinkState
from staxpipe.unlinking import acts
from staxpipe.unlinking.run import finish_unlinkings, waiting
from staxpipe.warehouse.election import elect_source
from staxpipe_tests.doctor.cases import export, facts
from staxpipe_tests.unlinking.conftest import ADA, Customer, actions, one_value

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
OCTOBER = BillingPeriod(2026, 10)


def act(customer: Customer, what: object, by: str = "ada@example.com") -> bool:
    assert callable(what)
    with customer.platform.engine.begin() as connection:
        return bool(what(connection, customer.link, by, NOW, "192.0.2.7"))


def prove(customer: Customer, verdict: Verdict, now: datetime = NOW) -> ReverifyReport:
    """What the sensor does: the roles of paused links whose turn it is are tried."""
    platform = customer.platform
    return try_due(platform.engine, platform.settings, now, 30, lambda *_: verdict, lambda *_: facts(export()))


def lake_and_marts(customer: Customer) -> tuple[int, object]:
    """Rows of October in the lake, and what the marts say it costs."""
    return sum(file.rows for file in customer.platform.lake.plan(account=customer.account)), customer.billed()


def test_stopping_is_at_once_and_can_be_taken_back(ada: Customer) -> None:
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    assert len(ada.waiting()) == 1
    assert act(ada, acts.stop)
    assert not act(ada, acts.stop, "ben@example.com")
    found = ada.now_is()
    assert (found.state, found.stopped_at) == (LinkState.PAUSED, NOW)
    assert "Stopped by ada@example.com on 3 November 2026" in (found.problem or "")
    assert ada.waiting() == [], "no new run may start"
    ada.deliver("ada-4", "1", hours=3)
    assert one_value(ada.platform.engine, "SELECT count(*) FROM deliveries WHERE delivery_id = 'ada-4'") == 0
    assert act(ada, acts.go_on)
    assert not act(ada, acts.go_on)
    assert "its role is proved anew" in (ada.now_is().problem or "")
    assert ada.waiting() == [], "nor before the role is proved"
    prove(ada, Safe())
    assert (ada.now_is().state, ada.now_is().problem) == (LinkState.ACTIVE, None)
    assert [entry.delivery.delivery_id for entry in ada.waiting()] == ["ada-3"]
    assert [action for _, action in actions(ada.platform.engine, f"link:{ada.link.id}")] == [
        "link.stopped",
        "link.go-on-asked",
        "link.resumed",
    ]


def test_a_link_that_goes_on_is_not_read_before_its_role_is_proved(ada: Customer) -> None:
    platform = ada.platform
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    [entry] = pin(platform.engine, ADA, OCTOBER, "run-1", again=False)
    act(ada, acts.stop)
    assert act(ada, acts.go_on)
    with pytest.raises(TransientError, match="waits until its role is proved safe"), outcome_recorded(platform, entry):
        land(platform.engine, platform.landing, FolderBucket(ada.folder), entry)
    assert prove(ada, Unknown("throttled")).unknown == [ada.link.id]
    prove(ada, IgnoresExternalId(ada.link.role_arn, accepts_wrong=True, accepts_none=False), NOW + TAKEN)
    link = ada.now_is()
    assert (link.state, link.stopped_at) == (LinkState.PAUSED, None)
    assert "can be used with a wrong ExternalId" in (link.problem or "")
    assert ada.waiting() == []
    assert prove(ada, Safe(), NOW + timedelta(hours=23)).holding == [], "it is not tried all the time"
    prove(ada, Safe(), NOW + timedelta(hours=25))
    assert ada.now_is().state is LinkState.ACTIVE
    with platform.engine.begin() as connection:
        links.touch_verified(connection, ada.link.id, datetime.now(UTC))  # land looks at the clock itself
    land(platform.engine, platform.landing, FolderBucket(ada.folder), entry)


def test_a_run_under_way_stops_at_its_next_step_and_nothing_has_failed(ada: Customer) -> None:
    platform = ada.platform
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    [entry] = pin(platform.engine, ADA, OCTOBER, "run-1", again=False)
    land(platform.engine, platform.landing, FolderBucket(ada.folder), entry)
    [landed] = ada.waiting()
    act(ada, acts.stop)
    for step in (
        lambda: land(platform.engine, platform.landing, FolderBucket(ada.folder), landed),
        lambda: build_line_items(platform, landed, partial(landed_file, platform.landing, landed)),
        lambda: publish(platform, landed),
    ):
        with pytest.raises(UnlinkedError, match="stopped by a person"), outcome_recorded(platform, landed):
            step()
    with platform.engine.connect() as connection:
        kept = ledger.entry(connection, landed.id)
        assert (kept.state, kept.error) == (DeliveryState.LANDED, None)
        assert pinned(connection, ADA, OCTOBER, "run-1", again=False) == []
    assert one_value(platform.engine, "SELECT count(*) FROM outbox WHERE kind = 'ingest_failed'") == 0
    assert lake_and_marts(ada) == (3, 7)


def test_a_stop_while_files_are_read_comes_before_the_commit(ada: Customer) -> None:
    platform = ada.platform
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    ada.land()
    [entry] = ada.waiting()
    stopped: list[bool] = []

    def stop_meanwhile(_file: object, _rows: int) -> None:
        if not stopped:
            stopped.append(act(ada, acts.stop))

    with pytest.raises(UnlinkedError):
        build_line_items(platform, entry, partial(landed_file, platform.landing, entry), stop_meanwhile)
    assert stopped == [True]
    assert lake_and_marts(ada) == (3, 7)


def test_what_was_committed_and_not_published_goes_back_to_what_readers_see(ada: Customer) -> None:
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    ada.land()
    ada.build()
    act(ada, acts.stop)
    assert lake_and_marts(ada) == (4, 7)
    with ada.platform.engine.connect() as connection:
        assert waiting(connection, NOW) == 1
    assert finish_unlinkings(ada.platform, NOW).settled == 1
    assert lake_and_marts(ada) == (3, 7)
    assert finish_unlinkings(ada.platform, NOW).settled == 0
    act(ada, acts.go_on)
    prove(ada, Safe())
    ada.build()
    for entry in ada.waiting():
        publish(ada.platform, entry)
    assert lake_and_marts(ada) == (4, 15)


def test_a_first_month_that_was_not_published_leaves_the_lake_empty(ada: Customer, ben: Customer) -> None:
    with ada.platform.engine.begin() as connection:
        connection.execute(
            text("UPDATE deliveries SET state = 'failed', error = 'x' WHERE account_id = :a AND state = 'loaded'"),
            {"a": ADA},
        )
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    ada.land()
    ada.build()
    act(ada, acts.keep)
    assert finish_unlinkings(ada.platform, NOW).settled == 1
    assert lake_and_marts(ada)[0] == 0
    assert lake_and_marts(ben) == (2, 30)


def test_kept_data_is_marked_and_goes_on_when_the_account_is_linked_again(ada: Customer) -> None:
    act(ada, acts.stop)
    assert act(ada, acts.keep)
    assert not act(ada, acts.keep)
    found = ada.now_is()
    assert found.state is LinkState.ENDED
    assert "What was loaded stays as it was then" in (found.problem or "")
    query = "SELECT message FROM findings WHERE code = 'link-ended' AND account_id = :account"
    assert "not kept up to date" in str(one_value(ada.platform.engine, query, account=ADA))
    assert lake_and_marts(ada) == (3, 7)

    before, exports = one_value(ada.platform.engine, "SELECT count(*) FROM deliveries"), ada.exports()
    again = ada.linked_again()
    assert {again.link.external_id, again.link.role_arn}.isdisjoint({ada.link.external_id, ada.link.role_arn})
    again.discover()
    assert again.exports() == exports, "the same export is found again"
    assert again.waiting() == [], "no month is loaded twice"
    assert one_value(ada.platform.engine, "SELECT count(*) FROM deliveries") == before
    assert one_value(ada.platform.engine, "SELECT count(*) FROM findings WHERE code = 'link-ended'") == 0
    again.load("ada-3", "1", "2", "4", "8", hours=2)
    assert lake_and_marts(again) == (4, 15)
    with ada.platform.engine.connect() as connection:
        kept = ada.platform.lake.files_of_delivery(exports[0], OCTOBER, "ada-1")
        assert kept is not None
        assert deletion_receipts.of_account(connection, ADA) == []


def test_the_mark_stays_while_another_bucket_of_the_account_is_read(ada: Customer, tmp_path: Path) -> None:
    other = Customer(ada.platform, ADA, tmp_path / "other", ada.linked_again().link)
    act(ada, acts.keep)
    other.load("other-1", "100")
    query = "SELECT count(*) FROM findings WHERE code = 'link-ended'"
    assert one_value(ada.platform.engine, query) == 1
    ada.linked_again().discover()
    assert one_value(ada.platform.engine, query) == 0, "what was kept is kept up to date again"


def test_kept_data_may_be_deleted_later_and_only_once(ada: Customer) -> None:
    act(ada, acts.keep)
    assert act(ada, acts.order_deletion)
    assert not act(ada, acts.order_deletion, "operator")
    assert "asked to delete" in (ada.now_is().problem or "")
    [receipt] = finish_unlinkings(ada.platform, datetime.now(UTC)).finished
    assert receipt.asked_by == "ada@example.com"
    assert lake_and_marts(ada) == (0, 0)


def test_each_act_says_from_where_it_came(ada: Customer) -> None:
    act(ada, acts.stop)
    query = "SELECT source_ip FROM audit_log WHERE action = 'link.stopped'"
    assert one_value(ada.platform.engine, query) == "192.0.2.7"


def test_a_stop_while_a_month_is_published_takes_it_back(ada: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.deliver("ada-3", "1", "2", "4", "8", hours=2)
    ada.land()
    ada.build()
    [entry] = ada.waiting()

    def stop_meanwhile(*arguments: object) -> object:
        act(ada, acts.stop)
        return elect_source(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(marts, "elect_source", stop_meanwhile)
    with pytest.raises(UnlinkedError):
        publish(ada.platform, entry)
    assert lake_and_marts(ada)[1] == 7
    with ada.platform.engine.connect() as connection:
        assert ledger.entry(connection, entry.id).state is DeliveryState.COMMITTED


def test_many_look_into_a_bucket_at_once_and_nobody_waits_for_ever(ada: Customer) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(ada.discover) for _ in range(12)]:
            done.result(60)
