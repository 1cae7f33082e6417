"""The doctor on a request's page: its last report, as long as it is about what the request says now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import links, probes
from staxpipe.db.link_requests import LinkRequest
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import of_request
from staxpipe.doctor.findings import Report
from staxpipe.doctor.keeping import keep
from staxpipe.linking.verdicts import NotYetAssumable, Safe
from staxpipe_tests.doctor.cases import export, facts, months
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, begin_listening
from staxpipe_tests.onboarding.ledger import add_link

TITLE = "Is everything as it should be?"


@pytest.fixture
def operator(pages: Pages) -> httpx.Client:
    return pages.operator()


@pytest.fixture
def request_(pages: Pages, operator: httpx.Client) -> LinkRequest:
    return pages.request(begin_listening(operator))


def store(engine: Engine, request: LinkRequest, report: Report) -> None:
    with engine.begin() as connection:
        keep(connection, request.id, report)


def test_nothing_is_said_before_the_first_look(operator: httpx.Client, request_: LinkRequest) -> None:
    assert TITLE not in operator.get(f"/requests/{request_.id}").text
    assert operator.get(f"/api/requests/{request_.id}").json()["doctor"] is None


def test_while_it_listens_each_check_has_its_words(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine
) -> None:
    subject = of_request(request_)
    store(engine, request_, diagnose(subject, NotYetAssumable(subject.role_arn), None, pages.clock.now))
    for page in (f"/requests/{request_.id}", f"/requests/{request_.id}/status"):
        text = operator.get(page).text
        assert TITLE in text
        assert '<span class="badge bad">Needs you</span>' in text
        assert f"CloudFormation → Stacks → {request_.role_name}" in text
        assert "1 to be mended, 10 not known" in text
        assert 'class="heat"' not in text
    answer = operator.get(f"/api/requests/{request_.id}").json()["doctor"]
    assert answer["checks"][0]["code"] == "role-found"


def test_a_role_that_is_not_there_yet_is_waited_for_and_no_mistake(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine
) -> None:
    subject, now = of_request(request_), pages.clock.now
    verdict = NotYetAssumable(subject.role_arn)
    store(engine, request_, diagnose(subject, verdict, None, now))
    with engine.begin() as connection:
        probes.record_probe(connection, request_.id, verdict.code, verdict.explain(), now, 1)
    text = operator.get(f"/requests/{request_.id}").text
    assert '<span class="badge wait">Not there yet</span>' in text
    assert f"CloudFormation → Stacks → {request_.role_name}" in text
    assert "The role does not answer yet." in text
    for alarm in ("Needs you", "to be mended"):
        assert alarm not in text


def test_after_linking_months_are_a_table_that_can_be_read_out(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine
) -> None:
    now = pages.clock.now
    with engine.begin() as connection:
        assert probes.mark_linked(connection, request_.id, now)
        add_link(connection, request_.id, now)
    found = facts(export(months=months("2024-11", "2025-01"), delivered_at=now))
    store(engine, request_, diagnose(of_request(request_), Safe(), found, now))
    text = operator.get(f"/requests/{request_.id}").text
    assert "<caption>Months that the bucket holds</caption>" in text
    row = next(line for line in text.splitlines() if '<th scope="row">2024</th>' in line)
    assert row.count("<td") == 12
    assert row.endswith('<td class="report"><span>report</span></td><td class="missing"><span>missing</span></td></tr>')
    assert '<th scope="col">Dec</th>' in text
    assert "Resource ids <span" in text


def test_what_was_found_of_other_details_is_not_shown(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine
) -> None:
    subject = of_request(request_)
    store(engine, request_, diagnose(subject, NotYetAssumable(subject.role_arn), None, pages.clock.now))
    pages.clock.pass_by(timedelta(minutes=1))
    operator.post(f"/requests/{request_.id}/details", data={**DETAILS, "account_id": "210987654321"})
    assert TITLE not in operator.get(f"/requests/{request_.id}").text


def test_what_aws_said_is_escaped(pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine) -> None:
    report = diagnose(of_request(request_), Safe(), facts(refused="<b>no</b>"), pages.clock.now)
    store(engine, request_, report)
    text = operator.get(f"/requests/{request_.id}").text
    assert "<b>no</b>" not in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text


def test_a_cancelled_request_shows_no_checks(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine
) -> None:
    operator.post(f"/requests/{request_.id}/cancel")
    report = diagnose(of_request(request_), Safe(), facts(export()), pages.clock.now)
    store(engine, request_, replace(report, at=pages.clock.now + timedelta(minutes=1)))
    assert TITLE not in operator.get(f"/requests/{request_.id}").text


@pytest.mark.parametrize("act", ["stop", "end"])
def test_of_a_link_that_somebody_gave_up_nothing_is_to_be_mended(
    pages: Pages, operator: httpx.Client, request_: LinkRequest, engine: Engine, act: str
) -> None:
    now, subject = pages.clock.now, of_request(request_)
    with engine.begin() as connection:
        assert probes.mark_linked(connection, request_.id, now)
        add_link(connection, request_.id, now)
        link = links.of_request(connection, request_.id)
    assert link is not None
    store(engine, request_, diagnose(subject, NotYetAssumable(subject.role_arn), None, now))
    assert TITLE in operator.get(f"/requests/{request_.id}").text
    with engine.begin() as connection:
        assert links.end(connection, link.id) if act == "end" else links.stop(connection, link.id, "ada", "Why.", now)
    assert TITLE not in operator.get(f"/requests/{request_.id}").text
