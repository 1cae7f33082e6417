"""Inviting: one mail an address, a cap, and words that cannot break out of their place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select

from staxpipe.db import invites
from staxpipe.db.tables import outbox
from staxpipe.notify.messages import compose
from staxpipe_tests.onboarding.conftest import Pages, Serve, begin, errors


def mails(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(select(outbox.c.kind, outbox.c.payload).order_by(outbox.c.id)).all()
    assert {kind for kind, _ in rows} <= {"invite"}
    return [payload for _, payload in rows]


def test_each_colleague_gets_one_mail_however_often_the_form_is_sent(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    form = {"addresses": "alan@example.com\nbarbara@example.com", "invited_by": "Grace", "note": "The payer account."}
    for _ in range(2):
        answer = browser.post(f"/requests/{request_id}/invite", data=form)
        assert answer.status_code == 200
    sent = mails(engine)
    assert [mail["to"] for mail in sent] == [["alan@example.com"], ["barbara@example.com"]]
    assert {(mail["invited_by"], mail["note"]) for mail in sent} == {("Grace", "The payer account.")}
    assert answer.text.count("Not opened yet") == 2
    pages.visitor().post(sent[0]["url"].removeprefix(pages.settings.base_url))
    assert "Opened" in browser.get(f"/requests/{request_id}/invite").text


def test_the_mail_can_be_composed(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    browser.post(f"/requests/{begin(browser)}/invite", data={"addresses": "alan@example.com", "invited_by": "Grace"})
    (payload,) = mails(engine)
    message = compose("invite", payload, pages.settings)
    assert message.to == ("alan@example.com",)
    assert payload["url"] in message.text


def test_no_more_than_ten_are_ever_invited_to_one_request(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    for numbers in (range(6), range(4, 10)):
        addresses = ",".join(f"a{number}@example.com" for number in numbers)
        browser.post(f"/requests/{request_id}/invite", data={"addresses": addresses, "invited_by": "Grace"})
    refused = browser.post(
        f"/requests/{request_id}/invite", data={"addresses": "more@example.com", "invited_by": "Grace"}
    )
    assert refused.status_code == 422
    assert "10 colleagues were invited to this request already; no more can be." in errors(refused)["addresses"]
    assert "more@example.com</textarea>" in refused.text
    assert len(mails(engine)) == 10
    with engine.connect() as connection:
        assert invites.count(connection, request_id) == 10


def test_wrong_addresses_send_nothing_and_are_kept(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    form = {"addresses": "alan@example.com\nbob", "invited_by": "", "note": "</textarea><script>x</script>"}
    answer = browser.post(f"/requests/{begin(browser)}/invite", data=form)
    assert answer.status_code == 422
    assert set(errors(answer)) == {"addresses", "invited_by"}
    assert "bob</textarea>" in answer.text
    assert "<script>x" not in answer.text
    assert mails(engine) == []


def test_without_a_mail_server_the_operator_hands_links_on(serve: Serve) -> None:
    pages = serve(smtp_url=None)
    operator, invited = pages.operator(), pages.visitor()
    request_id = begin(operator)
    page = operator.post(
        f"/requests/{request_id}/invite", data={"addresses": "alan@example.com", "invited_by": "Grace"}
    ).text
    (mail,) = mails(pages.engine)
    assert "has no mail server yet" in page
    assert mail["url"] in page
    invited.post(mail["url"].removeprefix(pages.settings.base_url))
    assert mail["url"] not in invited.get(f"/requests/{request_id}/invite").text  # only the operator may hand it on
