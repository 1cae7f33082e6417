"""A program invites colleagues, again, and no more."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log, invites
from staxpipe.db.invites import LIFETIME, MOST_MAILS, SHORTEST_PAUSE
from staxpipe_tests.onboarding.api.conftest import REQUESTS, Pages, begun, problem, program

BODY = {"addresses": ["alan@example.com"], "invited_by": "Grace", "note": "  für den Monat 🧾\r\n"}


@pytest.fixture
def client(pages: Pages) -> httpx.Client:
    return program(pages)


@pytest.fixture
def path(client: httpx.Client) -> str:
    return f"{REQUESTS}/{begun(client)}/invitations"


def mails(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT payload FROM outbox ORDER BY id")).scalars())


def test_colleagues_are_invited_once_and_within_the_bounds(client: httpx.Client, path: str, engine: Engine) -> None:
    for _ in range(2):
        [one] = client.post(path, json=BODY).json()["invitations"]
    assert (one["email"], one["state"], one["open"]) == ("alan@example.com", "waiting", True)
    assert (one["standing"], one["may_withdraw"]) == ("Not sent yet", True)
    [mail] = mails(engine)
    assert mail["note"] == "für den Monat 🧾"
    assert "/invite/" in mail["url"]
    assert mail["url"] not in client.get(path).text
    many = [f"a{number}@example.com" for number in range(10)]
    said = problem(client.post(path, json={**BODY, "addresses": many}), 409, "too-many-colleagues")
    assert "9 more can be" in said["detail"]


def test_one_is_sent_again_after_a_while_and_not_for_ever(
    pages: Pages, client: httpx.Client, path: str, engine: Engine
) -> None:
    [one] = client.post(path, json=BODY).json()["invitations"]
    again = f"{path}/{one['id']}/resend"
    assert "sent just now" in problem(client.post(again), 409, "not-sent-again")["detail"]
    pages.clock.pass_by(SHORTEST_PAUSE)
    sent = client.post(again)
    assert (sent.status_code, sent.json()["id"], sent.json()["open"]) == (200, one["id"], True)
    assert sent.json()["expires_at"] > one["expires_at"], "it works for its full time again"
    [mail] = mails(engine)
    assert mail["to"] == ["alan@example.com"], "the one that still waited is not sent, too"
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE invites SET mails = {MOST_MAILS}"))
    pages.clock.pass_by(SHORTEST_PAUSE)
    assert "that is enough" in problem(client.post(again), 409, "not-sent-again")["detail"]
    assert client.get(path).json()["invitations"][0]["may_send_again"] is False


def test_withdrawn_it_leads_nowhere_and_its_mail_is_not_sent(client: httpx.Client, path: str, engine: Engine) -> None:
    [one] = client.post(path, json=BODY).json()["invitations"]
    for _ in range(2):
        gone = client.post(f"{path}/{one['id']}/withdraw")
        assert (gone.status_code, gone.json()["state"], gone.json()["open"]) == (200, "withdrawn", False)
    assert mails(engine) == []
    problem(client.post(f"{path}/{one['id']}/resend"), 409, "not-sent-again")
    with engine.connect() as connection:
        acts = [act.action for act in audit_log.entries(connection)]
    assert acts.count("invitation.withdrawn") == 1


def test_an_expired_one_stays_expired(pages: Pages, client: httpx.Client, path: str) -> None:
    [one] = client.post(path, json=BODY).json()["invitations"]
    pages.clock.pass_by(LIFETIME)
    fresh = program(pages)  # the first token has expired, too
    assert fresh.post(f"{path}/{one['id']}/withdraw").json()["state"] == "expired"


def test_a_linker_ends_what_they_sent_and_nobody_elses(pages: Pages, engine: Engine) -> None:
    ada, operator = program(pages, "ada@example.com"), program(pages)
    path = f"{REQUESTS}/{begun(ada)}/invitations"
    ada.post(path, json=BODY)
    operator.post(path, json={**BODY, "addresses": ["barbara@example.com"]})
    mine, other = ada.get(path).json()["invitations"]
    assert (mine["may_withdraw"], other["may_withdraw"]) == (True, False)
    problem(ada.post(f"{path}/{other['id']}/withdraw"), 404, "not-found")
    assert ada.post(f"{path}/{mine['id']}/withdraw").json()["state"] == "withdrawn"
    with engine.connect() as connection:
        assert [one.withdrawn_at is None for one in invites.of_request(connection, path.split("/")[4])] == [False, True]


def test_an_invitation_is_of_its_request_alone(pages: Pages, client: httpx.Client, path: str) -> None:
    [one] = client.post(path, json=BODY).json()["invitations"]
    elsewhere = f"{REQUESTS}/{begun(client, key='second', bucket='another-bucket')}/invitations"
    foreign = program(pages, "ada@example.com")
    for act in ("resend", "withdraw"):
        problem(client.post(f"{elsewhere}/{one['id']}/{act}"), 404, "not-found")
        problem(foreign.post(f"{path}/{one['id']}/{act}"), 404, "not-found")
    assert client.get(path).json()["invitations"][0]["state"] == "waiting"
