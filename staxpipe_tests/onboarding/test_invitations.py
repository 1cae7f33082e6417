"""Inviting: one mail an address, a cap, and words that cannot break out of their place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, select

from staxpipe.db import audit_log, invites
from staxpipe.db import outbox as outbox_queries
from staxpipe.db.tables import outbox, rate_limits
from staxpipe.notify.messages import compose
from staxpipe.onboarding import limits
from staxpipe_tests.onboarding.conftest import Pages, Serve, begin, begin_listening, errors


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
    assert answer.text.count("Not sent yet") == 2
    pages.visitor().post(sent[0]["url"].removeprefix(pages.settings.base_url))
    page = browser.get(f"/requests/{request_id}/invite").text
    assert ("Opened</span>" in page, page.count("Not sent yet")) == (True, 1)


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
        [used] = connection.execute(select(rate_limits.c.used).where(rate_limits.c.key.startswith("invitations-for:")))
        assert used == (10,), "what is refused uses nothing up"


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


def ask(browser: httpx.Client, request_id: str, address: str = "alan@example.com", name: str = "Grace") -> None:
    form = {"addresses": address, "invited_by": name}
    assert browser.post(f"/requests/{request_id}/invite", data=form).status_code == 200


def invite_id(engine: Engine, request_id: str, address: str = "alan@example.com") -> str:
    with engine.connect() as connection:
        return {invite.email: invite.id for invite in invites.of_request(connection, request_id)}[address]


def path(mail: dict[str, Any], pages: Pages) -> str:
    return str(mail["url"]).removeprefix(pages.settings.base_url)


def send_all(pages: Pages) -> None:
    with pages.engine.begin() as connection:
        while entry := outbox_queries.claim(connection, pages.clock.now + timedelta(days=99)):
            outbox_queries.mark_sent(connection, entry, pages.clock.now)


def test_the_page_shows_how_each_invitation_stands(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    page = f"/requests/{request_id}/invite"
    ask(browser, request_id)
    assert "Not sent yet" in browser.get(page).text
    (mail,) = mails(engine)
    send_all(pages)
    assert "Sent, not opened yet" in browser.get(page).text
    pages.visitor().post(path(mail, pages))
    assert "Opened</span>" in browser.get(page).text
    pages.clock.pass_by(timedelta(days=7))
    assert "Opened, then expired" in pages.operator().get(page).text


def test_one_that_was_lost_is_sent_again_and_works_for_its_full_time(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    ask(browser, request_id)
    [first] = mails(engine)
    send_all(pages)
    again = f"/requests/{request_id}/invites/{invite_id(engine, request_id)}/resend"
    refused = browser.post(again)
    assert refused.status_code == 422
    assert "Wait 10 minutes" in refused.text
    assert len(mails(engine)) == 1
    pages.clock.pass_by(timedelta(days=6))
    browser = pages.operator()
    assert browser.post(again).status_code == 200
    assert browser.post(again).status_code == 422  # a double click sends one
    _, second = mails(engine)
    assert second["to"] == first["to"]
    assert second["url"] != first["url"]
    pages.clock.pass_by(timedelta(days=6))
    assert pages.visitor().post(path(first, pages)).status_code == 403
    assert pages.visitor().post(path(second, pages)).url.path == f"/requests/{request_id}/access"


def test_a_mail_that_still_waits_is_replaced_and_not_sent_twice(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    ask(browser, request_id)
    pages.clock.pass_by(timedelta(hours=1))
    browser.post(f"/requests/{request_id}/invites/{invite_id(engine, request_id)}/resend")
    assert len(mails(engine)) == 1


def test_withdrawn_it_lets_nobody_in_and_its_mail_is_not_sent(pages: Pages, engine: Engine) -> None:
    browser, invited = pages.operator(), pages.visitor()
    request_id = begin(browser)
    ask(browser, request_id)
    ask(browser, request_id, "barbara@example.com")
    (mail, _) = mails(engine)
    invited.post(path(mail, pages))
    withdraw = f"/requests/{request_id}/invites/{invite_id(engine, request_id)}/withdraw"
    for _ in range(2):
        page = browser.post(withdraw)
        assert page.status_code == 200
        assert "Withdrawn</span>" in page.text
    assert [waiting["to"] for waiting in mails(engine)] == [["barbara@example.com"]]
    assert invited.get(f"/requests/{request_id}").status_code == 404
    gone = invited.get(path(mail, pages))
    assert gone.status_code == 403
    assert "was withdrawn" in gone.text
    ask(browser, request_id)  # anew: another address, and the old one stays dead
    new = mails(engine)[-1]
    assert new["url"] != mail["url"]
    assert pages.visitor().post(path(mail, pages)).status_code == 403
    assert pages.visitor().post(path(new, pages)).status_code == 200
    with engine.connect() as connection:
        acts = [entry.action for entry in reversed(audit_log.entries(connection, f"request:{request_id}"))]
    assert acts.count("invitation.withdrawn") == 1


def test_an_invited_person_withdraws_what_they_sent_and_nothing_else(pages: Pages, engine: Engine) -> None:
    operator, alan = pages.operator(), pages.visitor()
    request_id = begin(operator)
    ask(operator, request_id)
    ask(operator, request_id, "barbara@example.com")
    alan.post(path(mails(engine)[0], pages))
    ask(alan, request_id, "eve@example.com", "Alan")
    withdraw = f"/requests/{request_id}/invites/{{}}/withdraw".format
    assert alan.post(withdraw(invite_id(engine, request_id, "barbara@example.com"))).status_code == 404
    assert alan.post(withdraw(invite_id(engine, request_id, "eve@example.com"))).status_code == 200
    own = alan.post(withdraw(invite_id(engine, request_id)))
    assert own.url.path == "/"
    assert alan.get(f"/requests/{request_id}").status_code == 404


def test_an_invitation_of_another_request_is_not_touched(pages: Pages, engine: Engine) -> None:
    operator, alan = pages.operator(), pages.visitor()
    mine, other = begin(operator), begin(operator)
    ask(operator, mine)
    ask(operator, other, "barbara@example.com")
    alan.post(path(mails(engine)[0], pages))
    theirs = invite_id(engine, other, "barbara@example.com")
    for act in ("resend", "withdraw"):
        assert alan.post(f"/requests/{mine}/invites/{theirs}/{act}").status_code == 404
        assert alan.post(f"/requests/{other}/invites/{theirs}/{act}").status_code == 404
        assert operator.post(f"/requests/{mine}/invites/nobody/{act}").status_code == 404
        assert pages.visitor().post(f"/requests/{other}/invites/{theirs}/{act}").status_code == 403
    with engine.connect() as connection:
        assert invites.get(connection, theirs, pages.clock.now) is not None


def test_the_same_link_leads_to_where_the_request_stands(pages: Pages, engine: Engine) -> None:
    operator, invited = pages.operator(), pages.visitor()
    request_id = begin(operator)
    ask(operator, request_id)
    link = path(mails(engine)[0], pages)
    shown = invited.get(link).text
    assert "<bdi>Grace</bdi> asks for your help" in shown
    assert "Not complete yet" in shown
    invited.post(link)
    assert invited.get(link).url.path == f"/requests/{request_id}/access"  # no button a second time
    begin_details = {"account_id": "123456789012", "bucket": "acme-billing", "region": "eu-west-1"}
    invited.post(f"/requests/{request_id}/details", data=begin_details)
    assert invited.get(link).url.path == f"/requests/{request_id}"
    assert invited.get(f"/requests/{request_id}/access").url.path == f"/requests/{request_id}"
    later = pages.visitor()
    shown = later.get(link).text
    assert "Listening for your IAM role" in shown
    assert "1234-5678-9012" in shown
    assert later.post(link).url.path == f"/requests/{request_id}"


def test_those_who_were_invited_to_one_account_see_the_others_of_the_request(pages: Pages, engine: Engine) -> None:
    operator, invited = pages.operator(), pages.visitor()
    first, other = begin_listening(operator), begin_listening(operator, prefix="elsewhere")
    ask(operator, first)
    invited.post(path(mails(engine)[0], pages))
    key = invited.get(f"/requests/{first}").text.split('name="key" value="')[1].split('"')[0]
    second = invited.post(f"/requests/{first}/another", data={"key": key}).url.path.split("/")[2]
    assert second not in {first, other}
    assert invited.get(f"/requests/{second}/details").status_code == 200
    assert invited.get(f"/requests/{other}/details").status_code == 404
    assert pages.request(second).first_id == first


def test_no_more_than_ten_are_invited_to_all_accounts_of_a_request(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    first = begin_listening(operator)
    key = operator.get(f"/requests/{first}").text.split('name="key" value="')[1].split('"')[0]
    second = operator.post(f"/requests/{first}/another", data={"key": key}).url.path.split("/")[2]
    ask(operator, first, ",".join(f"a{number}@example.com" for number in range(9)))
    form = {"addresses": "more@example.com, and@example.com", "invited_by": "Grace"}
    refused = operator.post(f"/requests/{second}/invite", data=form)
    assert "9 colleagues were invited to this request already; 1 more can be." in errors(refused)["addresses"]
    ask(operator, second, "more@example.com")
    assert len(mails(engine)) == 10


def test_asking_for_another_mail_too_soon_uses_nothing_up(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    ask(browser, request_id)
    again = f"/requests/{request_id}/invites/{invite_id(engine, request_id)}/resend"
    for _ in range(limits.INVITED.most):
        assert browser.post(again).status_code == 422
    ask(browser, begin(browser))  # the same address, for another request
