"""Whose word is taken on where a request comes from."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import audit_log
from staxpipe.onboarding.client import client_address
from staxpipe_tests.onboarding.conftest import Serve

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, [], PEER),
        (0, ["203.0.113.9"], PEER),  # anybody can write the header
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the first one the client wrote itself
        (1, ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (2, ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (2, ["203.0.113.9"], PEER),  # it did not come through both
        (1, [], PEER),
        (1, [""], PEER),
        (1, ["unknown"], PEER),
        (1, ["203.0.113.9:4711"], "203.0.113.9"),
        (1, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, ["2001:DB8::1"], "2001:db8::1"),
        (1, ["203.0.113.9\t"], "203.0.113.9"),
        (1, ["203.0.113.9, <script>"], PEER),
        (1, ["999.0.0.1:1"], PEER),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(proxies: int, forwarded: list[str], client: str) -> None:
    assert client_address(PEER, forwarded, proxies) == client


def test_without_a_peer_there_is_no_client() -> None:
    assert client_address(None, ["203.0.113.9"], 0) is None


@pytest.mark.parametrize(("proxies", "client"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_the_audit_log_has_the_client_that_the_setting_says(
    serve: Serve, engine: Engine, proxies: int, client: str
) -> None:
    pages = serve(trusted_proxies=proxies)
    with httpx.Client(base_url=pages.url, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}) as browser:
        browser.post(pages.sign_in_link())
    with engine.connect() as connection:
        [signed_in] = audit_log.entries(connection, "session")
    assert signed_in.source_ip == client
