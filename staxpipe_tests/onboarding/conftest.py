"""The real pages, served on a free port by the real server, with a clock that tests set; and a browser-like client."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser
from sqlalchemy import Engine

from staxpipe.db import link_requests, sign_in_links
from staxpipe.db.link_requests import LinkRequest
from staxpipe.onboarding.app import create_app
from staxpipe.onboarding.server import listen
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe.onboarding.site import Site
from staxpipe.settings import Settings
from staxpipe_tests.onboarding.chromium import CHROMIUM, chromium

OPERATOR_ROLE = "arn:aws:iam::999988887777:role/staxpipe"
DETAILS = {
    "account_id": "1234-5678-9012",
    "bucket": "acme-billing-reports",
    "prefix": "cur/reports",
    "region": "eu-west-1",
    "contact": "ada@example.com",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    if not CHROMIUM.exists():
        pytest.skip(f"Chromium is not at {CHROMIUM}")
    with chromium() as started:
        yield started


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Pages:
    """A running site and what tests need to look behind it."""

    url: str
    engine: Engine
    settings: Settings
    clock: Clock
    site: Site
    clients: list[httpx.Client] = field(default_factory=list)

    def visitor(self, **options: Any) -> httpx.Client:
        """A browser without any session, that follows redirects."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=30, **options)
        self.clients.append(client)
        return client

    def sign_in_link(self, lifetime: timedelta = timedelta(minutes=15)) -> str:
        with self.engine.begin() as connection:
            return f"/sign-in/{sign_in_links.issue(connection, self.clock.now, lifetime)}"

    def operator(self) -> httpx.Client:
        """A browser that has signed in."""
        client = self.visitor()
        assert client.post(self.sign_in_link()).status_code == 200
        return client

    def operator_cookie(self) -> httpx.Client:
        """A browser with an operator's cookie, made without asking the database."""
        cookie = Signer(self.settings.signing_key()).session(Session(True), self.clock.now)
        return self.visitor(cookies={"staxpipe": cookie})

    def request(self, request_id: str) -> LinkRequest:
        with self.engine.begin() as connection:
            found = link_requests.get(connection, request_id)
        assert found is not None
        return found


Serve = Callable[..., Pages]


@contextmanager
def serving(database: Engine, home: Path, clock: Clock, **options: object) -> Iterator[Pages]:
    """A site on a free port, by the real server in a thread of this process; `options` are settings."""
    given = {"home": home, "web_port": 0, "operator_role_arn": OPERATOR_ROLE, "smtp_url": "smtp://127.0.0.1:1"}
    listener = listen(Settings(**given))  # type: ignore[arg-type]  # pydantic checks the types
    port = listener.getsockname()[1]
    settings = Settings(**{**given, "web_port": port, **options})
    app = create_app(settings, database, clock)
    config = uvicorn.Config(app, log_level="critical", access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pages = Pages(f"http://127.0.0.1:{port}", database, settings, clock, app.state.site)
    try:
        yield pages
    finally:
        for client in pages.clients:
            client.close()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def serve(engine: Engine, tmp_path: Path) -> Iterator[Serve]:
    """Starts sites with other settings than usual."""
    with ExitStack() as running:

        def start(database: Engine = engine, **options: object) -> Pages:
            return running.enter_context(serving(database, tmp_path, Clock(), **options))

        yield start


@pytest.fixture
def pages(serve: Serve) -> Pages:
    """A site with usual settings."""
    return serve()


def begin(operator: httpx.Client) -> str:
    """Begin a request as a person would, and return its id."""
    key = re.search(r'name="key" value="([^"]+)"', operator.get("/start").text)
    assert key is not None
    answer = operator.post("/requests", data={"key": key[1]})
    assert answer.status_code == 200
    return answer.url.path.split("/")[2]


def begin_listening(operator: httpx.Client, **changes: str) -> str:
    """Begin a request and fill in its details."""
    request_id = begin(operator)
    answer = operator.post(f"/requests/{request_id}/details", data={**DETAILS, **changes})
    assert answer.url.path == f"/requests/{request_id}/deploy"
    return request_id


def errors(answer: httpx.Response) -> dict[str, str]:
    """The sentences beside the fields of an answer, by field."""
    found = re.findall(r'<p class="error" id="([a-z_]+)-error">(.*?)</p>', answer.text)
    return {name: text.replace("&#39;", "'") for name, text in found}
