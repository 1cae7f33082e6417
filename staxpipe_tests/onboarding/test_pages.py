"""What holds for every page: headers, errors without inner workings, help that answers, health."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.aws.permissions import GRANTED, MANIFEST
from staxpipe.db.engine import make_engine
from staxpipe_tests.onboarding.conftest import Pages, Serve, begin, begin_listening

EVERY_QUESTION = (
    "I have more than one account",
    "I have no billing reports yet",
    "How is the role secured?",
    "What exactly does the role allow?",
    "What if I change my mind?",
    "I have no access to CloudFormation",
    "I am not a technical person",
)


def test_every_answer_has_the_security_headers(pages: Pages) -> None:
    browser = pages.operator()
    for path in ("/requests", "/help", "/nope", "/healthz", "/static/staxpipe.css", "/staxpipe-link.yaml"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers or "uvicorn" in headers["server"]  # the process itself switches it off


def test_pages_need_nothing_inline_and_nothing_from_elsewhere(pages: Pages) -> None:
    browser = pages.operator()
    listening = begin_listening(browser)
    paths = ["/", "/start", "/help", "/help/role", "/help/export", "/help/api", f"/requests/{listening}"]
    paths += [f"/requests/{listening}/{page}" for page in ("deploy", "update", "cancel", "details")]
    paths += [f"/requests/{begin(browser)}/{page}" for page in ("access", "details", "invite", "export", "cancel")]
    for path in paths:
        page = browser.get(path).text
        assert not re.search(r"<[^>]+ (style|on\w+)=", page)
        assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"(?!/static/)", page)
        assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
        assert "<h1>" in page
        assert page.count("<main") == 1


def test_every_input_has_a_label(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    for page in ("details", "invite"):
        html = browser.get(f"/requests/{request_id}/{page}").text
        names = re.findall(r"<(?:input|select|textarea) id=\"(\w+)\" name=\"\1\"", html)
        assert len(names) >= 3
        assert names == re.findall(r'<label for="(\w+)">', html)


def test_help_answers_every_question_without_signing_in(pages: Pages) -> None:
    stranger = pages.visitor()
    answers = stranger.get("/help").text
    assert all(question in answers for question in EVERY_QUESTION)
    assert "Cost Explorer only if you choose it in the template" in answers
    assert "USD 0.01 for each request" in answers
    assert "reads billing reports, and more only if you choose it" in answers
    role = stranger.get("/help/role").text
    for permission in GRANTED:
        assert f"<code>{permission.action}</code>" in role
        assert permission.reason.replace("'", "&#39;") in role
        assert all(user in role for user in permission.used_by)
    for permission in MANIFEST:
        assert (permission.action in role) is bool(permission.used_by)
    assert "AWSTemplateFormatVersion" in role
    template = stranger.get("/staxpipe-link.yaml")
    assert template.headers["content-disposition"] == 'attachment; filename="staxpipe-link.yaml"'


@pytest.mark.parametrize("path", ["/nope", "/static/nope.css", "/static/../app.py", "/docs", "/openapi.json"])
def test_what_is_not_there_says_so(pages: Pages, path: str) -> None:
    answer = pages.visitor().get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_forms_that_cannot_be_read_get_a_sentence(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    url = f"/requests/{request_id}/details"
    upload = browser.post(url, files={"bucket": ("a.txt", b"x")})
    assert upload.status_code == 400
    assert "cannot be read" in upload.text
    too_much = browser.post(url, data={"bucket": "x" * 100_000})
    assert too_much.status_code == 413
    without_length = browser.post(
        url,
        content=iter([b"bucket=", b"x" * 100_000]),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert without_length.status_code == 413
    assert "more text than it may" in without_length.text
    assert browser.get(f"/requests/{request_id}/resume").status_code == 405


def test_bytes_that_are_no_text_are_refused_like_other_wrong_input(pages: Pages) -> None:
    browser = pages.operator()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"account_id=123456789012&bucket=%00%ff%ed%a0%80&prefix=%00&region=eu-west-1&contact=%00"
    answer = browser.post(f"/requests/{begin(browser)}/details", content=body, headers=headers)
    assert answer.status_code == 422


def test_a_bug_shows_no_inner_workings(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE link_requests RENAME TO gone"))
    answer = browser.get("/requests")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "Traceback" not in answer.text
    assert "gone" not in answer.text
    assert "content-security-policy" in answer.headers


def test_health_is_good_while_the_database_answers(pages: Pages) -> None:
    assert pages.visitor().get("/healthz").json() == {"status": "ok"}


def test_without_the_database_pages_say_so_and_health_is_bad(serve: Serve) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    pages = serve(database=nowhere)
    answer = pages.visitor().get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "no database"})
    page = pages.operator_cookie().get("/requests")
    assert page.status_code == 503
    assert "The database does not answer" in page.text
    assert "127.0.0.1" not in page.text
    nowhere.dispose()


def test_the_self_updating_piece_is_the_same_as_the_page_holds(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.get(f"/requests/{request_id}").text
    fragment = browser.get(f"/requests/{request_id}/status").text
    assert "<html" not in fragment
    assert fragment.strip() in page
    assert f'data-live="/requests/{request_id}/status"' in page


def test_programs_can_submit_the_form_as_well(pages: Pages) -> None:
    with httpx.Client(base_url=pages.url, headers={"Accept": "application/json"}) as program:
        program.post(pages.sign_in_link())
        assert program.get("/requests").status_code == 200
