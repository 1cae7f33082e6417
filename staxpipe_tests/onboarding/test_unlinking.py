"""Changing one's mind: who may, what the pages say, and that nothing is deleted by a slip."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log, deletion_receipts, links
from staxpipe.db.links import Link
from staxpipe.db.tables import deletion_receipts as receipts
from staxpipe.db.tables import link_requests
from staxpipe.model import DeliveryState, LinkState
from staxpipe.onboarding.people import Person, rules
from staxpipe.onboarding.sessions import Session
from staxpipe_tests.onboarding.conftest import Pages, begin_listening
from staxpipe_tests.onboarding.ledger import add_delivery, add_link
from staxpipe_tests.onboarding.test_access import invitation


@pytest.fixture
def linked(pages: Pages) -> str:
    """A request whose account is linked and has a month."""
    request_id = begin_listening(pages.operator())
    with pages.engine.begin() as connection:
        connection.execute(link_requests.update().values(state="linked"))
        export = add_link(connection, request_id, pages.clock.now)
        add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=1204, cost="12.50")
    return request_id


def link_of(engine: Engine, request_id: str) -> Link:
    with engine.connect() as connection:
        found = links.of_request(connection, request_id)
    assert found is not None
    return found


def invited(pages: Pages, operator: httpx.Client, request_id: str, address: str) -> httpx.Client:
    """A browser that is in by an invitation."""
    browser = pages.visitor()
    assert browser.post(invitation(pages, operator, request_id, address)).status_code == 200
    return browser


def signed_in(pages: Pages, person: Person) -> httpx.Client:
    """A browser of somebody who signed in at the team's provider."""
    session = Session(person.operator, person=person.address, rules=rules(pages.settings))
    return pages.visitor(cookies={"staxpipe": pages.site.signer.session(session, pages.clock.now)})


def linker(pages: Pages, request_id: str, address: str) -> httpx.Client:
    """A linker who began the request."""
    with pages.engine.begin() as connection:
        connection.execute(link_requests.update().values(begun_by=address))
    return signed_in(pages, Person(address, operator=False))


