"""Enqueuing exactly once, claiming without collision, and what becomes of a message."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, Row, select

from staxpipe.db import outbox
from staxpipe.db.tables import outbox as table

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def enqueue(engine: Engine, key: str, kind: str = "linked") -> bool:
    with engine.begin() as connection:
        return outbox.enqueue(connection, key, kind, {"to": "ada@example.com"})


def claim(engine: Engine, now: datetime = NOW) -> outbox.OutboxEntry | None:
    with engine.begin() as connection:
        return outbox.claim(connection, now)


def claimed(engine: Engine, now: datetime = NOW) -> outbox.OutboxEntry:
    entry = claim(engine, now)
    assert entry is not None
    return entry


def only_row(engine: Engine) -> Row[tuple[object, ...]]:
    with engine.connect() as connection:
        return connection.execute(select(table)).one()


def test_a_key_is_enqueued_once_and_says_so(engine: Engine) -> None:
    assert enqueue(engine, "linked:1") is True
    assert enqueue(engine, "linked:1") is False
    assert enqueue(engine, "linked:2") is True


def test_a_key_stays_taken_after_its_message_was_sent(engine: Engine) -> None:
    enqueue(engine, "linked:1")
    with engine.begin() as connection:
        outbox.mark_sent(connection, claimed(engine), NOW)
    assert enqueue(engine, "linked:1") is False
    assert claim(engine) is None


def test_a_message_goes_back_with_the_transaction_that_enqueued_it(engine: Engine) -> None:
    with engine.connect() as connection:
        outbox.enqueue(connection, "linked:1", "linked", {})
        connection.rollback()
    assert claim(engine) is None
    assert enqueue(engine, "linked:1") is True


def test_one_of_many_that_enqueue_the_same_key_at_once_is_told_that_it_is_new(engine: Engine) -> None:
    answers: list[bool] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        answers.append(enqueue(engine, "data_ready:1"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]


def test_a_payload_comes_back_as_it_went_in(engine: Engine) -> None:
    payload = {"to": "ada@example.com", "periods": [{"period": "2026-10", "billed_cost": "1234.500000000000000001"}]}
    with engine.begin() as connection:
        outbox.enqueue(connection, "data_ready:1", "data_ready", payload)
    entry = claimed(engine)
    assert (entry.key, entry.kind, entry.payload, entry.attempts) == ("data_ready:1", "data_ready", payload, 0)


def test_the_longest_due_is_claimed_first_and_a_held_one_is_passed_over(engine: Engine) -> None:
    for key in ("a", "b", "c"):
        enqueue(engine, key)
    with engine.begin() as first, engine.begin() as second:
        held = outbox.claim(first, NOW)
        other = outbox.claim(second, NOW)
        assert held is not None
        assert other is not None
        assert (held.key, other.key) == ("a", "b")


def test_a_claim_whose_sender_died_is_free_again(engine: Engine) -> None:
    enqueue(engine, "a")
    with engine.connect() as dies:
        held = outbox.claim(dies, NOW)
        assert held is not None
        assert claim(engine) is None
    assert claimed(engine).key == "a"


def test_a_failed_message_waits_until_its_time_and_remembers_why(engine: Engine) -> None:
    enqueue(engine, "a")
    with engine.begin() as connection:
        outbox.mark_failed(connection, claimed(engine), "the mailbox is full", NOW + HOUR, ["ada@example.com"])
    assert claim(engine, NOW + HOUR - timedelta(seconds=1)) is None
    again = claimed(engine, NOW + HOUR)
    assert again.attempts == 1
    assert again.delivered_to == {"ada@example.com"}
    assert only_row(engine).error == "the mailbox is full"


def test_a_first_attempt_is_due_even_when_our_clock_runs_behind_the_databases(engine: Engine) -> None:
    enqueue(engine, "a")
    assert claimed(engine, datetime(2020, 1, 1, tzinfo=UTC)).key == "a"


def test_a_message_that_was_given_up_is_kept_and_never_claimed(engine: Engine) -> None:
    enqueue(engine, "a")
    with engine.begin() as connection:
        outbox.mark_given_up(connection, claimed(engine), "no such mailbox", NOW)
    assert claim(engine, NOW + 1000 * HOUR) is None
    row = only_row(engine)
    assert (row.given_up_at, row.sent_at, row.error, row.attempts) == (NOW, None, "no such mailbox", 1)


def test_waiting_counts_what_is_due_and_nothing_else(engine: Engine) -> None:
    def waiting(now: datetime) -> int:
        with engine.connect() as connection:
            return outbox.waiting(connection, now)

    for key in ("a", "b", "c", "d"):
        enqueue(engine, key)
    assert waiting(NOW) == 4
    with engine.begin() as connection:
        outbox.mark_sent(connection, claimed(engine), NOW, note="bob@example.com was refused")
    with engine.begin() as connection:
        outbox.mark_given_up(connection, claimed(engine), "no such mailbox", NOW)
    with engine.begin() as connection:
        outbox.mark_failed(connection, claimed(engine), "the mailbox is full", NOW + HOUR)
    assert waiting(NOW) == 1
    assert waiting(NOW + HOUR) == 2


def test_what_became_of_a_message_is_known_by_its_key(engine: Engine) -> None:
    for key in ("sent", "given-up", "waiting"):
        enqueue(engine, key)
    with engine.begin() as connection:
        outbox.mark_sent(connection, claimed(engine), NOW)
        outbox.mark_given_up(connection, claimed(engine), "no such address", NOW)
        fates = outbox.fates(connection, ["sent", "given-up", "waiting", "never"])
    assert fates == {
        "sent": outbox.Fate.SENT,
        "given-up": outbox.Fate.GIVEN_UP,
        "waiting": outbox.Fate.WAITING,
    }


def test_only_a_message_that_waits_is_taken_back(engine: Engine) -> None:
    enqueue(engine, "sent")
    with engine.begin() as connection:
        outbox.mark_sent(connection, claimed(engine), NOW)
    enqueue(engine, "waiting")
    with engine.begin() as connection:
        assert outbox.take_back(connection, "waiting")
        assert not outbox.take_back(connection, "waiting")
        assert not outbox.take_back(connection, "sent")
    assert claim(engine) is None
    assert only_row(engine).key == "sent"


@pytest.mark.parametrize("ended", ["sent", "given up"])
def test_no_copy_of_the_database_opens_an_invitation_whose_mail_is_out(engine: Engine, ended: str) -> None:
    with engine.begin() as connection:
        payload = {"to": ["ada@example.com"], "note": "Hi", "url": "https://costs.example.com/invite/token"}
        outbox.enqueue(connection, "invite:1", "invite", payload)
    with engine.begin() as connection:
        outbox.mark_failed(connection, claimed(engine), "the mailbox is full", NOW)
    assert "token" in str(only_row(engine).payload), "it is tried again"
    with engine.begin() as connection:
        if ended == "sent":
            outbox.mark_sent(connection, claimed(engine), NOW)
        else:
            outbox.mark_given_up(connection, claimed(engine), "no such mailbox", NOW)
    assert "token" not in str(only_row(engine).payload)
    assert only_row(engine).payload["note"] == "Hi"
