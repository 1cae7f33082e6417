"""What a program does from beginning a request to pausing its link, and what it is told when something cannot be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log, links, probes
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import of_request
from staxpipe.doctor.keeping import keep
from staxpipe.linking.quick_create import template_text
from staxpipe.linking.verdicts import NotYetAssumable
from staxpipe.model import DeliveryState
from staxpipe.onboarding import steps
from staxpipe_tests.onboarding.api.conftest import (
    DETAILS,
    REQUESTS,
    Pages,
    begin,
    begun,
    person,
    problem,
    program,
    token,
)
from staxpipe_tests.onboarding.ledger import add_delivery, add_link


def link(pages: Pages, request_id: str, *, found: bool = True) -> None:
    """Have a request linked, with a month of reports or with none."""
    with pages.engine.begin() as connection:
        assert probes.mark_linked(connection, request_id, pages.clock.now)
        export = add_link(connection, request_id, pages.clock.now)
        if found:
            add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=1204, cost="12.50")


def test_from_beginning_to_what_to_deploy(pages: Pages) -> None:
    client = program(pages, "ada@example.com")
    answer = begin(client)
    assert answer.status_code == 201
    found = answer.json()
    assert answer.headers["location"] == f"{REQUESTS}/{found['id']}"
    request = pages.request(found["id"])
    assert (request.state, request.requested_by, request.account_id) == ("listening", "ada@example.com", "123456789012")
    assert (found["stage"], found["contact"]) == ("listening", "ada@example.com")
    stack = found["deployment"]
    assert stack == client.get(f"{REQUESTS}/{request.id}/deployment").json()
    assert stack["stack_name"] == request.role_name
    assert stack["parameters"]["ExternalId"] == request.external_id
    assert request.external_id in stack["command"]
    assert client.get(stack["template_download"]).text == template_text()
    assert (stack["template_url"], stack["console_url"], found["deployment_missing"]) == (None, None, None)
    read = client.get(answer.headers["location"])
    assert read.json()["headline"] == "Listening for your IAM role"
    assert request.external_id not in read.text


def test_a_double_submission_begins_one(pages: Pages, engine: Engine) -> None:
    secret = token(pages)

    def one(_: int) -> tuple[int, str]:
        with httpx.Client(base_url=pages.url, headers={"Authorization": f"Bearer {secret}"}) as client:
            answer = begin(client)
            return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(one, range(12)))
    assert sorted(status for status, _ in answers) == [200] * 11 + [201]
    assert len({found for _, found in answers}) == 1
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM link_requests")) == 1
        acts = connection.execute(text("SELECT action FROM audit_log")).scalars().all()
        assert sorted(acts) == ["request.begun", "request.details-saved"]
        used = connection.scalar(text("SELECT used FROM rate_limits WHERE key = 'requests-begun:operator'"))
    assert used <= 12
    for _ in range(3):
        assert begin(program(pages)).status_code == 200, "whoever's token of the same person"
    with engine.connect() as connection:
        query = text("SELECT used FROM rate_limits WHERE key = 'requests-begun:operator'")
        assert connection.scalar(query) == used, "asking again uses nothing up"


def test_a_key_is_somebodys_own_and_of_one_account(pages: Pages) -> None:
    operator, ada = program(pages), program(pages, "ada@example.com")
    first = begun(operator)
    assert begun(ada, bucket="another-bucket") != first, "another person's key is another key"
    assert begun(operator, key="second", bucket="third-bucket") != first
    said = problem(begin(operator, bucket="changed-bucket"), 409, "key-used")
    assert first in said["detail"]
    assert pages.request(first).bucket == "acme-billing-reports"


def test_sending_it_again_takes_nothing_up_and_corrects_nothing(pages: Pages) -> None:
    client = program(pages)
    request_id = begun(client)
    assert client.post(f"{REQUESTS}/{request_id}/cancel").json()["stage"] == "cancelled"
    again = begin(client)
    assert (again.status_code, again.json()["stage"], again.json()["deployment"]) == (200, "cancelled", None)
    assert "was cancelled" in again.json()["deployment_missing"]
    problem(client.post(f"{REQUESTS}/{request_id}/resume"), 409, "cancelled")


def test_a_draft_is_for_a_person_to_go_on_with(pages: Pages) -> None:
    client = program(pages)
    draft = client.post(REQUESTS, json={}, headers={"Idempotency-Key": "draft"}).json()
    assert (draft["stage"], draft["version"], draft["deployment"]) == ("draft", "new", None)
    assert "details" in draft["deployment_missing"]
    problem(client.get(f"{REQUESTS}/{draft['id']}/deployment"), 409, "nothing-to-deploy")
    problem(client.post(f"{REQUESTS}/{draft['id']}/look"), 409, "nothing-to-look-for")
    saved = client.put(f"{REQUESTS}/{draft['id']}/details", json={**DETAILS, "version": "new"})
    assert (saved.status_code, saved.json()["stage"]) == (200, "listening")


def test_who_saves_second_is_told(pages: Pages) -> None:
    client = program(pages)
    request_id = begun(client)
    path, seen = f"{REQUESTS}/{request_id}/details", client.get(f"{REQUESTS}/{request_id}").json()["version"]
    corrected = client.put(path, json={**DETAILS, "bucket": "second-bucket", "version": seen})
    assert (corrected.status_code, corrected.json()["bucket"]) == (200, "second-bucket")
    problem(client.put(path, json={**DETAILS, "bucket": "third-bucket", "version": seen}), 409, "changed-meanwhile")
    assert client.put(path, json={**DETAILS, "bucket": "second-bucket", "version": seen}).status_code == 200
    assert client.put(path, json={**DETAILS, "bucket": "third-bucket"}).json()["bucket"] == "third-bucket"


def test_accounts_beside_each_other_have_their_bound(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_ACCOUNTS", 2)
    client = program(pages)
    first = begun(client)

    def beside(key: str) -> httpx.Response:
        return client.post(REQUESTS, json={"beside": first}, headers={"Idempotency-Key": key})

    second = beside("second")
    assert (second.status_code, second.json()["beside"]) == (201, first)
    assert (beside("second").status_code, beside("second").json()["id"]) == (200, second.json()["id"])
    problem(beside("third"), 409, "full")
    client.post(f"{REQUESTS}/{first}/cancel")
    problem(beside("fourth"), 409, "cancelled")


def test_a_key_means_the_same_place_too(pages: Pages) -> None:
    client = program(pages)
    first, other = begun(client), begun(client, key="other", bucket="another-bucket")

    def beside(whom: str) -> httpx.Response:
        return client.post(REQUESTS, json={"beside": whom}, headers={"Idempotency-Key": "second"})

    second = beside(first).json()["id"]
    assert beside(second).json()["beside"] == first, "who stands beside it stands beside the first"
    assert "does not stand beside" in problem(beside(other), 409, "key-used")["detail"]


def test_a_key_whose_draft_is_over_begins_no_account(pages: Pages) -> None:
    client = program(pages)
    draft = client.post(REQUESTS, json={}, headers={"Idempotency-Key": "first"}).json()["id"]
    client.post(f"{REQUESTS}/{draft}/cancel")
    assert "it is over" in problem(begin(client), 409, "key-used")["detail"]


def test_the_role_of_a_member_has_no_stack_of_its_own(pages: Pages) -> None:
    browser, client = person(pages, "ada@example.com"), program(pages, "ada@example.com")
    payer = begun(client)
    form = {"bucket": "reports-{account}", "prefix": "reports", "region": "eu-west-1", "accounts": "444455556666"}
    assert browser.post(f"/requests/{payer}/members", data=form).status_code == 200
    [member] = client.get(REQUESTS, params={"account_id": "444455556666"}).json()["requests"]
    assert (member["stage"], member["beside"]) == ("listening", payer)
    assert browser.get(f"/requests/{member['id']}").status_code == 200, "who asked for it sees it"
    said = problem(client.get(f"{REQUESTS}/{member['id']}/deployment"), 409, "nothing-to-deploy")
    assert "StackSet" in said["detail"]
    assert pages.request(member["id"]).external_id not in client.get(f"{REQUESTS}/{member['id']}").text


def test_what_is_linked_already_is_not_asked_for_again(pages: Pages) -> None:
    client = program(pages)
    link(pages, begun(client))
    said = problem(begin(client, key="second"), 409, "already-linked")
    assert said["errors"][0]["field"] == "bucket"
    assert len(client.get(REQUESTS).json()["requests"]) == 1, "nothing was begun"
    assert begin(client).status_code == 200
    assert begin(client).json()["deployment"]["parameters"]["ExternalId"], "a plan finds what it found before"


def test_a_link_is_paused_and_goes_on(pages: Pages, engine: Engine) -> None:
    client, operator = program(pages, "ada@example.com"), program(pages)
    request_id = begun(client)
    path = f"{REQUESTS}/{request_id}"
    problem(client.post(f"{path}/pause"), 409, "not-linked")
    assert client.post(f"{path}/resume").json()["stage"] == "listening", "what goes on already stays as it is"
    link(pages, request_id)
    ready = client.get(path).json()
    assert (ready["stage"], ready["rows"], ready["fraction"]) == ("ready", 1204, 1.0)
    assert ready["months"][0]["totals"] == [{"currency": "USD", "billed_cost": "12.50"}]
    for _ in range(2):
        assert client.post(f"{path}/pause").json()["stage"] == "paused"
    with engine.begin() as connection:
        connection.execute(text("UPDATE links SET contact = 'grace@example.com'"))
    for _ in range(2):  # who began it decides, whoever is told
        assert "first its role is proved anew" in client.post(f"{path}/resume").json()["text"]
    assert "Stopped by operator" in operator.post(f"{path}/pause").json()["text"]
    problem(client.post(f"{path}/resume"), 404, "not-found")
    assert "first its role is proved anew" in operator.post(f"{path}/resume").json()["text"]
    with engine.begin() as connection:
        made = links.of_request(connection, request_id)
        assert made is not None
        assert links.resume(connection, made.id, pages.clock.now)
    assert client.post(f"{path}/resume").json()["stage"] == "ready", "what goes on already stays so"
    problem(client.post(f"{path}/cancel"), 409, "linked")
    problem(client.put(f"{path}/details", json={**DETAILS, "bucket": "late-bucket"}), 409, "too-late")
    with engine.begin() as connection:
        found = links.of_request(connection, request_id)
        assert found is not None
        links.end(connection, found.id, "It is over.")
    for act in ("pause", "resume"):
        problem(client.post(f"{path}/{act}"), 409, "ended")
    assert "It is over." in problem(client.get(f"{path}/deployment"), 409, "nothing-to-deploy")["detail"]


def test_nobody_looks_into_a_bucket_that_is_not_read(pages: Pages) -> None:
    client = program(pages)
    path = f"{REQUESTS}/{begun(client)}"
    link(pages, path.rpartition("/")[2], found=False)
    assert client.post(f"{path}/look").status_code == 200
    client.post(f"{path}/pause")
    problem(client.post(f"{path}/look"), 409, "nothing-to-look-for")


def test_a_look_is_asked_for_so_often(pages: Pages) -> None:
    client = program(pages)
    request_id = begun(client)
    codes = [client.post(f"{REQUESTS}/{request_id}/look").status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]
    said = problem(client.post(f"{REQUESTS}/{request_id}/look"), 429, "too-often")
    assert "Please come back in" in said["detail"]


def test_the_doctors_report_is_there_once_it_looked(pages: Pages) -> None:
    client = program(pages)
    request_id = begun(client)
    assert client.get(f"{REQUESTS}/{request_id}/doctor").json() == {"report": None}
    subject = of_request(pages.request(request_id))
    with pages.engine.begin() as connection:
        keep(connection, request_id, diagnose(subject, NotYetAssumable(subject.role_arn), None, pages.clock.now))
    report = client.get(f"{REQUESTS}/{request_id}/doctor").json()["report"]
    assert (report["checks"][0]["code"], report["checks"][0]["state"]) == ("role-found", "broken")


def test_lists_are_pages_that_miss_none(pages: Pages) -> None:
    client = program(pages)
    ids = []
    for number in range(5):
        ids.append(begun(client, key=f"key-{number}", bucket=f"bucket-{number}", account_id=f"{number % 2:012d}"))
        pages.clock.pass_by(timedelta(seconds=number // 3))  # the first ones at the same moment
    seen, address = [], f"{REQUESTS}?limit=2"
    while address:
        page = client.get(address).json()
        assert len(page["requests"]) <= 2
        seen += [one["id"] for one in page["requests"]]
        address = page["next"]
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5
    odd = client.get(REQUESTS, params={"account_id": "000000000001", "state": "listening", "limit": 1}).json()
    rest = client.get(odd["next"]).json()
    assert {odd["requests"][0]["id"], rest["requests"][0]["id"]} == {ids[1], ids[3]}
    assert rest["next"] is None
    assert client.get(REQUESTS, params={"state": "cancelled"}).json()["requests"] == []


def test_a_list_that_begins_behind_nothing_is_no_end(pages: Pages, engine: Engine) -> None:
    """Nor does it tell whether, or when, somebody else's request was begun."""
    ada, grace = program(pages, "ada@example.com"), program(pages, "grace@example.com")
    begun(ada)
    pages.clock.pass_by(timedelta(seconds=1))
    foreign = begun(grace, bucket="another-bucket")
    told = [ada.get(REQUESTS, params={"after": after}) for after in (foreign, "x" * 22)]
    for answer in told:
        problem(answer, 404, "not-found")
    assert told[0].text == told[1].text
    problem(program(pages).get(REQUESTS, params={"after": "x" * 22}), 404, "not-found")
    with engine.connect() as connection:
        assert audit_log.entries(connection, f"request:{foreign}", limit=1)[0].result == "refused"
