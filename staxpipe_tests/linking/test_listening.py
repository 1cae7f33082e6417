"""Listening: how long, how often, and that a role is seen soon after it becomes assumable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest
from sqlalchemy import Engine

from staxpipe.db import probes
from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking.listening import SOON, listen, wait
from staxpipe.linking.probe import probe as real_probe
from staxpipe.linking.sweep import SweepReport
from staxpipe.linking.verdicts import NotYetAssumable, Safe, Verdict
from staxpipe.model import AccountId
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.linking.test_sweep import NOW, SETTINGS, WAITING, fine, request, saying, seen, stored

SECOND = timedelta(seconds=1)


class Clock:
    """A clock that goes on only where somebody waits."""

    def __init__(self) -> None:
        self.now = NOW
        self.waits: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


def hear(engine: Engine, probe: Callable[[boto3.Session, LinkRequest], Verdict], clock: Clock) -> SweepReport:
    return listen(engine, SETTINGS, probe, clock, 40, 20, clock.sleep, check_bucket=fine, look=seen)


@pytest.mark.parametrize(
    ("due_in", "seconds"),
    [(None, None), (SOON + SECOND, None), (SOON, 2), (SECOND, 1), (timedelta(), 0), (-SECOND, 0)],
)
def test_how_long_it_waits(due_in: timedelta | None, seconds: float | None) -> None:
    assert wait(None if due_in is None else NOW + due_in, NOW) == seconds


def test_where_nobody_waits_it_ends_at_once(engine: Engine) -> None:
    clock = Clock()
    assert hear(engine, saying(WAITING), clock).sentence() == "No link request waits."
    made = request(engine)
    with engine.begin() as connection:
        probes.record_probe(connection, made.id, "unknown", "", NOW + timedelta(minutes=30), 100)
    hear(engine, saying(WAITING), clock)
    assert clock.waits == []


def test_it_ends_with_the_first_role_that_is_found(engine: Engine) -> None:
    first, second = request(engine, 1), request(engine, 2)
    answers: list[str] = []

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        answers.append(asked.id)
        return Safe() if asked.id == first.id and answers.count(first.id) == 3 else WAITING

    clock = Clock()
    report = hear(engine, probe, clock)
    assert report.linked == [first.account_id]
    assert answers.count(first.id) == 3
    assert stored(engine, first.id).state == "linked"
    assert stored(engine, second.id).state == "listening"
    assert clock.now - NOW < timedelta(seconds=15), "two waits of at most six seconds"
    assert max(clock.waits) <= 2, "what people change meanwhile is seen soon"


def test_no_round_is_begun_when_patience_is_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    request(engine)
    clock = Clock()
    # Seconds of this machine pass as those of the clock do.
    monkeypatch.setattr(time, "monotonic", lambda: (clock.now - NOW).total_seconds())
    hear(engine, saying(WAITING), clock)
    assert timedelta(seconds=15) < clock.now - NOW < timedelta(seconds=20)


def test_a_role_that_appears_while_it_listens_is_seen(
    engine: Engine, customer: Customer, operator_environment: object
) -> None:
    """Really: a stack is created while AWS is asked. Only the pauses are shorter than they would be."""
    made = request(engine, account_id=AccountId(customer.account_id), bucket=customer.bucket)
    person = replace(customer, external_id=made.external_id, role_name=made.role_name)
    tried = threading.Event()
    began, faster = time.monotonic(), 20

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        verdict = real_probe(operator, asked, sleep=lambda _: None)
        if isinstance(verdict, NotYetAssumable):
            tried.set()
        return verdict

    def clock() -> datetime:
        return NOW + faster * timedelta(seconds=time.monotonic() - began)

    def create() -> None:
        assert tried.wait(20)
        person.deploy()

    creating = threading.Thread(target=create)
    creating.start()
    pause = lambda seconds: time.sleep(seconds / faster)  # noqa: E731
    report = listen(engine, SETTINGS, probe, clock, 60, 50, pause, check_bucket=fine, look=seen)
    creating.join(30)
    assert report.linked == [customer.account_id]
    assert report.waiting == []
    assert stored(engine, made.id).probe_attempts >= 2
