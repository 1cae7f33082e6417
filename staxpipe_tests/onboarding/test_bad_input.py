"""What nobody should send, sent to the real server: never an error of ours, and nothing of it gets any further."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Engine, func, select

from staxpipe.db import audit_log
from staxpipe.db.tables import invites as invites_table
from staxpipe.db.tables import link_requests as requests_table
from staxpipe.db.tables import outbox
from staxpipe.model import RequestState
from staxpipe.notify.channels import SmtpChannel
from staxpipe.notify.drain import drain
from staxpipe.onboarding.app import create_app
from staxpipe.onboarding.sessions import Signer
from staxpipe_tests.notify.mail_server import MailServer
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, begin, begin_listening, errors
from staxpipe_tests.onboarding.test_access import invitation
from staxpipe_tests.onboarding.test_safe_methods import paths

STRANGE = {
    "nul": "a%00b",
    "right-to-left override": quote("a\u202eb"),
    "zero-width space": quote("a\u200bb"),
    "byte-order mark": quote("\ufeffa"),
    "combining": quote("a" + "\u0301" * 300),
    "emoji": quote("👩\u200d💻"),
    "lone surrogate": "a%ED%A0%80b",
    "no UTF-8": "a%FF%FEb",
    "line ends": "a%0D%0Ab",
    "separators": quote("a\u2028b\u0085c"),
    "outside the first plane": quote("\U0001d552\U0010ffff"),
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FIELDS = (*DETAILS, "addresses", "note", "invited_by", "key", "seen", "what")


def count(engine: Engine, table: object = requests_table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def at_once(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Several people, or several clicks, at the same moment."""
    gate = threading.Barrier(len(acts))
    answers: list[httpx.Response] = []

    def do(act: Callable[[], httpx.Response]) -> None:
        gate.wait(20)
        answers.append(act())

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(acts)
    return answers


def test_strange_text_in_every_field_of_every_form_is_answered(pages: Pages) -> None:
    browser = pages.operator()
    described = create_app(pages.settings, pages.engine).openapi()["paths"]
    posts = [path for path in paths(pages, "post") if "requestBody" in described[path]["post"]]
    assert len(posts) >= 4
    request_id = begin_listening(browser)
    before = pages.request(request_id)
    for text in STRANGE.values():
        body = "&".join(f"{name}={text}" for name in FIELDS)
        for path in posts:
            address = path.format(request_id=request_id, token="x", invite_id="x")
            answer = browser.post(address, content=body, headers=FORM)
            assert answer.status_code in {200, 403, 404, 409, 422}, (path, text)
    assert pages.request(request_id) == before


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_strange_text_in_every_address_is_answered(pages: Pages, text: str) -> None:
    browser = pages.operator()
    for path in paths(pages, "get"):
        address = path.format(request_id=text, token=text)
        for name in ("subject", "before", "page", "export"):
            assert browser.get(f"{address}?{name}={text}").status_code in {200, 400, 403, 404}, path
    assert browser.get(f"/{text}").status_code == 404


def test_forms_in_another_shape_than_a_browser_s_are_refused_in_words(pages: Pages) -> None:
    browser = pages.operator()
    address = f"/requests/{begin(browser)}/details"
    many = "&".join(f"f{number}=x" for number in range(2_000))
    for answer in (
        browser.post(address, files={"bucket": ("bucket.txt", b"acme-billing")}),
        browser.post(address, content=many, headers=FORM),
        browser.post(address, content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}),
        browser.post(address, content=b"{", headers={"Content-Type": "application/json"}),
    ):
        assert answer.status_code in {400, 422}
        assert "<h1>" in answer.text


