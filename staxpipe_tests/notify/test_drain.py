"""Draining: who gets what, how often, and what a failure does to the others."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import Engine, Row, select, text

from staxpipe.db import outbox
from staxpipe.db.engine import make_engine
from staxpipe.db.tables import outbox as table
from staxpipe.errors import PermanentError, TransientError
from staxpipe.notify import drain as draining
from staxpipe.notify import messages
from staxpipe.notify.channels import ChannelUnavailableError, SmtpChannel
from staxpipe.notify.drain import BATCH, MAX_ATTEMPTS, back_off, drain
from staxpipe.settings import Settings
from staxpipe_tests.notify.mail_server import MailServer
from staxpipe_tests.notify.payloads import LINKED, SAMPLES, TROUBLE

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


class Recorder:
    """A channel that keeps what it is given, and fails as told for a recipient."""

    def __init__(self, failures: dict[str, Exception] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.failures = failures or {}

    def send(self, message: EmailMessage) -> None:
        if message["To"] in self.failures:
            raise self.failures[message["To"]]
        self.mails.append(message)

    @property
    def recipients(self) -> list[str]:
        return [str(mail["To"]) for mail in self.mails]


def put(engine: Engine, key: str, kind: str = "linked", payload: dict[str, object] | None = None) -> None:
    with engine.begin() as connection:
        outbox.enqueue(connection, key, kind, payload if payload is not None else LINKED)


def rows(engine: Engine) -> dict[str, Row[Any]]:
    with engine.connect() as connection:
        return {row.key: row for row in connection.execute(select(table))}


def test_every_kind_is_sent_once_and_marked(engine: Engine, settings: Settings, mail_server: MailServer) -> None:
    for kind, payload in SAMPLES.items():
        put(engine, f"{kind}:1", kind, payload)
    channel = SmtpChannel(mail_server.url())
    report = drain(engine, channel, settings, NOW)
    assert (report.sent, report.failed, report.given_up, report.stopped) == (len(SAMPLES), 0, 0, None)
    assert all(row.sent_at == NOW and row.error is None for row in rows(engine).values())
    kept = {row.kind: row.payload for row in rows(engine).values()}
    assert kept == SAMPLES | {"invite": {name: it for name, it in SAMPLES["invite"].items() if name != "url"}}
    drain(engine, channel, settings, NOW + timedelta(days=1))
    subjects = [str(mail["Subject"]) for mail in mail_server.mails if mail["To"] != "ops@example.com"]
    assert len(subjects) == len(set(subjects)) == len(SAMPLES)


def test_without_a_channel_messages_wait_untouched(engine: Engine, settings: Settings) -> None:
    put(engine, "a")
    report = drain(engine, None, settings, NOW)
    assert report.stopped == "STAXPIPE_SMTP_URL is not set"
    assert (rows(engine)["a"].attempts, rows(engine)["a"].error) == (0, None)


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        ("nonsense", {}, "no kind of message called 'nonsense'"),
        ("linked", {"to": "ada@example.com"}, "account_id (Field required)"),
        ("linked", {**LINKED, "to": "ada@example.com\r\nBcc: eve@example.com"}, "cannot be sent"),
        ("linked", {**LINKED, "to": []}, "nobody to tell"),
    ],
)
def test_a_message_that_cannot_be_sent_is_given_up_and_holds_back_no_other(
    engine: Engine, settings: Settings, kind: str, payload: dict[str, object], why: str
) -> None:
    put(engine, "poison", kind, payload)
    put(engine, "good")
    channel = Recorder()
    report = drain(engine, channel, settings, NOW)
    assert (report.sent, report.given_up) == (1, 1)
    assert channel.recipients == ["ada@example.com"]
    assert rows(engine)["poison"].given_up_at == NOW
    assert why in rows(engine)["poison"].error


def test_a_mistake_of_ours_is_raised_after_the_others_were_sent(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compose(kind: str, payload: Any, settings: Settings) -> object:
        if payload["account_id"] == "0":
            raise ZeroDivisionError("oops")
        return messages.compose(kind, payload, settings)

    monkeypatch.setattr(draining, "compose", compose)
    put(engine, "bug", payload={**LINKED, "account_id": "0"})
    put(engine, "good")
    channel = Recorder()
    with pytest.raises(ExceptionGroup) as caught:
        drain(engine, channel, settings, NOW)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]
    assert channel.recipients == ["ada@example.com"]
    assert rows(engine)["bug"].error == "a mistake in staxpipe: ZeroDivisionError: oops"
    assert rows(engine)["bug"].next_attempt_at > NOW


def test_only_those_who_missed_it_are_tried_again(engine: Engine, settings: Settings) -> None:
    put(engine, "a", "link_refused", TROUBLE)  # to ada and, as a failure, to the operator
    channel = Recorder({"ops@example.com": TransientError("451 later")})
    assert drain(engine, channel, settings, NOW).failed == 1
    assert rows(engine)["a"].error == "451 later"
    channel.failures = {}
    assert drain(engine, channel, settings, NOW).sent == 0  # not before its time
    assert drain(engine, channel, settings, NOW + back_off(1)).sent == 1
    assert channel.recipients == ["ada@example.com", "ops@example.com"]
    assert len({mail["Message-ID"] for mail in channel.mails}) == 1


def test_one_refused_recipient_is_noted_and_the_other_has_it(engine: Engine, settings: Settings) -> None:
    put(engine, "a", "link_refused", TROUBLE)
    channel = Recorder({"ada@example.com": PermanentError("550 no such user")})
    assert drain(engine, channel, settings, NOW).sent == 1
    row = rows(engine)["a"]
    assert (row.sent_at, row.given_up_at, row.error) == (NOW, None, "550 no such user")
    assert channel.recipients == ["ops@example.com"]


def test_a_message_that_nobody_may_have_is_given_up_at_once(engine: Engine, settings: Settings) -> None:
    put(engine, "a")
    assert drain(engine, Recorder({"ada@example.com": PermanentError("550")}), settings, NOW).given_up == 1


def test_waiting_grows_and_ends(engine: Engine, settings: Settings) -> None:
    put(engine, "a")
    channel = Recorder({"ada@example.com": TransientError("451 later")})
    now, waits = NOW, []
    for _ in range(MAX_ATTEMPTS - 1):
        assert drain(engine, channel, settings, now).failed == 1
        waits.append(rows(engine)["a"].next_attempt_at - now)
        now = rows(engine)["a"].next_attempt_at
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert max(waits) == timedelta(hours=1)
    assert drain(engine, channel, settings, now).given_up == 1
    assert rows(engine)["a"].given_up_at == now


def test_a_server_that_is_down_stops_the_batch_and_costs_no_message(engine: Engine, settings: Settings) -> None:
    for key in ("a", "b"):
        put(engine, key)
    down = ChannelUnavailableError("nothing listens there")
    channel = Recorder({"ada@example.com": down})
    now = NOW
    for _ in range(MAX_ATTEMPTS + 5):
        report = drain(engine, channel, settings, now)
        assert report.stopped == "nothing listens there"
        assert (report.failed, report.given_up) == (1, 0)
        now += timedelta(hours=1)
    channel.failures = {}
    assert drain(engine, channel, settings, now).sent == 2


def test_a_drain_is_bounded(engine: Engine, settings: Settings) -> None:
    for number in range(BATCH + 3):
        put(engine, f"{number}")
    assert drain(engine, Recorder(), settings, NOW).sent == BATCH
    assert drain(engine, Recorder(), settings, NOW).sent == 3


def test_several_drains_at_once_send_each_message_once(
    engine: Engine, settings: Settings, mail_server: MailServer
) -> None:
    expected = {f"user{number}@example.com" for number in range(40)}
    for to in expected:
        put(engine, to, payload={**LINKED, "to": to})
    start = threading.Barrier(4)
    sent: list[int] = []

    def run() -> None:
        start.wait()
        sent.append(drain(engine, SmtpChannel(mail_server.url()), settings, NOW).sent)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == len(mail_server.mails) == 40
    assert {str(mail["To"]) for mail in mail_server.mails} == expected


class DiesAfterSending:
    """A channel whose process is killed when the server has the mail and before anybody knows."""

    def __init__(self, url: str) -> None:
        self._channel = SmtpChannel(url)

    def send(self, message: EmailMessage) -> None:
        self._channel.send(message)
        os._exit(9)


def _drain_and_die(database_url: str, smtp_url: str, settings: Settings) -> None:
    drain(make_engine(database_url), DiesAfterSending(smtp_url), settings, NOW)


def wait_until_alone(engine: Engine) -> None:
    """Until Postgres has noticed that the process is gone: its transaction keeps the message to itself until then."""
    others = text("select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    for _ in range(600):
        with engine.connect() as connection:
            if connection.execute(others).first() is None:
                return
        time.sleep(0.05)
    raise AssertionError("the killed process is still connected")


def test_killed_between_send_and_mark_it_is_sent_again_as_the_same_mail(
    engine: Engine, database_url: str, settings: Settings, mail_server: MailServer
) -> None:
    put(engine, "linked:1")
    process = multiprocessing.get_context("spawn").Process(
        target=_drain_and_die, args=(database_url, mail_server.url(), settings)
    )
    process.start()
    process.join(timeout=30)
    assert process.exitcode == 9
    assert len(mail_server.mails) == 1
    assert rows(engine)["linked:1"].sent_at is None
    wait_until_alone(engine)
    assert drain(engine, SmtpChannel(mail_server.url()), settings, NOW).sent == 1
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_back_off_is_never_negative_nor_endless() -> None:
    waits: list[timedelta] = [back_off(attempts) for attempts in range(1, 200)]
    assert waits == sorted(waits)
    assert timedelta(days=2) < sum(waits[: MAX_ATTEMPTS - 1], timedelta()) < timedelta(days=3)
