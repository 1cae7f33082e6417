"""Who gets in, how far, and what everyone else sees."""

from __future__ import annotations

import re
import string
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, Serve, begin, begin_listening

SUBPAGES = ("", "/access", "/details", "/deploy", "/invite", "/cancel", "/status", "/listening")


def invitation(pages: Pages, operator: httpx.Client, request_id: str, address: str = "alan@example.com") -> str:
    """Invite somebody and take the address out of the mail that waits."""
    operator.post(f"/requests/{request_id}/invite", data={"addresses": address, "invited_by": "Grace", "note": "Hi"})
    with pages.engine.connect() as connection:
        query = text("SELECT payload->>'url' FROM outbox WHERE payload->'to' ? :address ORDER BY id DESC LIMIT 1")
        url: str = connection.execute(query, {"address": address}).scalar_one()
    assert url.startswith(pages.settings.base_url)
    return url.removeprefix(pages.settings.base_url)


def test_a_sign_in_link_is_opened_without_harm_and_used_once(pages: Pages, engine: Engine) -> None:
    link, first, second = pages.sign_in_link(), pages.visitor(), pages.visitor()
    for scanner in (pages.visitor(), first):
        assert "Sign in</button>" in scanner.get(link).text
        assert scanner.head(link).status_code in {200, 405}
        assert scanner.get("/requests").status_code == 403
    assert first.post(link).url.path == "/requests"
    assert first.post(link).url.path == "/requests"  # the same person clicked twice
    refused = second.post(link)
    assert refused.status_code == 403
    assert "does not work any more" in refused.text
    assert "<code>staxpipe sign-in</code>" in refused.text
    assert second.get(link).status_code == 403
    with engine.connect() as connection:
        results = [(entry.actor, entry.result) for entry in audit_log.entries(connection, "session")]
    assert results == [("anonymous", "refused"), ("operator", "refused"), ("operator", "done")]


def test_sign_in_links_and_sessions_end(pages: Pages) -> None:
    link = pages.sign_in_link(timedelta(minutes=15))
    browser = pages.operator()
    pages.clock.pass_by(timedelta(minutes=15))
    assert pages.visitor().post(link).status_code == 403
    assert browser.get("/requests").status_code == 200
    pages.clock.pass_by(timedelta(hours=12))
    assert browser.get("/requests").status_code == 403


def test_signing_out_ends_the_session_here_and_for_whoever_copied_its_cookie(pages: Pages) -> None:
    browser, other = pages.operator(), pages.operator()
    thief = pages.visitor(cookies=dict(browser.cookies))
    assert thief.get("/requests").status_code == 200
    assert browser.post("/sign-out").url.path == "/"
    assert browser.get("/requests").status_code == 403
    answer = thief.get("/requests")
    assert answer.status_code == 403
    assert "Sign out" not in answer.text
    assert other.get("/requests").status_code == 200  # begun in the same second, and a session of its own


def test_a_newer_session_in_the_same_browser_ends_the_one_before(pages: Pages) -> None:
    operator, browser = pages.operator(), pages.visitor()
    mine = begin(operator)
    browser.post(invitation(pages, operator, mine))
    copied = dict(browser.cookies)
    assert browser.post(pages.sign_in_link()).url.path == "/requests"
    assert dict(browser.cookies) != copied
    assert pages.visitor(cookies=copied).get(f"/requests/{mine}").status_code == 403


def test_an_invitation_makes_no_session_longer(pages: Pages) -> None:
    """Who has a cookie that was copied, or has left, could else stay in for ever by inviting themselves."""
    browser = pages.operator()
    link = invitation(pages, browser, begin(browser))
    pages.clock.pass_by(timedelta(hours=11))
    answer = browser.post(link, follow_redirects=False)
    assert answer.status_code == 303
    assert "Max-Age=3600;" in answer.headers["set-cookie"]
    assert browser.get("/requests").status_code == 200
    pages.clock.pass_by(timedelta(hours=1))
    assert browser.get("/requests").status_code == 403
    assert browser.post(link).status_code == 200, "the invitation itself goes on"
    assert browser.get("/requests").status_code == 404


def test_an_ended_session_cannot_be_written_another_way(pages: Pages) -> None:
    browser = pages.operator()
    cookie = browser.cookies["staxpipe"]
    browser.post("/sign-out")
    # base64 leaves two bits of its last character unused: several texts may hold the same signature
    signer = Signer(pages.settings.signing_key())
    rewritten = [cookie[:-1] + last for last in string.ascii_letters + string.digits + "-_="]
    genuine = [value for value in rewritten if signer.read_session(value, pages.clock.now).operator]
    assert len(genuine) > 1, "then this test is of no use any more"
    for value in genuine:
        assert pages.visitor(cookies={"staxpipe": value}).get("/requests").status_code == 403


def test_a_stranger_is_told_how_to_get_in_and_sees_nothing(pages: Pages) -> None:
    request_id = begin_listening(pages.operator())
    stranger = pages.visitor()
    way_in = stranger.get("/").text
    assert "You need a link to get in" in way_in
    assert "<code>staxpipe sign-in</code> prints another at any time. Each works once, within twelve hours." in way_in
    for page in (
        "/requests",
        "/start",
        f"/api/requests/{request_id}",
        *(f"/requests/{request_id}{sub}" for sub in SUBPAGES),
    ):
        answer = stranger.get(page)
        assert answer.status_code == 403
        assert "1234" not in answer.text
    for act in ("details", "cancel", "resume", "look-now", "invite"):
        assert stranger.post(f"/requests/{request_id}/{act}", data=DETAILS).status_code == 403
    assert stranger.post("/requests").status_code == 403
    assert pages.request(request_id).state == "listening"


