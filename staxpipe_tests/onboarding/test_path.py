"""The whole way as a person without JavaScript goes it: from a sign-in link to data that is ready."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import Engine, select, text

from staxpipe.aws.permissions import switches
from staxpipe.db import audit_log, link_requests, links, probes
from staxpipe.db.tables import audit_log as audit_table
from staxpipe.db.tables import link_requests as table
from staxpipe.linking.quick_create import template_text
from staxpipe.linking.verdicts import IgnoresExternalId, NotYetAssumable
from staxpipe.model import DeliveryState, RequestState
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, Serve, begin, begin_listening, errors
from staxpipe_tests.onboarding.ledger import add_delivery, add_link

LATER = timedelta(days=14)


def actions(engine: Engine, request_id: str) -> list[str]:
    with engine.connect() as connection:
        return [entry.action for entry in reversed(audit_log.entries(connection, f"request:{request_id}"))]


def test_from_the_first_page_to_data_that_is_ready(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    assert "No account is linked yet" in browser.get("/").text
    start = browser.get("/start").text
    assert "About five minutes" in start
    assert "CUR 2.0, FOCUS, or a legacy Cost and Usage Report" in start
    request_id = begin(browser)
    access = browser.get(f"/requests/{request_id}")  # a draft goes on where it stands
    assert access.url.path.endswith("/access")
    assert "Do you have access to deploy CloudFormation templates?" in access.text
    assert "we ask five things, of which two may be left out" in access.text
    for next_page in ("details", "invite"):
        assert f'href="/requests/{request_id}/{next_page}"' in access.text

    deploy = browser.post(f"/requests/{request_id}/details", data=DETAILS)
    request = pages.request(request_id)
    assert (request.state, request.account_id, request.contact) == (
        RequestState.LISTENING,
        "123456789012",
        DETAILS["contact"],
    )
    assert request.next_probe_at == pages.clock.now
    assert deploy.url.path == f"/requests/{request_id}/deploy"
    assert f"--stack-name {request.role_name}" in deploy.text
    assert f"ExternalId={request.external_id}" in deploy.text
    for switch in switches():
        assert switch.parameter in deploy.text
        assert switch.description.replace("'", "&#39;") in deploy.text
    assert "AWSTemplateFormatVersion" in browser.get("/staxpipe-link.yaml").text

    listening = browser.get(f"/requests/{request_id}").text
    assert "Listening for your IAM role" in listening
    assert "Next look any moment now" in listening
    assert re.search(r'<noscript><meta http-equiv="refresh" content="10"></noscript>', listening)

    verdict = NotYetAssumable(str(request.role_arn))
    with engine.begin() as connection:
        probes.record_probe(
            connection, request_id, verdict.code, verdict.explain(), pages.clock.now + timedelta(minutes=3), 1
        )
    listening = browser.get(f"/requests/{request_id}").text
    assert "Next look in 3 minutes. 1 so far." in listening
    assert "this takes up to a few minutes" in listening
    assert browser.get(f"/api/requests/{request_id}").json()["verdict"] == verdict.code

    with engine.begin() as connection:
        assert probes.mark_linked(connection, request_id, pages.clock.now)
        export = add_link(connection, request_id, pages.clock.now)
    assert "looks through your bucket" in browser.get(f"/requests/{request_id}").text
    with engine.begin() as connection:
        add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=1_204, cost="48210.225")
        add_delivery(connection, export, "2026-09", DeliveryState.LANDED)
        add_delivery(connection, export, "2026-08", DeliveryState.DISCOVERED)
    loading = browser.get(f"/requests/{request_id}").text
    assert "Your data is loading" in loading
    assert "1 of 3 months" in loading
    assert "$48,210.22" in loading
    assert browser.get(f"/api/requests/{request_id}").json()["months"][0]["totals"] == [
        {"currency": "USD", "billed_cost": "48210.225"}
    ]
    assert actions(engine, request_id) == ["request.begun", "request.details-saved"]


def test_a_double_click_begins_one_request_and_saves_details_once(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    key = re.search(r'name="key" value="([^"]+)"', browser.get("/start").text)
    assert key is not None
    first, second = (browser.post("/requests", data={"key": key[1]}) for _ in range(2))
    assert first.url == second.url
    request_id = first.url.path.split("/")[2]
    for _ in range(2):
        browser.post(f"/requests/{request_id}/details", data=DETAILS)
        pages.clock.pass_by(timedelta(minutes=1))
    with engine.connect() as connection:
        assert len(connection.execute(select(table)).all()) == 1
    assert actions(engine, request_id) == ["request.begun", "request.details-saved"]
    assert pages.request(request_id).next_probe_at == pages.clock.now - timedelta(minutes=2)


def test_a_stale_or_invented_start_page_begins_nothing(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    key = re.search(r'name="key" value="([^"]+)"', browser.get("/start").text)
    assert key is not None
    pages.clock.pass_by(timedelta(hours=12))
    browser = pages.operator()
    for stale in (key[1], "invented", ""):
        assert browser.post("/requests", data={"key": stale}).url.path == "/start"
    with engine.connect() as connection:
        assert connection.execute(select(table)).all() == []


def test_wrong_details_are_refused_beside_their_fields_and_kept(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    wrong = {"account_id": '12"34', "bucket": "<b>Acme</b>", "prefix": "/cur", "region": "mars-1", "contact": "nobody"}
    answer = browser.post(f"/requests/{request_id}/details", data=wrong)
    assert answer.status_code == 422
    assert set(errors(answer)) == set(wrong)
    assert "5 answers need another look" in answer.text
    assert 'value="12&#34;34"' in answer.text
    assert "<b>Acme" not in answer.text
    for name in wrong:
        assert re.search(rf'id="{name}"[^>]*aria-invalid="true" aria-describedby="{name}-error', answer.text)
    assert pages.request(request_id).state is RequestState.DRAFT


def test_one_wrong_answer_leaves_the_others(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    answer = browser.post(f"/requests/{request_id}/details", data={**DETAILS, "account_id": "123"})
    assert errors(answer) == {"account_id": "An account id has exactly 12 digits, and this has 3."}
    assert 'value="acme-billing-reports"' in answer.text
    assert '<option value="eu-west-1" selected>' in answer.text


def test_reports_that_are_linked_already_are_not_linked_twice(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    first, second = begin_listening(browser), begin(browser)
    with engine.begin() as connection:
        probes.mark_linked(connection, first, pages.clock.now)
        add_link(connection, first, pages.clock.now)
    answer = browser.post(f"/requests/{second}/details", data=DETAILS)
    assert answer.status_code == 422
    assert "are linked already" in errors(answer)["bucket"]
    assert browser.post(f"/requests/{second}/details", data={**DETAILS, "prefix": "other"}).status_code == 200
    for state, status_code in (("paused", 422), ("ended", 200)):  # a paused one goes on by its own page
        with engine.begin() as connection:
            connection.execute(text("UPDATE links SET state = :state"), {"state": state})
        assert browser.post(f"/requests/{second}/details", data=DETAILS).status_code == status_code


def test_a_role_that_was_lost_is_created_again_with_the_same_values(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    with engine.begin() as connection:
        probes.mark_linked(connection, request_id, pages.clock.now)
        add_link(connection, request_id, pages.clock.now)
    deploy = f"/requests/{request_id}/deploy"
    assert browser.get(deploy).url.path == f"/requests/{request_id}", "nothing is to be created"
    with engine.begin() as connection:
        assert links.pause(connection, f"link-{request_id[:16]}", "The role no longer lets staxpipe in.")
    assert f'href="{deploy}">How to create the role again' in browser.get(f"/requests/{request_id}").text
    page = browser.get(deploy)
    assert page.url.path == deploy
    assert f"ExternalId={pages.request(request_id).external_id}" in page.text
    assert "This link is paused" in page.text
    for not_now in ("/details", "/cancel", "/update"):
        assert f'href="/requests/{request_id}{not_now}"' not in page.text
    browser.post(f"/requests/{request_id}/unlink/stop")
    assert deploy not in browser.get(f"/requests/{request_id}").text, "a person meant it"
    assert browser.get(deploy).url.path == f"/requests/{request_id}"


def test_details_can_be_corrected_while_listening(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    form = browser.get(f"/requests/{request_id}/details").text
    assert 'value="acme-billing-reports"' in form
    browser.post(f"/requests/{request_id}/details", data={**DETAILS, "bucket": "s3://other-bucket/new/", "prefix": ""})
    request = pages.request(request_id)
    assert (request.bucket, request.prefix, request.state) == ("other-bucket", "new", RequestState.LISTENING)
    assert actions(engine, request_id).count("request.details-saved") == 2


def test_a_refused_role_says_why_and_can_be_looked_at_again(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    verdict = IgnoresExternalId(str(pages.request(request_id).role_arn), accepts_wrong=True, accepts_none=False)
    with engine.begin() as connection:
        probes.mark_refused(connection, request_id, verdict.code, verdict.explain(), pages.clock.now)
    page = browser.get(f"/requests/{request_id}").text
    assert "The role was found and is not safe" in page
    assert "can be used with a wrong ExternalId" in page
    assert "http-equiv" not in page
    assert "Listening" in browser.post(f"/requests/{request_id}/resume").text
    assert pages.request(request_id).state is RequestState.LISTENING


def test_an_expired_request_says_so_and_can_be_taken_up_again(pages: Pages, engine: Engine) -> None:
    request_id = begin_listening(pages.operator())
    pages.clock.pass_by(LATER)
    with engine.begin() as connection:
        link_requests.expire_overdue(connection, pages.clock.now)
    browser = pages.operator()
    assert "This request has expired" in browser.get(f"/requests/{request_id}").text
    assert browser.get(f"/requests/{request_id}/details").url.path == f"/requests/{request_id}"
    assert "Listening" in browser.post(f"/requests/{request_id}/resume").text
    assert actions(engine, request_id)[-1] == "request.resumed"


def test_a_request_can_be_cancelled_for_good(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    assert "Cancel this request?" in browser.get(f"/requests/{request_id}/cancel").text
    assert "This request was cancelled" in browser.post(f"/requests/{request_id}/cancel").text
    assert "This request was cancelled" in browser.post(f"/requests/{request_id}/cancel").text
    answer = browser.post(f"/requests/{request_id}/details", data=DETAILS)
    assert answer.url.path == f"/requests/{request_id}"
    assert pages.request(request_id).state is RequestState.CANCELLED
    assert actions(engine, request_id).count("request.cancelled") == 1


def test_a_person_can_ask_for_a_look_now(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    with engine.begin() as connection:
        probes.record_probe(connection, request_id, "unknown", "?", pages.clock.now + timedelta(hours=1), 5)
    assert "Next look any moment now" in browser.post(f"/requests/{request_id}/look-now").text
    assert pages.request(request_id).next_probe_at == pages.clock.now


def test_with_a_published_template_one_link_opens_the_console(serve: Serve) -> None:
    pages = serve(template_url="https://acme-templates.s3.amazonaws.com/staxpipe-link.yaml")
    browser = pages.operator()
    assert "three clicks in the AWS console" in browser.get("/start").text
    assert "it is three clicks" in browser.get("/help").text
    page = browser.get(f"/requests/{begin_listening(browser)}/deploy").text
    assert "Open AWS Console" in page
    assert "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/quickcreate" in page


def test_every_parameter_of_the_template_is_shown_or_offered(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    block = template_text().split("\nParameters:\n")[1].split("\nConditions:")[0]
    names = set(re.findall(r"^  (\w+):$", block, re.MULTILINE))
    said = re.findall(r"<dt>(\w+)</dt>", browser.get(f"/requests/{request_id}/deploy").text)
    assert sorted(said) == sorted(names)


def test_without_one_nobody_is_promised_three_clicks(pages: Pages) -> None:
    browser = pages.operator()
    for page, instead in (("/start", "with a template that you download"), ("/help", "you download a file")):
        said = browser.get(page).text
        assert "three clicks" not in said
        assert instead in said


def test_without_an_operator_role_the_page_says_who_must_mend_it(serve: Serve) -> None:
    browser = serve(operator_role_arn=None).operator()
    answer = browser.get(f"/requests/{begin_listening(browser)}/deploy")
    assert answer.status_code == 200
    assert "STAXPIPE_OPERATOR_ROLE_ARN is not set" in answer.text
    assert "Listening" not in answer.text
    assert "I have created the stack" not in answer.text
    assert "Invite a colleague instead" in answer.text


def test_the_operator_sees_every_request_with_its_state(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    begin(browser)
    listening = begin_listening(browser)
    with engine.begin() as connection:
        probes.record_probe(connection, listening, "not-yet-assumable", "No.", pages.clock.now, 7)
    page = browser.get("/").text
    assert "Not said yet" in page
    assert "1234-5678-9012" in page
    assert "no answer yet, 7 looks" in page
    assert "acme-billing-reports/cur/reports" in page


def test_no_external_id_reaches_the_audit_log(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request = pages.request(begin_listening(browser))
    with engine.connect() as connection:
        assert request.external_id not in str(connection.execute(select(audit_table)).all())
