"""Programs that use the API of the real pages, each with a token of its own."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, cast

import httpx
from starlette.routing import compile_path

from staxpipe.db import api_tokens
from staxpipe.db.api_tokens import Scope
from staxpipe.onboarding.api.answers import PATH
from staxpipe.onboarding.api.app import create_api
from staxpipe.onboarding.people import rules
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe.onboarding.site import Site
from staxpipe_tests.onboarding.conftest import Pages, Serve

__all__ = ["Pages", "Serve"]

REQUESTS = "/api/v1/requests"
DETAILS: dict[str, str] = {
    "account_id": "123456789012",
    "bucket": "acme-billing-reports",
    "prefix": "cur/reports",
    "region": "eu-west-1",
}


def token(pages: Pages, acts_for: str = "operator", lifetime: timedelta = timedelta(days=1)) -> str:
    """What a program shows: an operator's, or a linker's."""
    scope = Scope.OPERATOR if acts_for == "operator" else Scope.LINKER
    with pages.engine.begin() as connection:
        return api_tokens.issue(connection, "test", scope, acts_for, "operator", pages.clock.now, lifetime)[1]


def program(pages: Pages, acts_for: str = "operator") -> httpx.Client:
    """A program with a token of its own."""
    return pages.visitor(headers={"Authorization": f"Bearer {token(pages, acts_for)}"})


def person(pages: Pages, address: str) -> httpx.Client:
    """A browser of somebody who signed in at the team's provider, as a linker."""
    session = Session(person=address, rules=rules(pages.settings))
    cookie = Signer(pages.settings.signing_key()).session(session, pages.clock.now)
    return pages.visitor(cookies={"staxpipe": cookie})


def begin(client: httpx.Client, key: str = "first", **details: str | None) -> httpx.Response:
    """Begin a request with details."""
    body = {"details": {**DETAILS, **details}}
    return client.post(REQUESTS, json=body, headers={"Idempotency-Key": key})


def begun(client: httpx.Client, key: str = "first", **details: str | None) -> str:
    """Begin a request and give its id."""
    answer = begin(client, key, **details)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that an answer must be; the description must say that this operation may answer it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["detail"].endswith("."), "a sentence"
    operation = operation_of(answer.request)
    if operation is not None:
        assert code in operation["responses"][str(status)]["content"][answer.headers["content-type"]]["examples"]
    return found


@cache
def description() -> dict[str, Any]:
    """What the API says of itself."""
    return create_api(cast(Site, None)).openapi()  # no site is needed for that


def operation_of(request: httpx.Request) -> dict[str, Any] | None:
    """What is described of the operation that was asked for; None where there is none."""
    path = request.url.path.removeprefix(PATH)
    for known, methods in description()["paths"].items():
        if compile_path(known)[0].match(path):
            found: dict[str, Any] | None = methods.get(request.method.lower())
            return found
    return None