def test_an_invited_person_goes_on_with_that_request_and_sees_no_other(pages: Pages) -> None:
    operator = pages.operator()
    mine, other = begin(operator), begin_listening(operator)
    invited = pages.visitor()
    link = invitation(pages, operator, mine)
    opened = invited.get(link)
    assert "<bdi>Grace</bdi> asks for your help" in opened.text
    assert invited.get(f"/requests/{mine}/access").status_code == 403  # opening alone is no session
    assert invited.post(link).url.path == f"/requests/{mine}/access"
    assert invited.get("/").url.path == f"/requests/{mine}/access"
    answer = invited.post(f"/requests/{mine}/details", data={**DETAILS, "contact": ""})
    assert answer.url.path == f"/requests/{mine}/deploy"
    assert pages.request(mine).account_id == "123456789012"

    for page in ("/requests", "/start", f"/api/requests/{other}", *(f"/requests/{other}{sub}" for sub in SUBPAGES)):
        assert invited.get(page).status_code == 404
    before = pages.request(other)
    for act in ("details", "cancel", "resume", "look-now", "invite"):
        assert invited.post(f"/requests/{other}/{act}", data={**DETAILS, "bucket": "evil-bucket"}).status_code == 404
    assert pages.request(other) == before
    unknown = invited.get("/requests/" + "x" * 22)
    assert unknown.text.replace("x" * 22, other) == invited.get(f"/requests/{other}").text  # cannot be told apart
    with pages.engine.connect() as connection:
        actors = {entry.actor for entry in audit_log.entries(connection, f"request:{mine}")}
    assert actors == {"operator", "alan@example.com"}


def test_the_invited_person_is_offered_as_contact(pages: Pages) -> None:
    operator = pages.operator()
    mine = begin(operator)
    invited = pages.visitor()
    invited.post(invitation(pages, operator, mine))
    assert 'value="alan@example.com"' in invited.get(f"/requests/{mine}/details").text


def test_an_invitation_ends_for_those_who_are_in_too(pages: Pages) -> None:
    operator = pages.operator()
    mine = begin(operator)
    link, invited = invitation(pages, operator, mine), pages.visitor()
    assert invited.post(link).status_code == 200
    pages.clock.pass_by(timedelta(days=7))
    assert invited.get(f"/requests/{mine}/details").status_code == 403  # the session is over as well
    assert invited.get(link).status_code == 403
    assert invited.post(link).status_code == 403


def test_an_invitation_that_is_gone_closes_an_open_session(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    mine = begin(operator)
    invited = pages.visitor()
    invited.post(invitation(pages, operator, mine))
    with engine.begin() as connection:
        connection.execute(text("UPDATE invites SET expires_at = :now"), {"now": pages.clock.now})
    assert invited.get(f"/requests/{mine}/details").status_code == 404


@pytest.mark.parametrize("token", ["x", "WyJhIl0.x", "%00", "a" * 5000])
def test_invented_tokens_open_nothing(pages: Pages, token: str) -> None:
    stranger = pages.visitor()
    for path in (f"/invite/{token}", f"/sign-in/{token}"):
        assert stranger.get(path).status_code in {403, 404}
        assert stranger.post(path).status_code in {403, 404, 405}
    assert stranger.get("/requests").status_code == 403


def test_a_forged_cookie_is_no_session(pages: Pages) -> None:
    forged = Signer("another key, of another staxpipe, forty").session(Session(True), pages.clock.now)
    assert pages.visitor(cookies={"staxpipe": forged}).get("/requests").status_code == 403
    genuine = Signer(pages.settings.signing_key()).session(Session(True), pages.clock.now)
    assert pages.visitor(cookies={"staxpipe": genuine}).get("/requests").status_code == 200


@pytest.mark.parametrize("request_id", ["%00", "' OR 1=1 --", "..%2f..", "x" * 22, "é" * 22])
def test_odd_request_ids_are_not_found(pages: Pages, request_id: str) -> None:
    assert pages.operator().get(f"/requests/{request_id}/details").status_code == 404


def test_cookies_are_kept_from_scripts_and_other_sites(pages: Pages) -> None:
    client = httpx.Client(base_url=pages.url)
    with client:
        cookie = client.post(pages.sign_in_link()).headers["set-cookie"]
    assert re.match(r"staxpipe=[\w.-]+; HttpOnly; Max-Age=43200; Path=/; SameSite=lax$", cookie)


def test_behind_https_cookies_are_bound_to_the_host(serve: Serve) -> None:
    pages = serve(public_url="https://costs.example.com")
    with httpx.Client(base_url=pages.url) as client:
        answer = client.post(pages.sign_in_link())
    assert re.match(
        r"__Host-staxpipe=[\w.-]+; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure$", answer.headers["set-cookie"]
    )
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_form_from_another_site_is_refused(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = browser.post(f"/requests/{request_id}/cancel", headers=headers)
        assert answer.status_code == 403
        assert "did not come from our own page" in answer.text
        assert "content-security-policy" in answer.headers
    assert pages.request(request_id).state == "listening"
    assert browser.post(f"/requests/{request_id}/look-now", headers={"Origin": pages.url}).status_code == 200
