"""Correcting what was written, while listening and when nothing was found; and two people who finish at once."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import audit_log, link_requests, links, probes
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import of_request
from staxpipe.doctor.keeping import keep, keep_verdict
from staxpipe.linking.verdicts import Safe
from staxpipe.model import DeliveryState, RequestState
from staxpipe_tests.doctor.cases import facts
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, begin, begin_listening, errors
from staxpipe_tests.onboarding.ledger import add_delivery, add_export
from staxpipe_tests.onboarding.test_access import invitation


def form_of(browser: httpx.Client, request_id: str) -> dict[str, str]:
    """The form as it is shown, with what a browser would send back."""
    page = browser.get(f"/requests/{request_id}/details").text
    values = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', page))
    chosen = re.search(r'<option value="([^"]*)" selected>', page)
    assert chosen is not None
    return {**values, "region": chosen[1]}


def linked_with_nothing(pages: Pages, browser: httpx.Client) -> str:
    """A linked request whose bucket was listed and is empty."""
    request_id = begin_listening(browser)
    request = pages.request(request_id)
    with pages.engine.begin() as connection:
        assert probes.mark_linked(connection, request_id, pages.clock.now)
        link = links.create(
            connection,
            request_id=request_id,
            account_id=str(request.account_id),
            role_arn=str(request.role_arn),
            external_id=request.external_id,
            bucket=str(request.bucket),
            prefix=request.prefix,
            region=str(request.region),
            contact=request.requested_by,
            now=pages.clock.now,
        )
        links.touch_discovered(connection, link.id, pages.clock.now)
        links.look_again_at(connection, link.id, pages.clock.now + timedelta(minutes=15))
    return request_id


def test_a_wrong_bucket_is_corrected_while_listening_and_the_stack_updated(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    before = pages.request(request_id)
    page = browser.post(f"/requests/{request_id}/details", data={**form_of(browser, request_id), "bucket": "right-one"})
    after = pages.request(request_id)
    assert (after.bucket, after.external_id, after.role_name) == ("right-one", before.external_id, before.role_name)
    assert page.url.path == f"/requests/{request_id}/update"
    assert "Update the stack" in page.text
    assert f"<code>{before.role_name}</code>" in page.text
    assert re.search(r"<dt>BucketName</dt><dd><code>right-one</code>", page.text)
    assert "BucketName=right-one" in page.text
    assert "there is nothing to update" in page.text  # where the stack was not created yet
    assert f'href="/requests/{request_id}/deploy"' in page.text
    assert browser.post(f"/requests/{request_id}/look-now").url.path == f"/requests/{request_id}"


def test_a_prefix_that_is_empty_now_is_written_into_the_command(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.post(f"/requests/{request_id}/details", data={**form_of(browser, request_id), "prefix": ""})
    assert page.url.path == f"/requests/{request_id}/update"
    assert "BucketPrefix=</code>" in page.text
    assert re.search(r'<dt>BucketPrefix</dt><dd><span class="muted">empty</span>', page.text)


def test_a_corrected_region_needs_no_other_stack(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.post(f"/requests/{request_id}/details", data={**form_of(browser, request_id), "region": "us-west-2"})
    assert page.url.path == f"/requests/{request_id}/deploy"
    assert "--region eu-west-1" in page.text
    assert "https://us-west-2.console.aws.amazon.com" not in page.text, "nor is it uploaded elsewhere"
    assert pages.request(request_id).region == "us-west-2"


def test_another_account_is_another_role_and_the_old_stack_is_told_of(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    before = pages.request(request_id)
    form = {**form_of(browser, request_id), "account_id": "210987654321"}
    page = browser.post(f"/requests/{request_id}/details", data=form)
    after = pages.request(request_id)
    assert after.external_id != before.external_id
    assert after.role_name in page.text
    assert before.external_id not in page.text
    assert "delete it there" in page.text
    assert "delete it there" not in browser.get(f"/requests/{request_id}/deploy").text


def test_a_link_that_found_nothing_offers_both_ways_out(pages: Pages) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser)
    page = browser.get(f"/requests/{request_id}").text
    assert "Linked, but there is nothing to load" in page
    for way in ("details", "export", "update"):
        assert f'href="/requests/{request_id}/{way}"' in page
    assert "readonly" in browser.get(f"/requests/{request_id}/details").text


def test_the_bucket_of_a_link_that_found_nothing_is_corrected_without_starting_again(pages: Pages) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser)
    before = pages.request(request_id)
    form = {**form_of(browser, request_id), "bucket": "right-one", "region": "us-east-1"}
    page = browser.post(f"/requests/{request_id}/details", data=form)
    assert page.url.path == f"/requests/{request_id}/update"
    assert "there is nothing to update" not in page.text
    with pages.engine.connect() as connection:
        link = links.of_request(connection, request_id)
        due = links.take_looks(connection, pages.clock.now, pages.clock.now + timedelta(minutes=1))
    after = pages.request(request_id)
    assert link is not None
    assert (link.bucket, link.region, link.problem, link.discovered_at) == ("right-one", "us-east-1", None, None)
    assert link.external_id == before.external_id
    assert [other.id for other in due] == [link.id]
    assert (after.bucket, after.state, after.role_name) == ("right-one", RequestState.LINKED, before.role_name)
    assert "right-one" in browser.get(f"/requests/{request_id}").text


def test_the_account_of_a_link_stays(pages: Pages) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser)
    form = {**form_of(browser, request_id), "account_id": "210987654321"}
    answer = browser.post(f"/requests/{request_id}/details", data=form)
    assert answer.status_code == 422
    assert "This account is linked and stays" in errors(answer)["account_id"]


def test_once_reports_were_found_the_bucket_stays(pages: Pages) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser)
    form = form_of(browser, request_id)
    with pages.engine.begin() as connection:
        link = links.of_request(connection, request_id)
        assert link is not None
        add_delivery(connection, add_export(connection, link.id, "cur"), "2026-10", DeliveryState.DISCOVERED)
    assert browser.get(f"/requests/{request_id}/details").url.path == f"/requests/{request_id}"
    assert browser.get(f"/requests/{request_id}/update").url.path == f"/requests/{request_id}"
    late = browser.post(f"/requests/{request_id}/details", data={**form, "bucket": "other-bucket"})
    assert late.status_code == 409
    assert "cannot be changed any more" in late.text
    assert "other-bucket" in late.text
    assert pages.request(request_id).bucket == DETAILS["bucket"]


def test_an_empty_bucket_can_be_looked_at_again_at_once(pages: Pages) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser)
    assert browser.post(f"/requests/{request_id}/look-now").status_code == 200
    with pages.engine.connect() as connection:
        assert len(links.take_looks(connection, pages.clock.now, pages.clock.now + timedelta(minutes=1))) == 1


def test_the_second_of_two_sees_what_the_first_did_and_loses_nothing(pages: Pages) -> None:
    operator, alan = pages.operator(), pages.visitor()
    request_id = begin(operator)
    alan.post(invitation(pages, operator, request_id))
    mine, theirs = form_of(operator, request_id), form_of(alan, request_id)
    operator.post(f"/requests/{request_id}/details", data={**mine, **DETAILS})

    written = {**theirs, **DETAILS, "bucket": "alans-bucket", "contact": "alan@example.com"}
    second = alan.post(f"/requests/{request_id}/details", data=written)
    assert second.status_code == 409
    assert "whoever runs staxpipe saved other answers" in second.text
    for seen in ("acme-billing-reports", "alans-bucket", "ada@example.com"):
        assert seen in second.text
    assert pages.request(request_id).bucket == DETAILS["bucket"]

    # Nothing is lost: one button saves what was written after all, knowing of the other.
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', second.text))
    assert hidden["bucket"] == "alans-bucket"
    assert alan.post(f"/requests/{request_id}/details", data=hidden).url.path == f"/requests/{request_id}/update"
    assert pages.request(request_id).bucket == "alans-bucket"
    with pages.engine.connect() as connection:
        saved = audit_log.entries(connection, f"request:{request_id}")
    assert [(act.actor, act.result) for act in saved if act.action == "request.details-saved"] == [
        ("alan@example.com", "done"),
        ("alan@example.com", "refused"),
        ("operator", "done"),
    ]


def test_two_who_write_the_same_are_no_conflict(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    form = {**form_of(browser, request_id), **DETAILS}
    for _ in range(2):
        assert browser.post(f"/requests/{request_id}/details", data=form).url.path == f"/requests/{request_id}/deploy"


@pytest.mark.parametrize("end", ["cancel", "link"])
def test_who_comes_too_late_sees_what_happened_and_what_they_wrote(pages: Pages, end: str) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    form = {**form_of(browser, request_id), "bucket": "late-bucket"}
    with pages.engine.begin() as connection:
        act = link_requests.cancel if end == "cancel" else probes.mark_linked
        assert act(connection, request_id, pages.clock.now)
    late = browser.post(f"/requests/{request_id}/details", data=form)
    assert late.status_code == 409
    assert "late-bucket" in late.text
    assert "Save what I wrote" not in late.text
    assert ("This request was cancelled" if end == "cancel" else "Linked") in late.text


def test_wrong_answers_keep_what_the_form_had_shown(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    form = form_of(browser, request_id)
    browser.post(f"/requests/{request_id}/details", data={**form, **DETAILS})
    wrong = browser.post(f"/requests/{request_id}/details", data={**form, **DETAILS, "bucket": "Not A Bucket"})
    assert wrong.status_code == 422
    assert f'name="seen" value="{form["seen"]}"' in wrong.text


def test_of_two_at_the_same_moment_one_is_saved_and_the_other_asked(pages: Pages, engine: Engine) -> None:
    browsers = [pages.operator() for _ in range(2)]
    request_id = begin(browsers[0])
    forms = [
        {**form_of(browser, request_id), **DETAILS, "bucket": f"bucket-of-{number}"}
        for number, browser in enumerate(browsers)
    ]
    answers: list[int] = []
    gate = threading.Barrier(2)

    def send(browser: httpx.Client, form: dict[str, str]) -> None:
        gate.wait(10)
        answers.append(browser.post(f"/requests/{request_id}/details", data=form).status_code)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(browsers, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [200, 409]
    with engine.connect() as connection:
        acts = [act for act in audit_log.entries(connection, f"request:{request_id}") if act.action.endswith("saved")]
    assert sorted(act.result for act in acts) == ["done", "refused"]


def look(pages: Pages, request_id: str, refused: str) -> None:
    """The doctor was refused by the bucket that the request names."""
    subject = of_request(pages.request(request_id))
    with pages.engine.begin() as connection:
        keep(connection, request_id, diagnose(subject, Safe(), facts(refused=refused), pages.clock.now))


def try_role(pages: Pages, request_id: str) -> None:
    pages.clock.pass_by(timedelta(minutes=1))
    with pages.engine.begin() as connection:
        keep_verdict(connection, of_request(pages.request(request_id)), Safe(), pages.clock.now)


@pytest.mark.parametrize("linked", [True, False])
def test_what_was_found_in_a_bucket_that_was_not_meant_never_comes_back(pages: Pages, linked: bool) -> None:
    browser = pages.operator()
    request_id = linked_with_nothing(pages, browser) if linked else begin_listening(browser)
    look(pages, request_id, "AWS refuses access to the wrong one.")
    assert "the wrong one" in browser.get(f"/requests/{request_id}").text
    pages.clock.pass_by(timedelta(minutes=1))
    browser.post(f"/requests/{request_id}/details", data={**form_of(browser, request_id), "bucket": "right-one"})
    try_role(pages, request_id)
    text = browser.get(f"/requests/{request_id}").text
    assert "The role refuses a wrong ExternalId." in text
    assert "the wrong one" not in text
    assert "Not looked at yet" in text