def words(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_the_account_leads_to_it_and_it_says_what_happens_here_and_in_aws(pages: Pages, linked: str) -> None:
    browser = pages.operator()
    assert f'href="/requests/{linked}/unlink"' in browser.get(f"/requests/{linked}").text
    answer = browser.get(f"/requests/{linked}/unlink")
    said, request = words(answer), pages.request(linked)
    assert "Changed your mind?" in said
    assert "Stop reading this account" in said
    assert request.role_name in said
    assert "CloudFormation → Stacks" in said
    stacks = "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks"
    assert f"{stacks}?filteringText={request.role_name}" in answer.text
    assert "DELETE_COMPLETE" in said
    assert "Delete the data for good" not in said, "first it is stopped"
    assert request.external_id not in answer.text


def test_the_stack_is_looked_for_where_it_was_created(pages: Pages, linked: str, engine: Engine) -> None:
    """A bucket's region may have been corrected since, and a stack does not move."""
    with engine.begin() as connection:
        connection.execute(link_requests.update().values(stack_region="us-east-1"))
    answer = pages.operator().get(f"/requests/{linked}/unlink")
    assert "https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1#/stacks?" in answer.text
    assert "in the region US East (N. Virginia), us-east-1" in words(answer)
    assert "eu-west-1" not in answer.text


def test_stop_then_keep(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    said = words(browser.post(f"/requests/{linked}/unlink/stop"))
    assert "Reading has stopped" in said
    assert "1 month is loaded, with 1,204 line items" in said
    assert link_of(engine, linked).state is LinkState.PAUSED
    said = words(browser.post(f"/requests/{linked}/unlink/keep"))
    assert "Unlinked, and the data is kept" in said
    assert "Delete the data after all" in said
    assert link_of(engine, linked).state is LinkState.ENDED
    page = browser.get(f"/requests/{linked}")
    assert words(page).count("Unlinked by whoever runs staxpipe on") == 1
    assert "Changed my mind" not in words(page)
    with engine.connect() as connection:
        acts = [(entry.actor, entry.action, entry.source_ip) for entry in audit_log.entries(connection)]
    assert acts[:2] == [("operator", "link.ended", "127.0.0.1"), ("operator", "link.stopped", "127.0.0.1")]


def test_stop_then_read_on(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    browser.post(f"/requests/{linked}/unlink/stop")
    answer = browser.post(f"/requests/{linked}/unlink/go-on")
    assert answer.url.path == f"/requests/{linked}"
    assert "first its role is proved anew" in words(answer)
    assert link_of(engine, linked).waits_for_role


def test_a_role_that_is_gone_can_be_created_again_and_looked_for(pages: Pages, linked: str, engine: Engine) -> None:
    browser, request = pages.operator(), pages.request(linked)
    assert browser.get(f"/requests/{linked}/deploy").url.path == f"/requests/{linked}", "it holds"
    with engine.begin() as connection:
        links.pause(connection, link_of(engine, linked).id, "The role no longer lets staxpipe in.")
        links.look_again_at(connection, link_of(engine, linked).id, pages.clock.now + timedelta(hours=1))
    page = browser.get(f"/requests/{linked}")
    assert f'href="/requests/{linked}/deploy"' in page.text
    deploy = browser.get(f"/requests/{linked}/deploy")
    assert "Create the read-only role again" in words(deploy)
    assert f"ExternalId={request.external_id}" in deploy.text
    assert "Cancel" not in words(deploy)
    assert browser.post(f"/requests/{linked}/look-now").url.path == f"/requests/{linked}"
    with engine.begin() as connection:
        [taken] = links.take_trials(connection, pages.clock.now, pages.clock.now)
    assert taken.request_id == linked
    browser.post(f"/requests/{linked}/unlink/stop")
    assert "How to create the role again" not in words(browser.get(f"/requests/{linked}"))
    assert browser.get(f"/requests/{linked}/deploy").url.path == f"/requests/{linked}"


@pytest.mark.parametrize("typed", ["", "delete", "123456789013", "١٢٣٤٥٦٧٨٩٠١٢", "123456789012\n1"])
def test_nothing_is_deleted_without_the_accounts_number(pages: Pages, linked: str, engine: Engine, typed: str) -> None:
    browser = pages.operator()
    browser.post(f"/requests/{linked}/unlink/stop")
    answer = browser.post(f"/requests/{linked}/unlink/delete", data={"account": typed})
    assert answer.status_code == 422
    assert "Type the 12 digits" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert link_of(engine, linked).state is LinkState.PAUSED
    with engine.connect() as connection:
        assert deletion_receipts.due(connection, datetime.now(UTC)) == []


def test_delete_and_the_receipt(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    browser.post(f"/requests/{linked}/unlink/stop")
    said = words(browser.post(f"/requests/{linked}/unlink/delete", data={"account": "1234-5678-9012"}))
    assert "The data is being deleted" in said
    assert "Asked for by whoever runs staxpipe on" in said
    piece = browser.get(f"/requests/{linked}/unlink/status")
    assert piece.text.strip().startswith('<section data-stage="deleting">')
    again = browser.post(f"/requests/{linked}/unlink/delete", data={"account": "123456789012"})
    assert "The data is being deleted" in words(again)
    with engine.begin() as connection:
        [number] = deletion_receipts.due(connection, pages.clock.now)
        deletion_receipts.postpone(connection, number, "The lake's table was changed by others.", pages.clock.now)
    assert (
        "Not finished yet: The lake&#39;s table was changed by others."
        in browser.get(f"/requests/{linked}/unlink").text
    )
    with engine.begin() as connection:
        scope = {
            "link_id": "x",
            "request_id": linked,
            "account_id": "123456789012",
            "decided_at": pages.clock.now.isoformat(),
            "exports": [1],
            "sources": ["s3://acme/<cur>"],
            "handed_over": ["s3://acme/shared"],
            "months": [],
            "alone": True,
        }
        deletion_receipts.put_scope(connection, number, scope, {"rows": {"daily_costs_all": 18002}})
        deletion_receipts.add_found(connection, number, {"lake": {"rows": 1204}})
        left = {"rows": {"daily_costs_all": 0}, "lake": {"rows": 0}}
        deletion_receipts.finish(connection, number, left, pages.clock.now)
    answer = browser.get(f"/requests/{linked}/unlink")
    said = words(answer)
    assert f"Receipt {number}" in said
    assert "1,204 line items in the lake" in said
    assert "18,002 daily costs" in said
    assert "2 kinds of things were counted again, and nothing was left" in said
    assert "s3://acme/&lt;cur&gt;" in answer.text
    assert "Not deleted, since another link reads it: s3://acme/shared" in said
    assert "Delete the data for good" not in said


def test_an_invited_person_may_stop_and_never_decides(pages: Pages, linked: str, engine: Engine) -> None:
    """Not even who is told of the news: every invited person can name themselves there."""
    operator = pages.operator()
    ada = invited(pages, operator, linked, "ada@example.com")
    assert link_of(engine, linked).contact == "ada@example.com"
    said = words(ada.post(f"/requests/{linked}/unlink/stop"))
    assert "Reading has stopped" in said
    assert "decided by whoever runs staxpipe" in said
    assert "Delete the data for good" not in said
    assert ada.post(f"/requests/{linked}/unlink/keep").status_code == 404
    assert ada.post(f"/requests/{linked}/unlink/delete", data={"account": "123456789012"}).status_code == 404
    with engine.connect() as connection:
        acts = audit_log.entries(connection, f"link:{link_of(engine, linked).id}")
    assert [(act.actor, act.action, act.result) for act in acts[::-1]] == [
        ("ada@example.com", "link.stopped", "done"),
        *[("ada@example.com", "link.decided", "refused")] * 2,
    ]
    assert link_of(engine, linked).state is LinkState.PAUSED
    assert "Keep the data" in words(operator.get(f"/requests/{linked}/unlink"))


def test_who_began_the_request_decides(pages: Pages, linked: str, engine: Engine) -> None:
    grace = linker(pages, linked, "grace@example.com")
    grace.post(f"/requests/{linked}/unlink/stop")
    alan = invited(pages, pages.operator(), linked, "alan@example.com")
    assert "decided by grace@example.com, who began this request" in words(alan.get(f"/requests/{linked}/unlink"))
    grace.post(f"/requests/{linked}/unlink/delete", data={"account": "123456789012"})
    with engine.connect() as connection:
        assert connection.execute(receipts.select()).one().asked_by == "grace@example.com"


@pytest.mark.parametrize(
    ("stops", "let_it_go_on"),
    [
        ("alan", {"alan", "grace", "helen", "operator"}),
        ("grace", {"grace", "helen", "operator"}),
        ("helen", {"helen", "operator"}),  # an operator who is known by address
        ("operator", {"helen", "operator"}),
    ],
)
def test_who_may_take_a_stop_back(
    pages: Pages, linked: str, engine: Engine, stops: str, let_it_go_on: set[str]
) -> None:
    operator = pages.operator()
    people = {
        "alan": invited(pages, operator, linked, "alan@example.com"),
        "ada": invited(pages, operator, linked, "ada@example.com"),
        "grace": linker(pages, linked, "grace@example.com"),
        "helen": signed_in(pages, Person("helen@example.com", operator=True)),
        "operator": operator,
    }
    for name, browser in people.items():
        assert people[stops].post(f"/requests/{linked}/unlink/stop").status_code == 200
        offered = "Keep the link: read on" in browser.get(f"/requests/{linked}/unlink").text
        answer = browser.post(f"/requests/{linked}/unlink/go-on")
        assert offered == (answer.status_code == 200) == link_of(engine, linked).waits_for_role
        assert offered == (name in let_it_go_on), name


def test_strangers_and_other_sites_get_nowhere(pages: Pages, linked: str, engine: Engine) -> None:
    stranger, operator = pages.visitor(), pages.operator()
    for act in ("stop", "keep", "go-on", "delete"):
        assert stranger.post(f"/requests/{linked}/unlink/{act}").status_code == 403
        assert operator.get(f"/requests/{linked}/unlink/{act}").status_code == 405
        elsewhere = operator.post(f"/requests/{linked}/unlink/{act}", headers={"Sec-Fetch-Site": "cross-site"})
        assert elsewhere.status_code == 403
    assert stranger.get(f"/requests/{linked}/unlink").status_code == 403
    assert link_of(engine, linked).state is LinkState.ACTIVE


def test_what_is_not_linked_cannot_be_unlinked(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    assert browser.get(f"/requests/{request_id}/unlink").status_code == 404
    assert browser.post(f"/requests/{request_id}/unlink/stop").status_code == 404


def test_the_page_needs_nothing_inline_in_any_state(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    for act in ("", "stop", "keep"):
        if act:
            browser.post(f"/requests/{linked}/unlink/{act}")
        page = browser.get(f"/requests/{linked}/unlink").text
        assert not re.search(r"<[^>]+ (style|on\w+)=", page)
        assert page.count("<h1>") == 1
        names = re.findall(r'<input id="(\w+)" name="\1"', page)
        assert names == re.findall(r'<label for="(\w+)">', page)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM deletion_receipts")).scalar_one() == 0


def test_a_role_that_is_gone_leads_to_the_choice(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    with engine.begin() as connection:
        links.pause(connection, link_of(engine, linked).id, "The role no longer lets staxpipe in.")
    assert "Say what becomes of the data" in words(browser.get(f"/requests/{linked}"))
    assert "Stop reading this account" in words(browser.get(f"/requests/{linked}/unlink"))


def test_of_a_link_that_has_ended_no_month_is_on_its_way(pages: Pages, linked: str, engine: Engine) -> None:
    browser = pages.operator()
    with engine.begin() as connection:
        export = connection.execute(text("SELECT id FROM exports")).scalar_one()
        add_delivery(connection, export, "2026-12", DeliveryState.DISCOVERED)
    assert "December 2026" in words(browser.get(f"/requests/{linked}"))
    browser.post(f"/requests/{linked}/unlink/keep")
    said = words(browser.get(f"/requests/{linked}"))
    assert "October 2026" in said
    assert "December 2026" not in said
    assert "What became of the data" in said
