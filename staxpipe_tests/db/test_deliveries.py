from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports
from staxpipe.model import BillingPeriod, DeliveryState
from staxpipe_tests.ledger import ACCOUNT, NOON, a_delivery, add_link, record

OCTOBER = BillingPeriod(2026, 10)


def test_a_delivery_comes_back_as_it_was_recorded(engine: Engine) -> None:
    delivery = a_delivery()
    with engine.begin() as connection:
        add_link(connection)
        entry = ledger.entry(connection, record(connection, delivery))
    assert entry.delivery == delivery
    assert entry.state is DeliveryState.DISCOVERED
    assert entry.link_id == "link-1"


def test_the_same_delivery_is_recorded_once(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        export_id = exports.record(connection, a_delivery().export, "link-1")
        assert ledger.record_delivery(connection, export_id, ACCOUNT, a_delivery())
        assert not ledger.record_delivery(connection, export_id, ACCOUNT, a_delivery())
        assert exports.record(connection, a_delivery().export, "link-1") == export_id
        assert len(ledger.due(connection, NOON)) == 1


def test_a_newer_delivery_makes_a_waiting_one_superfluous_and_leaves_a_loaded_one(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        loaded = record(connection, a_delivery(delivery_id="a"))
        ledger.mark(connection, loaded, DeliveryState.LOADED)
        waiting = record(connection, a_delivery(delivery_id="b", hours=8))
        newest = record(connection, a_delivery(delivery_id="c", hours=16))
        states = [ledger.entry(connection, id_).state for id_ in (loaded, waiting, newest)]
    assert states == [DeliveryState.LOADED, DeliveryState.SUPERSEDED, DeliveryState.DISCOVERED]


def test_an_older_delivery_that_arrives_late_never_replaces_a_newer_one(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        newest = record(connection, a_delivery(delivery_id="b", hours=8))
        late = record(connection, a_delivery(delivery_id="a"))
        assert ledger.entry(connection, late).state is DeliveryState.SUPERSEDED
        assert [entry.id for entry in ledger.newest(connection, ACCOUNT, OCTOBER)] == [newest]


def test_a_newer_delivery_follows_one_that_failed(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        failed = record(connection, a_delivery(delivery_id="a"))
        ledger.mark_failed(connection, failed, "a file is missing")
        record(connection, a_delivery(delivery_id="b", hours=1))
        assert ledger.entry(connection, failed).state is DeliveryState.SUPERSEDED


def test_other_months_and_exports_are_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        september = record(connection, a_delivery(period="2026-09"))
        other = record(connection, a_delivery(source="s3://billing/cur/hourly"))
        record(connection, a_delivery(delivery_id="b", hours=1))
        for id_ in (september, other):
            assert ledger.entry(connection, id_).state is DeliveryState.DISCOVERED
        assert len(ledger.newest(connection, ACCOUNT, OCTOBER)) == 2


def test_a_failure_must_say_why(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        id_ = record(connection, a_delivery())
    with engine.begin() as connection, pytest.raises(IntegrityError, match="failed_says_why"):
        ledger.mark(connection, id_, DeliveryState.FAILED)


def test_an_export_has_one_loaded_delivery_a_month(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        first = record(connection, a_delivery(delivery_id="a"))
        ledger.mark(connection, first, DeliveryState.LOADED)
        second = record(connection, a_delivery(delivery_id="b", hours=1))
    with engine.begin() as connection, pytest.raises(IntegrityError, match="uq_deliveries_current"):
        ledger.mark(connection, second, DeliveryState.LOADED)
    with engine.begin() as connection:
        entry = ledger.entry(connection, second)
        assert ledger.supersede_others(connection, entry) == [first]
        ledger.mark(connection, second, DeliveryState.LOADED)
        assert ledger.has_loaded(connection, entry.export_id, OCTOBER)


def test_what_readers_see_stays_loaded_when_loading_it_again_fails(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        id_ = record(connection, a_delivery())
        ledger.mark(connection, id_, DeliveryState.LOADED)
        ledger.mark_failed(connection, id_, "a file is broken")
        entry = ledger.entry(connection, id_)
    assert (entry.state, entry.error) == (DeliveryState.LOADED, "a file is broken")


def test_a_delivery_that_lacks_a_file_makes_nothing_superfluous_and_is_never_chosen(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        good = record(connection, a_delivery(delivery_id="a"))
        broken = a_delivery(delivery_id="b", hours=1, files=0)
        export_id = exports.record(connection, broken.export, "link-1")
        ledger.record_delivery(connection, export_id, ACCOUNT, broken, error="report-2.csv.gz is missing")
        assert [entry.id for entry in ledger.newest(connection, ACCOUNT, OCTOBER)] == [good]
        [incomplete] = ledger.incomplete(connection, ACCOUNT, OCTOBER)
        assert incomplete.error == "report-2.csv.gz is missing"
        assert ledger.entry(connection, good).state is DeliveryState.DISCOVERED

        assert ledger.record_delivery(connection, export_id, ACCOUNT, a_delivery(delivery_id="b", hours=1))
        [newest] = ledger.newest(connection, ACCOUNT, OCTOBER)
    assert (newest.delivery.delivery_id, newest.state) == ("b", DeliveryState.DISCOVERED)


def test_a_committed_delivery_publishes_itself_though_a_newer_one_was_seen(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        committed = record(connection, a_delivery(delivery_id="a"))
        ledger.mark(connection, committed, DeliveryState.COMMITTED)
        newer = record(connection, a_delivery(delivery_id="b", hours=1))
        assert ledger.entry(connection, committed).state is DeliveryState.COMMITTED
        assert ledger.supersede_others(connection, ledger.entry(connection, newer)) == [committed]


def test_a_paused_links_deliveries_are_not_chosen(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection, state="paused")
        record(connection, a_delivery())
        assert ledger.newest(connection, ACCOUNT, OCTOBER) == []


def test_a_postponed_delivery_is_due_after_its_pause(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        id_ = record(connection, a_delivery())
        ledger.postpone(connection, id_, "S3 asked to slow down", NOON + timedelta(minutes=2))
        assert ledger.due(connection, NOON) == []
        assert [entry.id for entry in ledger.due(connection, NOON + timedelta(minutes=2))] == [id_]


def test_a_paused_link_has_nothing_due(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection, state="paused")
        record(connection, a_delivery())
        assert ledger.due(connection, NOON) == []


def test_of_an_overwritten_manifest_the_newest_etag_is_known(engine: Engine) -> None:
    first, second = a_delivery(delivery_id="a"), a_delivery(delivery_id="b", hours=1)
    assert first.manifest is not None
    assert second.manifest is not None
    with engine.begin() as connection:
        add_link(connection)
        record(connection, first)
        record(connection, second)
        known = ledger.known_manifests(connection, "link-1")
    assert known == {first.manifest.key: first.manifest.etag, second.manifest.key: second.manifest.etag}


def test_a_run_finds_what_it_pinned_and_a_failed_delivery_gets_another_chance(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        id_ = record(connection, a_delivery())
        ledger.mark_failed(connection, id_, "a column is missing")
        ledger.assign_run(connection, [id_], "run-1")
        [entry] = ledger.of_run(connection, "run-1", OCTOBER)
        assert (entry.state, entry.error) == (DeliveryState.DISCOVERED, None)
        assert ledger.of_run(connection, "run-2", OCTOBER) == []
