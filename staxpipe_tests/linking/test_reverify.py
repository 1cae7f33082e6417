"""Links whose role no longer holds are paused, alone; those that hold again go on; doubt changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from sqlalchemy import Engine, select

from staxpipe.aws.sessions import operator_session
from staxpipe.db import link_requests, links
from staxpipe.db.links import Link
from staxpipe.db.tables import audit_log, outbox
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.findings import Report
from staxpipe.doctor.keeping import kept
from staxpipe.errors import TransientError
from staxpipe.ingest.exclusive import refuse_unproved
from staxpipe.linking.reverify import ReverifyReport, reverify, try_due
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)
from staxpipe.model import LinkState
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.doctor.cases import export, facts

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
SETTINGS = read_settings({"public_url": "https://staxpipe.example.com"})
GONE = NotYetAssumable("arn:aws:iam::222222222222:role/x")


def link(engine: Engine, number: int = 0, customer: Customer | None = None) -> Link:
    with engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
        account_id = customer.account_id if customer else f"2{number:011d}"
        return links.create(
            connection,
            request_id=request.id,
            account_id=account_id,
            role_arn=customer.role_arn if customer else f"arn:aws:iam::{account_id}:role/{request.role_name}",
            external_id=customer.external_id if customer else request.external_id,
            bucket=customer.bucket if customer else "bills",
            prefix="reports",
            region="us-east-1",
            contact="ada@example.com",
            now=NOW,
        )


def now_is(engine: Engine, link_id: str) -> Link:
    with engine.connect() as connection:
        return links.get(connection, link_id)


def kinds(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(outbox.c.kind).order_by(outbox.c.id)).scalars())


def actions(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(audit_log.c.action, audit_log.c.result).order_by(audit_log.c.id))
        return [(row.action, row.result) for row in rows]


def run(
    engine: Engine, probe: Callable[[boto3.Session, Link], Verdict] | Verdict, now: datetime = TOMORROW
) -> ReverifyReport:
    def constant(operator: boto3.Session, asked: Link) -> Verdict:
        assert not callable(probe)
        return probe

    asked = probe if callable(probe) else constant
    return reverify(engine, SETTINGS, boto3.Session(region_name="us-east-1"), now, probe=asked, look=seen)


def tried(engine: Engine, verdict: Verdict, now: datetime) -> ReverifyReport:
    return try_due(engine, SETTINGS, now, 30, lambda *_: verdict, seen)


def seen(operator: boto3.Session, subject: Subject) -> Facts:
    """A look that finds a bucket as it should be."""
    return facts(export())


def doctors(engine: Engine, made: Link) -> Report:
    with engine.connect() as connection:
        report = kept(connection, made.request_id)
    assert report is not None
    return report


def test_a_role_that_holds_is_remembered(engine: Engine) -> None:
    made = link(engine)
    assert run(engine, Safe()) == ReverifyReport(holding=[made.id])
    assert now_is(engine, made.id).verified_at == TOMORROW
    assert kinds(engine) == []


@pytest.mark.parametrize("verdict", [GONE, IgnoresExternalId("arn", True, False), WrongAccount("1", "2")], ids=str)
def test_a_role_that_does_not_hold_pauses_its_link_and_no_other(engine: Engine, verdict: Verdict) -> None:
    bad, good = link(engine, 1), link(engine, 2)

    def probe(operator: boto3.Session, asked: Link) -> Verdict:
        return verdict if asked.id == bad.id else Safe()

    report = run(engine, probe)
    assert (report.paused, report.holding) == ([bad.id], [good.id])
    after = now_is(engine, bad.id)
    assert after.state is LinkState.PAUSED
    assert after.problem
    assert now_is(engine, good.id).state is LinkState.ACTIVE
    assert kinds(engine) == ["link_refused"]
    assert actions(engine) == [("link.paused", verdict.code)]


def test_people_are_told_once(engine: Engine) -> None:
    made = link(engine)
    run(engine, GONE)
    report = run(engine, GONE, TOMORROW + timedelta(days=1))
    assert (report.paused, report.still_paused) == ([], [made.id])
    assert kinds(engine) == ["link_refused"]


@pytest.mark.parametrize("verdict", [Unknown("throttled"), OperatorRefused("no key")], ids=str)
def test_doubt_changes_nothing(engine: Engine, verdict: Verdict) -> None:
    active, paused = link(engine, 1), link(engine, 2)
    with engine.begin() as connection:
        links.pause(connection, paused.id, "gone")
    before = [now_is(engine, made.id) for made in (active, paused)]
    assert sorted(run(engine, verdict).unknown) == sorted([active.id, paused.id])
    assert [now_is(engine, made.id) for made in (active, paused)] == before
    assert kinds(engine) == []


def test_a_probe_that_breaks_is_doubt(engine: Engine) -> None:
    made = link(engine)

    def probe(operator: boto3.Session, asked: Link) -> Verdict:
        raise ZeroDivisionError

    assert run(engine, probe).unknown == [made.id]
    assert now_is(engine, made.id).state is LinkState.ACTIVE


def test_ended_links_are_left_alone(engine: Engine) -> None:
    made = link(engine)
    with engine.begin() as connection:
        links.end(connection, made.id)
    assert run(engine, Safe()) == ReverifyReport()


def test_only_those_asked_for(engine: Engine) -> None:
    one, _ = link(engine, 1), link(engine, 2)

    def probe(operator: boto3.Session, asked: Link) -> Verdict:
        return Safe()

    operator = boto3.Session(region_name="us-east-1")
    report = reverify(engine, SETTINGS, operator, TOMORROW, only=[one.id], probe=probe, look=seen)
    assert report.holding == [one.id]


def test_the_doctor_looks_once_a_day_at_what_holds_and_sooner_where_something_failed(engine: Engine) -> None:
    made = link(engine)
    run(engine, Safe())
    assert doctors(engine, made).looked_at == TOMORROW
    soon = TOMORROW + timedelta(hours=1)
    run(engine, Safe(), soon)
    assert (doctors(engine, made).at, doctors(engine, made).looked_at) == (soon, TOMORROW)
    operator = boto3.Session(region_name="us-east-1")
    reverify(engine, SETTINGS, operator, soon, only=[made.id], probe=lambda *_: Safe(), look=seen)
    assert doctors(engine, made).looked_at == soon
    run(engine, Safe(), soon + timedelta(days=1))
    assert doctors(engine, made).looked_at == soon + timedelta(days=1)


def test_the_doctor_says_of_a_role_that_does_not_hold_what_to_do(engine: Engine) -> None:
    made = link(engine)
    run(engine, Safe())
    run(engine, GONE, TOMORROW + timedelta(hours=1))
    report = doctors(engine, made)
    assert report.looked_at is None
    assert [check.code for check in report.checks if check.state == "broken"] == ["role-found"]


@pytest.mark.usefixtures("operator_environment")
def test_a_stack_deleted_and_created_again(engine: Engine, customer: Customer) -> None:
    made = link(engine, customer=customer)
    operator = operator_session(SETTINGS)
    customer.deploy()
    assert reverify(engine, SETTINGS, operator, TOMORROW).holding == [made.id]
    customer.delete_stack()
    assert reverify(engine, SETTINGS, operator, TOMORROW).paused == [made.id]
    assert "stack was deleted" in str(now_is(engine, made.id).problem)
    customer.deploy()
    assert reverify(engine, SETTINGS, operator, TOMORROW).resumed == [made.id]
    assert now_is(engine, made.id).problem is None
    assert actions(engine) == [("link.paused", "not-yet-assumable"), ("link.resumed", "safe")]


def test_what_a_person_stopped_is_neither_tried_nor_resumed(engine: Engine) -> None:
    stopped, paused = link(engine, 1), link(engine, 2)
    with engine.begin() as connection:
        assert links.stop(connection, stopped.id, "ada@example.com", "Stopped.", NOW)
        links.pause(connection, paused.id, "gone")
    report = run(engine, Safe())
    assert (report.holding, report.resumed) == ([paused.id], [paused.id])
    assert now_is(engine, stopped.id).state is LinkState.PAUSED
    with engine.begin() as connection:
        assert not links.resume(connection, stopped.id, NOW), "not even where it was tried before it was stopped"


def test_a_paused_link_whose_role_holds_again_is_read_at_once(engine: Engine) -> None:
    made, other = link(engine, 1), link(engine, 2)
    with engine.begin() as connection:
        links.pause(connection, made.id, "gone")
        for each in (made, other):
            links.look_again_at(connection, each.id, TOMORROW)
    assert tried(engine, Safe(), NOW).holding == [], "its turn is tomorrow"
    assert tried(engine, Safe(), TOMORROW).resumed == [made.id], "and what is active is the daily job's"
    with engine.begin() as connection:
        due = links.take_looks(connection, TOMORROW, TOMORROW)
    assert {each.id for each in due} == {made.id, other.id}


def test_a_paused_link_is_tried_again_soon_later_or_tomorrow(engine: Engine) -> None:
    """As soon as AWS may answer, and more seldom where a try fills the account's log."""
    made = link(engine)
    with engine.begin() as connection:
        links.pause(connection, made.id, "gone")
        links.look_again_at(connection, made.id, NOW)
    moment = NOW
    for verdict, pause in (
        (Unknown("throttled"), timedelta(seconds=90)),
        (OperatorRefused("no key"), timedelta(seconds=90)),
        (GONE, timedelta(hours=1)),
        (IgnoresExternalId("arn", True, False), timedelta(days=1)),
    ):
        report = tried(engine, verdict, moment)
        assert report.unknown + report.still_paused == [made.id]
        moment += pause
        assert tried(engine, Safe(), moment - timedelta(seconds=1)) == ReverifyReport()


