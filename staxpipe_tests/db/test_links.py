"""Links and their states, on a real Postgres."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from staxpipe.db import link_requests, links, sweep_positions
from staxpipe.db.links import Link
from staxpipe.errors import PermanentError
from staxpipe.model import DeliveryState, LinkState
from staxpipe_tests.onboarding.ledger import add_delivery, add_export

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def link(connection: Connection, account_id: str = "222222222222", role: str = "one", **changed: str) -> Link:
    request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
    values = {
        "request_id": request.id,
        "account_id": account_id,
        "role_arn": f"arn:aws:iam::{account_id}:role/{role}",
        "external_id": request.external_id,
        "bucket": "bills",
        "prefix": "reports",
        "region": "eu-west-1",
        "contact": "ada@example.com",
    }
    return links.create(connection, now=NOW, **(values | changed))


def test_a_link_is_kept_as_made(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)
    with engine.connect() as connection:
        assert links.get(connection, made.id) == made
        assert links.of_request(connection, made.request_id) == made
        assert links.of_request(connection, "no such request") is None
    assert (made.state, made.problem, made.verified_at, made.discovered_at) == (LinkState.ACTIVE, None, NOW, None)
    assert len(made.id) == 22


def test_an_external_id_is_never_in_a_log(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)
        request = link_requests.get(connection, made.request_id)
    assert request is not None
    assert request.external_id == made.external_id
    assert made.external_id not in repr(made) + repr(request)


def test_an_unknown_link_is_an_error_in_words(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(PermanentError, match="no link nobody"):
        links.get(connection, "nobody")


def test_an_account_has_one_link_a_role_until_that_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        first = link(connection)
    with engine.begin() as connection, pytest.raises(IntegrityError, match="uq_links_active_role"):
        link(connection)
    with engine.begin() as connection:
        links.pause(connection, first.id, "gone")
    with engine.begin() as connection, pytest.raises(IntegrityError, match="uq_links_active_role"):
        link(connection)
    with engine.begin() as connection:
        assert links.end(connection, first.id)
        assert not links.end(connection, first.id)
        assert link(connection).id != first.id


def test_an_external_id_is_never_used_again(engine: Engine) -> None:
    with engine.begin() as connection:
        first = link(connection)
        links.end(connection, first.id)
    with engine.begin() as connection, pytest.raises(IntegrityError, match="external_id"):
        link(connection, role="two", external_id=first.external_id)


def test_only_active_links_are_read(engine: Engine) -> None:
    with engine.begin() as connection:
        active, second = link(connection), link(connection, role="two")
        paused, ended = link(connection, role="three"), link(connection, role="four")
        other = link(connection, "111111111111")
        links.pause(connection, paused.id, "gone")
        links.end(connection, ended.id)
    with engine.connect() as connection:
        assert {found.id for found in links.by_account(connection, "222222222222")} == {active.id, second.id}
        assert {found.id for found in links.active(connection)} == {active.id, second.id, other.id}
        assert links.active(connection)[0].id == other.id
        assert {found.id for found in links.unended(connection)} == {active.id, second.id, other.id, paused.id}


def test_pausing_and_resuming_happen_once_and_say_why(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)
        assert not links.resume(connection, made.id, LATER)
        assert links.pause(connection, made.id, "The role is gone.")
        assert not links.pause(connection, made.id, "Another reason.")
        found = links.get(connection, made.id)
        assert (found.state, found.problem) == (LinkState.PAUSED, "The role is gone.")
        assert links.resume(connection, made.id, LATER)
        found = links.get(connection, made.id)
        assert (found.state, found.problem, found.verified_at) == (LinkState.ACTIVE, None, LATER)


def test_an_ended_link_stays_ended(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)
        links.end(connection, made.id)
        assert not links.pause(connection, made.id, "x")
        assert not links.resume(connection, made.id, LATER)
        assert not links.set_problem(connection, made.id, "x")


def test_a_problem_is_news_once(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)
        assert not links.set_problem(connection, made.id, None)
        assert links.set_problem(connection, made.id, "empty")
        assert not links.set_problem(connection, made.id, "empty")
        assert links.set_problem(connection, made.id, None)


def test_looks_are_remembered(engine: Engine) -> None:
    with engine.begin() as connection:
        made, other = link(connection), link(connection, role="two")
        links.touch_discovered(connection, made.id, LATER)
        links.touch_verified(connection, made.id, LATER)
        found = links.get(connection, made.id)
        assert (found.discovered_at, found.verified_at) == (LATER, LATER)
        assert links.get(connection, other.id) == other


def test_looks_are_taken_once_and_given_back_in_their_order(engine: Engine) -> None:
    def taken() -> list[str]:
        with engine.begin() as connection:
            return [link.role_arn[-3:] for link in links.take_looks(connection, LATER, until)]

    until = LATER + timedelta(minutes=10)
    with engine.begin() as connection:
        one, two = link(connection, role="one"), link(connection, role="two")
        links.look_again_at(connection, one.id, NOW + timedelta(minutes=2))
        links.look_again_at(connection, two.id, NOW + timedelta(minutes=1))
        links.look_again_at(connection, link(connection, role="six").id, LATER + timedelta(minutes=1))
    assert taken() == ["two", "one"]
    assert taken() == []
    with engine.begin() as connection:
        links.look_again_at(connection, two.id, LATER + timedelta(minutes=3))  # somebody got to it
        links.give_back_looks(connection, {one: NOW, two: NOW}, until)
    assert taken() == ["one"]


def test_a_sweep_remembers_where_it_stopped(engine: Engine) -> None:
    with engine.begin() as connection:
        assert sweep_positions.position(connection, "one") == ""
        sweep_positions.move(connection, "one", "a")
        sweep_positions.move(connection, "one", "b")
        sweep_positions.move(connection, "two", "c")
        assert sweep_positions.position(connection, "one") == "b"


def test_a_link_that_found_nothing_reads_another_bucket_with_the_same_role(engine: Engine) -> None:
    with engine.begin() as connection:
        before = link(connection)
        links.touch_discovered(connection, before.id, NOW)
        links.set_problem(connection, before.id, "There is nothing in it.")
        assert links.nothing_found(connection, before.request_id)
        assert links.is_still(connection, before)
        assert links.correct(connection, before.id, "other", "", "us-east-1", "grace@example.com", LATER)
        after = links.get(connection, before.id)
        assert not links.is_still(connection, before)
        assert links.is_still(connection, after)
        assert after in links.take_looks(connection, LATER, LATER + timedelta(minutes=1))
    assert (after.bucket, after.prefix, after.region, after.contact) == ("other", "", "us-east-1", "grace@example.com")
    assert (after.role_arn, after.external_id, after.state) == (before.role_arn, before.external_id, LinkState.ACTIVE)
    assert (after.problem, after.discovered_at) == (None, None)


def test_a_correction_leaves_the_words_on_why_a_link_is_not_read(engine: Engine) -> None:
    with engine.begin() as connection:
        stopped = link(connection)
        links.stop(connection, stopped.id, "ada@example.com", "Stopped by Ada.", NOW)
        assert links.correct(connection, stopped.id, "other", "", "us-east-1", "ada@example.com", LATER)
        after = links.get(connection, stopped.id)
    assert (after.bucket, after.state, after.problem) == ("other", LinkState.PAUSED, "Stopped by Ada.")


def test_a_link_that_found_something_or_has_ended_keeps_its_bucket(engine: Engine) -> None:
    with engine.begin() as connection:
        found, ended = link(connection), link(connection, "333333333333")
        add_delivery(connection, add_export(connection, found.id, "cur"), "2026-10", DeliveryState.FAILED, error="Why.")
        links.end(connection, ended.id)
        for kept in (found, ended):
            assert not links.nothing_found(connection, kept.request_id)
            assert not links.correct(connection, kept.id, "other", "", "us-east-1", "ada@example.com", LATER)
            assert links.get(connection, kept.id).bucket == "bills"
        assert not links.nothing_found(connection, "no such request")


def test_a_link_without_deliveries_is_corrected_though_another_has_some(engine: Engine) -> None:
    with engine.begin() as connection:
        found, empty = link(connection), link(connection, "333333333333")
        add_delivery(connection, add_export(connection, found.id, "cur"), "2026-10", DeliveryState.LOADED)
        assert links.correct(connection, empty.id, "other", "", "us-east-1", "ada@example.com", LATER)
        assert links.get(connection, found.id).bucket == "bills"


def test_a_correction_waits_for_whoever_records_what_was_found(engine: Engine) -> None:
    with engine.begin() as connection:
        made = link(connection)

    def correct() -> bool:
        with engine.begin() as connection:
            return links.correct(connection, made.id, "other", "", "us-east-1", "ada@example.com", LATER)

    with engine.connect() as finder, engine.connect() as watcher, ThreadPoolExecutor(1) as pool:
        assert links.is_still(finder, made)
        corrected = pool.submit(correct)
        waits = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        deadline = time.monotonic() + 10
        while not watcher.execute(waits).scalar_one():
            assert time.monotonic() < deadline
            watcher.rollback()
            time.sleep(0.01)
        add_delivery(finder, add_export(finder, made.id, "cur"), "2026-10", DeliveryState.DISCOVERED)
        finder.commit()
        assert not corrected.result(10)
    with engine.connect() as connection:
        assert links.get(connection, made.id).bucket == "bills"
