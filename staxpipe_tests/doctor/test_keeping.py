"""The last report is kept, an older one never replaces a newer, and AWS is asked seldom."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from staxpipe.db import link_requests
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.findings import Report, State
from staxpipe.doctor.keeping import (
    AFTER_NEWS,
    AT_MOST_EVERY,
    DAILY,
    is_due,
    keep,
    keep_correction,
    keep_verdict,
    kept,
    look_at_due,
)
from staxpipe.errors import TransientError
from staxpipe.linking.verdicts import NotYetAssumable, Safe
from staxpipe_tests.doctor.cases import NOW, ROLE, SUBJECT, export, facts, one


@pytest.fixture
def subject(engine: Engine) -> Subject:
    with engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
    return replace(SUBJECT, request_id=request.id)


def stored(engine: Engine, subject: Subject) -> Report | None:
    with engine.connect() as connection:
        return kept(connection, subject.request_id)


def prove(engine: Engine, subject: Subject, now: datetime = NOW) -> None:
    with engine.begin() as connection:
        keep_verdict(connection, subject, Safe(), now)


def test_the_newest_report_is_kept_alone(engine: Engine, subject: Subject) -> None:
    assert stored(engine, subject) is None
    report = diagnose(subject, Safe(), facts(export()), NOW)
    older = diagnose(subject, NotYetAssumable(ROLE), None, NOW - timedelta(seconds=1))
    for made in (report, older):
        with engine.begin() as connection:
            keep(connection, subject.request_id, made)
    assert stored(engine, subject) == report


def test_looks_are_as_seldom_as_the_pause_says(engine: Engine, subject: Subject) -> None:
    asked: list[datetime] = []

    def look_at(now: datetime, pause: timedelta) -> None:
        def look(_: Subject) -> Facts:
            asked.append(now)
            return facts(export())

        look_at_due(engine, [subject], look, now, pause, 10)

    look_at(NOW, DAILY)
    assert asked == [], "the role was not tried yet"
    prove(engine, subject)
    look_at(NOW, DAILY)
    prove(engine, subject, NOW + timedelta(minutes=1))  # trying the role puts the next look neither off nor forward
    for minutes in (1, 9, 10, 11):
        look_at(NOW + timedelta(minutes=minutes), AFTER_NEWS)
    assert asked == [NOW, NOW + timedelta(minutes=10)]
    look_at(NOW + timedelta(hours=20), DAILY)
    look_at(NOW + timedelta(hours=20, minutes=10), DAILY)
    assert asked[2:] == [NOW + timedelta(hours=20, minutes=10)]


def test_one_that_aws_did_not_answer_is_due_again_after_a_minute(engine: Engine, subject: Subject) -> None:
    def fails(_: Subject) -> Facts:
        raise TransientError("The connection failed.")

    prove(engine, subject)
    assert look_at_due(engine, [subject], fails, NOW, DAILY, 10) == 0
    report = stored(engine, subject)
    assert report is not None
    assert report.looked_at is None
    assert not is_due(report, NOW + timedelta(seconds=59), DAILY)
    assert is_due(report, NOW + AT_MOST_EVERY, DAILY)
    later = NOW + timedelta(minutes=2)
    assert look_at_due(engine, [subject], lambda _: facts(export()), later, DAILY, 10) == 1
    assert stored(engine, subject) == diagnose(subject, Safe(), facts(export()), later)


def test_without_time_nobody_is_asked(engine: Engine, subject: Subject) -> None:
    prove(engine, subject)
    assert look_at_due(engine, [subject], lambda _: facts(export()), NOW, DAILY, -1) == 0
    report = stored(engine, subject)
    assert report is not None
    assert report.tried_at is None


def test_deliveries_that_contradict_the_report_bring_a_look_at_once(engine: Engine, subject: Subject) -> None:
    prove(engine, subject)
    assert look_at_due(engine, [subject], lambda _: facts(refused="AWS refuses access."), NOW, DAILY, 10) == 1
    soon = NOW + timedelta(seconds=30)

    def look_again(*, found: bool) -> int:
        return look_at_due(engine, [subject], lambda _: facts(export()), soon, AFTER_NEWS, 10, found=found)

    assert look_again(found=False) == 0
    assert look_again(found=True) == 1
    report = stored(engine, subject)
    assert report is not None
    assert not report.broken
    assert look_again(found=True) == 0, "now they agree"


def test_of_another_bucket_nothing_is_known_but_the_role(engine: Engine, subject: Subject) -> None:
    prove(engine, subject)
    look_at_due(engine, [subject], lambda _: facts(refused="AWS refuses access."), NOW, DAILY, 10)
    corrected = NOW + timedelta(minutes=3)
    with engine.begin() as connection:
        keep_correction(connection, subject.request_id, corrected)
    prove(engine, subject, corrected + timedelta(minutes=1))
    report = stored(engine, subject)
    assert report is not None
    assert one(report.checks, "trust").state is State.HOLDS
    assert one(report.checks, "bucket").state is State.UNKNOWN
    assert (report.looked_at, report.months) == (None, ())
    assert is_due(report, corrected, DAILY)
    with engine.begin() as connection:
        keep_correction(connection, "no such request", corrected)  # of which there is no report