def test_what_people_write_in_any_language_is_taken_and_shown_as_it_is(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    note, name = "سلام می\u200cکنم 👩\u200d💻 ñ n\u0303", "Zoë Ąß"
    form = {"addresses": "alan@example.com", "note": note, "invited_by": name}
    assert browser.post(f"/requests/{begin(browser)}/invite", data=form).status_code == 200
    with engine.connect() as connection:
        stored = connection.execute(select(invites_table.c.note, invites_table.c.invited_by)).one()
    assert tuple(stored) == (note, name)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\u2028"])
def test_marks_that_hide_or_turn_text_are_refused(pages: Pages, engine: Engine, mark: str) -> None:
    browser = pages.operator()
    form = {"addresses": "alan@example.com", "note": f"a{mark}b", "invited_by": f"a{mark}b"}
    answer = browser.post(f"/requests/{begin(browser)}/invite", data=form)
    assert set(errors(answer)) == {"note", "invited_by"}
    assert count(engine, outbox) == 0


def test_no_field_becomes_a_header_of_a_mail(pages: Pages, engine: Engine) -> None:
    """All that is let through is sent to a real mail server."""
    browser = pages.operator()
    request_id = begin(browser)
    attack = "Hi\r\nBcc: eve@example.com\r\nSubject: pay\r\n\r\n.\r\nMAIL FROM:<x>"
    for form in (
        {"addresses": "alan@example.com", "note": attack, "invited_by": "Grace"},
        {"addresses": "barbara@example.com", "note": "", "invited_by": attack},
        {"addresses": "carol@example.com\r\nBcc: eve@example.com", "note": "", "invited_by": "Grace"},
        {"addresses": "dan@example.com%0d%0aBcc: eve@example.com", "note": "", "invited_by": "Grace"},
        {"addresses": '"x\r\nBcc: eve@example.com"@example.com', "note": "", "invited_by": "Grace"},
    ):
        browser.post(f"/requests/{request_id}/invite", data=form)
    contact = "ada@example.com\nBcc: eve@example.com"
    browser.post(f"/requests/{request_id}/details", data={**DETAILS, "contact": contact})
    assert pages.request(request_id).contact is None
    with MailServer() as server:
        drain(engine, SmtpChannel(server.url()), pages.settings, pages.clock.now + timedelta(minutes=1))
        mails = list(server.mails)
    assert [mail["To"] for mail in mails] == ["alan@example.com"]
    assert (mails[0]["Bcc"], mails[0].get_all("Subject")) == (None, [mails[0]["Subject"]])
    assert "pay" not in mails[0]["Subject"]
    body = mails[0].get_body(("plain",))
    assert body is not None
    assert "Bcc: eve@example.com" in body.get_content(), "it is text of the note, and nothing else"


def test_links_of_one_kind_or_of_another_staxpipe_open_nothing(pages: Pages) -> None:
    operator, stranger = pages.operator(), pages.visitor()
    link = invitation(pages, operator, begin(operator)).rpartition("/")[2]
    sign_in = pages.sign_in_link().rpartition("/")[2]
    signer, elsewhere = Signer(pages.settings.signing_key()), Signer("another key, of another staxpipe, forty")
    until = pages.clock.now + timedelta(days=1)
    forged = [
        f"/invite/{sign_in}",
        f"/sign-in/{link}",
        f"/invite/{elsewhere.invite('x' * 22, until)}",
        f"/invite/{signer.invite('x' * 22, until)}",  # well signed, of an invitation that never was
        f"/invite/{signer.begin(pages.clock.now)}",
        f"/invite/{link[:-1]}",
        f"/invite/{link}x",
        f"/sign-in/{sign_in[:-1]}",
    ]
    for address in forged:
        assert stranger.get(address).status_code == 403, address
        assert stranger.post(address).status_code == 403, address
    assert stranger.get("/requests").status_code == 403
    assert pages.visitor().post(f"/sign-in/{sign_in}").status_code == 200, "the real one was not used up"


def test_a_form_that_begins_is_good_once_and_not_for_ever(pages: Pages, engine: Engine) -> None:
    browser, signer = pages.operator(), Signer(pages.settings.signing_key())
    key = signer.begin(pages.clock.now)
    answers = at_once(*[lambda: browser.post("/requests", data={"key": key})] * 4)
    assert len({answer.url.path for answer in answers}) == 1
    assert count(engine) == 1
    for other in ("", "x", f"{key}x", Signer("another key, of another staxpipe, forty").begin(pages.clock.now)):
        assert browser.post("/requests", data={"key": other}).url.path == "/start"
    pages.clock.pass_by(timedelta(hours=12))
    assert pages.operator().post("/requests", data={"key": key}).url.path == "/start"
    assert count(engine) == 1


def test_a_form_that_is_sent_several_times_at_once_acts_once(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    form = {"addresses": "alan@example.com, barbara@example.com", "invited_by": "Grace"}
    invited = at_once(*[lambda: browser.post(f"/requests/{request_id}/invite", data=form)] * 4)
    assert {answer.status_code for answer in invited} == {200}
    assert (count(engine, invites_table), count(engine, outbox)) == (2, 2)
    saved = at_once(*[lambda: browser.post(f"/requests/{request_id}/details", data=DETAILS)] * 4)
    assert {answer.url.path for answer in saved} == {f"/requests/{request_id}/deploy"}
    with engine.connect() as connection:
        acts = [act.action for act in audit_log.entries(connection, f"request:{request_id}")]
    assert acts.count("request.details-saved") == 1
    gone = at_once(*[lambda: browser.post(f"/requests/{request_id}/cancel")] * 4)
    assert {answer.status_code for answer in gone} == {200}
    with engine.connect() as connection:
        acts = [act.action for act in audit_log.entries(connection, f"request:{request_id}")]
    assert acts.count("request.cancelled") == 1


def test_one_who_cancels_and_one_who_finishes_at_once_are_both_told_the_truth(pages: Pages) -> None:
    operator, alan = pages.operator(), pages.visitor()
    request_id = begin(operator)
    alan.post(invitation(pages, operator, request_id))
    seen = {**DETAILS, "seen": "new"}
    saved, cancelled = at_once(
        lambda: alan.post(f"/requests/{request_id}/details", data=seen),
        lambda: operator.post(f"/requests/{request_id}/cancel"),
    )
    assert {saved.status_code, cancelled.status_code} <= {200, 409}
    assert pages.request(request_id).state is RequestState.CANCELLED, "a cancelled request is not begun again"
    for person in (operator, alan):
        assert "This request was cancelled" in person.get(f"/requests/{request_id}").text