def test_people_are_told_when_something_else_is_wrong_with_a_paused_link(engine: Engine) -> None:
    made = link(engine)
    run(engine, GONE)
    unsafe = IgnoresExternalId("arn", True, False)
    run(engine, GONE, TOMORROW + timedelta(days=1))
    for days in (2, 3):
        run(engine, unsafe, TOMORROW + timedelta(days=days))
    assert kinds(engine) == ["link_refused"] * 2
    assert "can be used with a wrong ExternalId" in str(now_is(engine, made.id).problem)


def test_a_role_that_was_not_proved_for_long_is_proved_before_it_is_used_again(engine: Engine) -> None:
    """As after a month in which staxpipe did not run."""
    made, later = link(engine), NOW + timedelta(days=30)
    with engine.begin() as connection:
        links.look_again_at(connection, made.id, NOW)
        assert links.take_looks(connection, later, later) == {}
    with pytest.raises(TransientError, match="until its role is proved safe"):
        refuse_unproved(made, later)
    assert tried(engine, Unknown("throttled"), later).unknown == [made.id]
    assert tried(engine, Safe(), later) == ReverifyReport(), "not at once again"
    later += timedelta(seconds=90)
    assert tried(engine, Safe(), later).holding == [made.id]
    refuse_unproved(now_is(engine, made.id), later)
    with engine.begin() as connection:
        assert [each.id for each in links.take_looks(connection, later, later)] == [made.id]
    assert tried(engine, Safe(), later + timedelta(hours=1)) == ReverifyReport(), "what is proved is the daily job's"
