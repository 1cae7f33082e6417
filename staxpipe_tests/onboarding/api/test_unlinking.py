"""A program ends a link: with its data kept, or deleted and proved by a receipt; and nothing by a slip."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import audit_log, deletion_receipts, probes
from staxpipe.unlinking.scope import Scope
from staxpipe_tests.onboarding.api.conftest import DETAILS, REQUESTS, Pages, begun, problem, program
from staxpipe_tests.onboarding.ledger import add_link

ACCOUNT = DETAILS["account_id"]


@pytest.fixture
def ada(pages: Pages) -> httpx.Client:
    return program(pages, "ada@example.com")


@pytest.fixture
def linked(pages: Pages, ada: httpx.Client) -> str:
    """Where a request is that Ada's program began, and that is linked."""
    request_id = begun(ada)
    with pages.engine.begin() as connection:
        assert probes.mark_linked(connection, request_id, pages.clock.now)
        add_link(connection, request_id, pages.clock.now)
    return f"{REQUESTS}/{request_id}"


def end(client: httpx.Client, path: str, data: str, account: str = ACCOUNT) -> httpx.Response:
    return client.post(f"{path}/end", json={"data": data, "account_id": account})


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    """What happened to links, the first first."""
    with engine.connect() as connection:
        found = [entry for entry in audit_log.entries(connection) if entry.subject.startswith("link:")]
    return [(entry.actor, entry.action, entry.result) for entry in found[::-1]]


def test_before_there_is_a_link_there_is_nothing_to_end(ada: httpx.Client) -> None:
    path = f"{REQUESTS}/{begun(ada)}"
    problem(ada.get(f"{path}/link"), 409, "not-linked")
    assert "can be cancelled" in problem(end(ada, path, "keep"), 409, "not-linked")["detail"]


def test_what_was_loaded_is_kept_and_deleted_later_after_all(ada: httpx.Client, linked: str, engine: Engine) -> None:
    found = ada.get(f"{linked}/link").json()
    assert (found["stage"], found["state"], found["may_decide"], found["receipt"]) == ("linked", "active", True, None)
    ada.post(f"{linked}/pause")
    assert ada.get(f"{linked}/link").json()["stage"] == "stopped"
    for _ in range(2):
        kept = end(ada, linked, "keep")
        assert (kept.status_code, kept.json()["stage"], kept.json()["state"]) == (200, "kept", "ended")
    assert ada.get(linked).json()["stage"] == "ended"
    for _ in range(2):
        deleting = end(ada, linked, "delete")
        assert (deleting.status_code, deleting.json()["stage"]) == (200, "deleting")
    assert deleting.json()["receipt"]["asked_by"] == "ada@example.com"
    problem(end(ada, linked, "keep"), 409, "deletion-ordered")
    assert acts(engine) == [
        ("ada@example.com", "link.stopped", "done"),
        ("ada@example.com", "link.ended", "done"),
        ("ada@example.com", "data.deletion-ordered", "done"),
    ], "each once"


def test_the_receipt_is_the_proof(pages: Pages, ada: httpx.Client, linked: str, engine: Engine) -> None:
    asked = end(ada, linked, "delete").json()["receipt"]
    assert (asked["finished_at"], asked["deleted"], asked["sources"]) == (None, None, [])
    request_id = linked.rpartition("/")[2]
    scope = Scope("x", request_id, ACCOUNT, "2026-11-03", sources=("s3://acme/cur",), handed_over=("s3://acme/shared",))
    with engine.begin() as connection:
        number = asked["receipt"]
        deletion_receipts.put_scope(connection, number, scope.as_json(), {"rows": {"daily_costs_all": 18002}})
        deletion_receipts.add_found(connection, number, {"lake": {"rows": 1204, "bytes": 90_000}})
        left = {"rows": {"daily_costs_all": 0}, "lake": {"rows": 0, "bytes": 0}}
        deletion_receipts.finish(connection, number, left, pages.clock.now)
    found = ada.get(f"{linked}/link").json()
    assert found["stage"] == "deleted"
    assert found["receipt"]["deleted"] == {"rows": {"daily_costs_all": 18002}, "lake": {"rows": 1204, "bytes": 90_000}}
    assert found["receipt"]["remaining"] == left
    assert (found["receipt"]["sources"], found["receipt"]["not_deleted"]) == (["s3://acme/cur"], ["s3://acme/shared"])
    assert found["receipt"]["finished_at"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"data": "delete", "account_id": "123456789013"}, "another-account"),
        ({"data": "keep", "account_id": "123456789013"}, "another-account"),
        ({"data": "delete"}, "invalid"),
        ({"data": "drop", "account_id": ACCOUNT}, "invalid"),
        ({"account_id": ACCOUNT}, "invalid"),
        ({"data": "delete", "account_id": "1234-5678-9012"}, "invalid"),
    ],
)
def test_nothing_ends_by_a_slip(
    ada: httpx.Client, linked: str, engine: Engine, body: dict[str, str], code: str
) -> None:
    problem(ada.post(f"{linked}/end", json=body), 422 if code == "invalid" else 409, code)
    assert ada.get(f"{linked}/link").json()["stage"] == "linked"
    assert acts(engine) == []


def test_only_who_may_decide_ends_it(pages: Pages, ada: httpx.Client, linked: str, engine: Engine) -> None:
    grace = program(pages, "grace@example.com")
    problem(end(grace, linked, "delete"), 404, "not-found")
    problem(grace.get(f"{linked}/link"), 404, "not-found")
    assert ada.get(f"{linked}/link").json()["stage"] == "linked"
    assert end(program(pages), linked, "keep").json()["stage"] == "kept"
    assert acts(engine) == [("operator by token test", "link.ended", "done")]


def test_of_two_at_once_who_want_different_things_one_is_told(pages: Pages, ada: httpx.Client, linked: str) -> None:
    """What is kept may be deleted; what is being deleted cannot be kept."""
    operator = program(pages)
    with ThreadPoolExecutor(2) as pool:
        kept, deleted = pool.map(lambda ask: end(ask[0], linked, ask[1]), ((ada, "keep"), (operator, "delete")))
    assert deleted.status_code == 200
    assert kept.status_code in {200, 409}
    assert ada.get(f"{linked}/link").json()["stage"] == "deleting"
