"""From waiting requests to links: each outcome is one transaction, and no request waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from sqlalchemy import Engine, func, insert, select

from staxpipe.db import link_requests, links
from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.db.links import Link
from staxpipe.db.tables import audit_log, outbox
from staxpipe.db.tables import links as links_table
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.findings import Report
from staxpipe.doctor.keeping import kept
from staxpipe.errors import TransientError
from staxpipe.linking.bucket_check import BucketProblem
from staxpipe.linking.probe import probe as real_probe
from staxpipe.linking.sweep import SweepReport, decide, sweep
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)
from staxpipe.model import AccountId, LinkState, RequestState
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.doctor.cases import export, facts, one

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SETTINGS = read_settings({"public_url": "https://staxpipe.example.com"})
WAITING = NotYetAssumable("arn:aws:iam::222222222222:role/x")
PATIENCE = 300.0
"""Seconds for a sweep with real calls, which ends when they do: only what hangs takes so long."""

ACCUSED = IgnoresExternalId("arn:aws:iam::222222222222:role/x", accepts_wrong=True, accepts_none=True)


def request(engine: Engine, number: int = 0, **changed: Any) -> LinkRequest:
    """A complete request that listens, of account 2000…<number>."""
    details = Details(
        **{
            "account_id": AccountId(f"2{number:011d}"),
            "bucket": "bills",
            "prefix": "reports",
            "region": "us-east-1",
            "contact": "ada@example.com",
        }
        | changed
    )
    with engine.begin() as connection:
        made = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
        assert link_requests.save_details(connection, made.id, details, NOW, timedelta(days=14))
        found = link_requests.get(connection, made.id)
    assert found is not None
    return found


def stored(engine: Engine, request_id: str) -> LinkRequest:
    with engine.connect() as connection:
        found = link_requests.get(connection, request_id)
    assert found is not None
    return found


def messages(engine: Engine) -> list[tuple[str, Mapping[str, Any]]]:
    with engine.connect() as connection:
        rows = connection.execute(select(outbox.c.kind, outbox.c.payload).order_by(outbox.c.id))
        return [(row.kind, row.payload) for row in rows]


def doctors(engine: Engine, request_id: str) -> Report:
    with engine.connect() as connection:
        report = kept(connection, request_id)
    assert report is not None
    return report


def audited(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(audit_log).order_by(audit_log.c.id))
        return [(row.actor, row.action, row.result) for row in rows]


def all_links(engine: Engine) -> list[Link]:
    with engine.connect() as connection:
        return links.active(connection)


def saying(verdict: Verdict) -> Callable[[boto3.Session, LinkRequest], Verdict]:
    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        return verdict

    return probe


def fine(operator: boto3.Session, link: Link) -> None:
    """A bucket with nothing wrong."""


def seen(operator: boto3.Session, subject: Subject) -> Facts:
    """A look that finds a bucket as it should be."""
    return facts(export())


def run(
    engine: Engine,
    probe: Callable[[boto3.Session, LinkRequest], Verdict],
    now: datetime = NOW,
    seconds: float = PATIENCE,
    **options: Any,
) -> SweepReport:
    return sweep(engine, SETTINGS, probe, now, seconds, **({"check_bucket": fine, "look": seen} | options))


def test_what_follows_from_a_verdict() -> None:
    assert decide(None, Safe()) == "link"
    assert decide(ACCUSED.code, Safe()) == "link"
    assert decide(None, WAITING) == "wait"
    assert decide(None, ACCUSED) == "wait"
    assert decide(WAITING.code, ACCUSED) == "wait"
    assert decide(ACCUSED.code, ACCUSED) == "refuse"
    assert decide(None, WrongAccount("1", "2")) == "refuse"
    assert decide(ACCUSED.code, Unknown("throttled")) == "unknown"
    assert decide(ACCUSED.code, OperatorRefused("no key")) == "unknown"


def test_nothing_waits(engine: Engine) -> None:
    assert run(engine, saying(Safe())).sentence() == "No link request waits."


def test_a_safe_role_becomes_a_link_with_message_and_audit_row(engine: Engine) -> None:
    asked = request(engine)
    report = run(engine, saying(Safe()))
    assert report.linked == [asked.account_id]
    [link] = all_links(engine)
    assert (link.request_id, link.account_id, link.role_arn) == (asked.id, asked.account_id, asked.role_arn)
    assert (link.external_id, link.bucket, link.prefix) == (asked.external_id, "bills", "reports")
    assert (link.contact, link.state, link.linked_at, link.problem) == (
        "ada@example.com",
        LinkState.ACTIVE,
        NOW,
        None,
    )
    assert stored(engine, asked.id).state is RequestState.LINKED
    assert messages(engine) == [
        (
            "linked",
            {
                "to": ["ada@example.com"],
                "account_id": asked.account_id,
                "url": f"https://staxpipe.example.com/requests/{asked.id}",
            },
        )
    ]
    assert audited(engine) == [("staxpipe", "link.created", "safe")]


def test_a_second_sweep_does_nothing_twice(engine: Engine) -> None:
    request(engine)
    run(engine, saying(Safe()))
    assert run(engine, saying(Safe())) == SweepReport()
    assert len(all_links(engine)) == 1
    assert len(messages(engine)) == 1


def test_two_sweeps_at_once_link_once(engine: Engine) -> None:
    for number in range(5):
        request(engine, number)
    together = threading.Barrier(10, timeout=10)

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        together.wait()
        return Safe()

    reports: list[SweepReport] = []
    threads = [threading.Thread(target=lambda: reports.append(run(engine, probe))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reports[0].linked + reports[1].linked) == [f"2{number:011d}" for number in range(5)]
    assert len(all_links(engine)) == len(messages(engine)) == 5


def test_a_role_that_is_not_there_is_waited_for(engine: Engine) -> None:
    asked = request(engine)
    assert run(engine, saying(WAITING)).waiting == [asked.id]
    after = stored(engine, asked.id)
    assert (after.state, after.verdict, after.probe_attempts) == (RequestState.LISTENING, WAITING.code, 1)
    assert after.verdict_detail == WAITING.explain()
    assert after.next_probe_at is not None
    assert timedelta(seconds=3) <= after.next_probe_at - NOW <= timedelta(seconds=10)
    assert run(engine, saying(Safe()), NOW + timedelta(seconds=1)) == SweepReport()
    assert run(engine, saying(Safe()), NOW + timedelta(seconds=11)).linked == [asked.account_id]


def test_an_unsafe_role_is_refused_when_it_is_unsafe_twice(engine: Engine) -> None:
    asked = request(engine)
    assert run(engine, saying(ACCUSED)).refused == []
    first = stored(engine, asked.id)
    assert first.state is RequestState.LISTENING
    assert str(first.verdict_detail).startswith(ACCUSED.explain())
    assert "It is tried once more" in str(first.verdict_detail), "it is not final"
    later = NOW + timedelta(seconds=30)
    assert run(engine, saying(ACCUSED), later).refused == [asked.id]
    after = stored(engine, asked.id)
    assert (after.state, after.verdict, after.verdict_detail) == (RequestState.REFUSED, ACCUSED.code, ACCUSED.explain())
    [(kind, payload)] = messages(engine)
    assert (kind, payload["reason"], payload["what_to_do"]) == ("link_refused", ACCUSED.reason, ACCUSED.what_to_do)
    assert all_links(engine) == []
    assert audited(engine) == [("staxpipe", "request.refused", "ignores-external-id")]


def test_an_unsafe_role_that_was_mended_is_linked(engine: Engine) -> None:
    asked = request(engine)
    run(engine, saying(ACCUSED))
    assert run(engine, saying(Safe()), NOW + timedelta(minutes=1)).linked == [asked.account_id]


def test_unknown_is_neither_yes_nor_no(engine: Engine) -> None:
    asked = request(engine)
    assert run(engine, saying(Unknown("AWS is throttling."))).unknown == [asked.id]
    after = stored(engine, asked.id)
    assert (after.state, after.verdict) == (RequestState.LISTENING, "unknown")
    assert "throttling" in str(after.verdict_detail)


def test_failures_of_our_own_do_not_slow_the_customer_down(engine: Engine) -> None:
    asked = request(engine)
    run(engine, saying(OperatorRefused("no credentials")))
    assert stored(engine, asked.id).probe_attempts == 0


def test_a_request_that_nobody_finishes_expires_with_words(engine: Engine) -> None:
    asked = request(engine)
    report = run(engine, saying(Safe()), NOW + timedelta(days=15))
    assert (report.expired, report.linked) == ([asked.id], [])
    assert stored(engine, asked.id).state is RequestState.EXPIRED
    [(kind, payload)] = messages(engine)
    assert kind == "link_expired"
    assert asked.role_name in payload["reason"]
    assert audited(engine) == [("staxpipe", "request.expired", "done")]


def test_what_was_changed_during_the_probe_is_not_linked(engine: Engine) -> None:
    asked = request(engine)
    changed = Details(AccountId("299999999999"), "other-bills", "", "eu-west-1")

    def probe(operator: boto3.Session, probed: LinkRequest) -> Verdict:
        with engine.begin() as connection:
            later = NOW + timedelta(seconds=1)
            assert link_requests.save_details(connection, probed.id, changed, later, timedelta(days=14))
        return Safe()

    assert run(engine, probe).linked == []
    assert all_links(engine) == []
    assert stored(engine, asked.id).bucket == "other-bills"
    assert messages(engine) == []
    with engine.connect() as connection:
        assert kept(connection, asked.id) is None, "what was found is about another account"


def test_one_that_breaks_and_one_that_hangs_delay_nobody(engine: Engine) -> None:
    release = threading.Event()
    broken, hanging = request(engine, 1), request(engine, 2)
    others = [request(engine, number) for number in range(3, 20)]

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        if asked.id == broken.id:
            raise ZeroDivisionError("poisoned")
        if asked.id == hanging.id:
            release.wait(20)
        return Safe()

    try:
        report = run(engine, probe, seconds=2, workers=4)
    finally:
        release.set()
    assert sorted(report.linked) == sorted(str(asked.account_id) for asked in others)
    assert sorted(report.unknown) == sorted([broken.id, hanging.id])
    assert stored(engine, hanging.id).next_probe_at != NOW


def test_a_sweep_that_its_deadline_cuts_short_goes_on_there(engine: Engine) -> None:
    made = {request(engine, number).id for number in range(12)}
    seen: list[str] = []

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        seen.append(asked.id)
        time.sleep(0.15)
        return WAITING

    for minutes in range(8):
        before = len(seen)
        run(engine, probe, NOW + timedelta(minutes=minutes), seconds=0.4, workers=1)
        assert len(seen) > before
        if set(seen) == made:
            break
    assert set(seen) == made
    assert len(seen) <= len(made) + 3  # nobody was asked again before everybody was asked once


def test_many_requests_take_a_few_round_trips(engine: Engine) -> None:
    for number in range(96):
        request(engine, number)
    under_way = threading.Barrier(32)

    def probe(operator: boto3.Session, asked: LinkRequest) -> Verdict:
        under_way.wait(PATIENCE)  # nobody answers before 32 are asked at the same time
        return WAITING

    assert len(run(engine, probe, workers=32).waiting) == 96


def test_what_contradicts_the_store_stops_nobody_else(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    first, second = request(engine, 1), request(engine, 2)
    with engine.begin() as connection:
        connection.execute(
            insert(links_table).values(
                id="there-already",
                request_id=first.id,
                account_id=first.account_id,
                role_arn=first.role_arn,
                external_id="e" * 43,
                bucket="b",
                prefix="",
                region="us-east-1",
                contact="",
            )
        )
    report = run(engine, saying(Safe()))
    assert report.linked == [second.account_id]
    assert "contradicts what is stored" in str(stored(engine, first.id).verdict_detail)
    assert (stored(engine, first.id).next_probe_at or NOW) > NOW, "it is not probed in every sweep"
    assert report.unknown == [first.id]
    assert stored(engine, first.id).state is RequestState.LISTENING
    assert len(messages(engine)) == 1


def test_a_problem_of_the_bucket_is_kept_on_the_link_and_told(engine: Engine) -> None:
    request(engine)
    problem = BucketProblem("bucket-empty", "There is nothing in s3://bills/reports/.", "Check the prefix.")

    def check(operator: boto3.Session, link: Link) -> BucketProblem:
        return problem

    assert len(run(engine, saying(Safe()), check_bucket=check).linked) == 1
    [link] = all_links(engine)
    assert link.problem == "There is nothing in s3://bills/reports/. Check the prefix."
    told = dict(messages(engine))
    assert told["bucket_problem"]["reason"] == problem.reason
    page = "The account's page says what was looked at, and what to change."
    assert told["bucket_problem"]["what_to_do"] == f"{page} {problem.what_to_do}"
    assert ("staxpipe", "link.bucket-checked", "bucket-empty") in audited(engine)


def test_a_bucket_check_that_breaks_leaves_the_link(engine: Engine) -> None:
    request(engine)

    def check(operator: boto3.Session, link: Link) -> None:
        raise ZeroDivisionError("poisoned")

    assert len(run(engine, saying(Safe()), check_bucket=check).linked) == 1
    assert all_links(engine)[0].problem is None


def test_every_probe_brings_the_doctor_s_checks_of_the_role_and_a_link_those_of_the_bucket(engine: Engine) -> None:
    asked = request(engine)
    run(engine, saying(WAITING))
    waiting = doctors(engine, asked.id)
    assert (waiting.at, waiting.looked_at) == (NOW, None)
    assert one(waiting.checks, "role-found").state == "broken"
    later = NOW + timedelta(minutes=1)
    run(engine, saying(Safe()), later)
    linked = doctors(engine, asked.id)
    assert (linked.at, linked.looked_at) == (later, later)
    assert not linked.broken


def test_a_look_that_aws_does_not_answer_leaves_the_link(engine: Engine) -> None:
    asked = request(engine)

    def look(operator: boto3.Session, subject: Subject) -> Facts:
        raise TransientError("The connection failed.")

    assert run(engine, saying(Safe()), look=look).linked == [asked.account_id]
    report = doctors(engine, asked.id)
    assert one(report.checks, "bucket").found == "The connection failed."
    assert not report.broken


@pytest.mark.usefixtures("operator_environment")
def test_the_whole_way_in_a_real_account(engine: Engine, customer: Customer) -> None:
    asked = request(engine, account_id=AccountId(customer.account_id), bucket=customer.bucket)
    role = {"RoleName": asked.role_name, "ExternalId": asked.external_id}
    assert sweep(engine, SETTINGS, real_probe, NOW, PATIENCE).waiting == [asked.id]
    customer.put("reports/daily/20261101-20261201/daily-Manifest.json")
    customer.deploy(**role)
    later = NOW + timedelta(minutes=1)
    assert sweep(engine, SETTINGS, real_probe, later, PATIENCE).linked == [customer.account_id]
    [link] = all_links(engine)
    assert link.problem is None
    report = doctors(engine, asked.id)
    assert report.looked_at == later
    assert one(report.checks, "exports").state == one(report.checks, "region").state == "holds"
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 1


@pytest.mark.usefixtures("operator_environment")
def test_a_linked_bucket_without_reports_says_so(engine: Engine, customer: Customer) -> None:
    asked = request(engine, account_id=AccountId(customer.account_id), bucket=customer.bucket)
    customer.put("reports/readme.txt")
    customer.deploy(RoleName=asked.role_name, ExternalId=asked.external_id)
    assert sweep(engine, SETTINGS, real_probe, NOW, PATIENCE).linked == [customer.account_id]
    assert f"s3://{customer.bucket}/reports:" in str(all_links(engine)[0].problem)


@pytest.mark.usefixtures("operator_environment")
def test_a_linked_bucket_that_refuses_says_so(engine: Engine, customer: Customer) -> None:
    asked = request(engine, account_id=AccountId(customer.account_id), bucket=customer.bucket, prefix="elsewhere")
    customer.deploy(RoleName=asked.role_name, ExternalId=asked.external_id, BucketPrefix="reports")
    assert sweep(engine, SETTINGS, real_probe, NOW, PATIENCE).linked == [customer.account_id]
    problem = str(all_links(engine)[0].problem)
    assert "refuses access" in problem
    assert customer.bucket in problem
