"""What a browser asks for without a form changes nothing, and nobody is sent to another site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Engine, select

from staxpipe.db import probes
from staxpipe.db.tables import metadata
from staxpipe.onboarding.app import create_app
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, begin, begin_listening
from staxpipe_tests.onboarding.ledger import add_link
from staxpipe_tests.onboarding.test_access import invitation

COUNTERS = {"rate_limits"}  # that somebody asked is counted, whatever was asked


def paths(pages: Pages, method: str) -> list[str]:
    """Every path of the site that takes this method."""
    described = create_app(pages.settings, pages.engine).openapi()["paths"]
    return [path for path, methods in described.items() if method in methods]


def stored(engine: Engine) -> Mapping[str, Any]:
    """All that the database holds but counters."""
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in metadata.sorted_tables
            if table.name not in COUNTERS
        }


def test_asking_for_any_page_changes_nothing(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    draft, listening = begin(operator), begin_listening(operator)
    linked = begin_listening(operator, account_id="2222-3333-4444")
    with engine.begin() as connection:
        probes.mark_linked(connection, linked, pages.clock.now)
        add_link(connection, linked, pages.clock.now)
    tokens = (pages.sign_in_link(), invitation(pages, operator, draft))
    before = stored(engine)
    found = paths(pages, "get")
    assert len(found) >= 15
    answers = [
        operator.request(method, path.format(request_id=request_id, token=token.rsplit("/", 1)[1]))
        for path in found
        for request_id in (draft, listening, linked)
        for token in tokens
        for method in ("GET", "HEAD", "OPTIONS")
    ]
    not_found = {answer.url.path for answer in answers if answer.status_code == 404}
    assert not_found == {
        f"/requests/{not_linked}/unlink{part}" for not_linked in (draft, listening) for part in ("", "/status")
    }
    assert {answer.status_code for answer in answers} <= {200, 403, 404, 405}
    assert sum(answer.status_code == 200 for answer in answers) > len(found) * 2
    assert stored(engine) == before


def test_every_act_is_a_post_of_a_form(pages: Pages) -> None:
    described = create_app(pages.settings, pages.engine).openapi()["paths"]
    methods = {method for path in described.values() for method in path}
    assert methods <= {"get", "post"}
    assert set(paths(pages, "post")) >= {"/sign-out", "/requests", "/requests/{request_id}/cancel"}


@pytest.mark.parametrize("host", [None, "evil.example.com"])
def test_nobody_is_sent_to_another_site(pages: Pages, host: str | None) -> None:
    operator = pages.operator()
    listening = begin_listening(operator)
    places = []
    elsewhere = ["/requests/", "//evil.example.com", "/https://evil.example.com", "/%2f%2fevil.example.com", "/\\evil"]
    gets = [path.format(request_id=listening, token="x") for path in paths(pages, "get")]
    gets += elsewhere
    gets += [f"{path}?next={quote('https://evil.example.com')}" for path in gets]
    posts = [path.format(request_id=listening, token="x", invite_id="x", token_id="x") for path in paths(pages, "post")]
    posts.sort(key=lambda path: path == "/sign-out")  # last
    asked = [*(("GET", path) for path in gets), *(("POST", path) for path in posts)]
    for method, path in asked:
        answer = operator.request(
            method,
            f"{pages.url}{path}",
            data={**DETAILS, "next": "https://evil.example.com"} if method == "POST" else None,
            headers={"Host": host} if host else {},
            follow_redirects=False,
        )
        assert answer.status_code < 500
        if answer.is_redirect:
            places.append(answer.headers["location"])
        assert "evil.example.com" not in answer.headers.get("location", "")
    assert len(places) >= 5
    assert all(httpx.URL(place).is_relative_url and place.startswith("/") for place in places)
    assert not any(place.startswith(("//", "/\\")) for place in places)
