"""What `staxpipe link` makes of answers: those of staxpipe, of something else, and none."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from staxpipe.errors import PermanentError, TransientError
from staxpipe.onboarding.api.client import Client, NotDoneError, in_the_clear, key_for
from staxpipe_tests.notify.test_channels import home_made
from staxpipe_tests.onboarding.api.conftest import DETAILS

__all__ = ["home_made"]


def answering(status: int, **body: object) -> Client:
    """A client to which somebody else's server always says the same."""
    answer = httpx.Response(status, **body)  # type: ignore[arg-type]
    return Client("https://costs.example.com/", "sxp_x", httpx.MockTransport(lambda _: answer))


def test_another_server_is_told_from_ours() -> None:
    for status, body in ((200, {"text": "<html>"}), (200, {"json": [1]}), (404, {"text": "no"}), (302, {"text": ""})):
        with answering(status, **body) as client, pytest.raises(PermanentError, match="Is the address right"):
            client.read("x")


def test_no_redirect_takes_the_token_along() -> None:
    seen = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://evil.example.com/"})

    transport = httpx.MockTransport(elsewhere)
    with (
        Client("https://costs.example.com", "sxp_x", transport) as client,
        pytest.raises(PermanentError, match=r"to https://evil\.example\.com/"),
    ):
        client.read("x")
    assert seen == ["costs.example.com"]


def test_a_refusal_is_told_with_its_fields_and_what_may_pass_is_told_apart() -> None:
    refusal = {"detail": "That is wrong.", "code": "invalid", "errors": [{"field": "bucket", "detail": "No bucket."}]}
    with answering(422, json=refusal) as client, pytest.raises(NotDoneError) as caught:
        client.begin("key", DETAILS)
    assert (str(caught.value), caught.value.code) == ("That is wrong.\n  bucket: No bucket.", "invalid")
    for status in (429, 503):
        again = answering(status, json={**refusal, "errors": []})
        with again as client, pytest.raises(TransientError, match=r"That is wrong\."):
            client.read("x")


class Silent(BaseHTTPRequestHandler):
    """Somebody's server, that writes no log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that is not ours on a free port, which speaks TLS or does not."""
    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_certificate_that_nobody_vouches_for_gets_no_token(home_made: ssl.SSLContext) -> None:
    with (
        listening(home_made) as port,
        Client(f"https://127.0.0.1:{port}", "sxp_x") as client,
        pytest.raises(PermanentError, match=r"does not trust .self-signed certificate.*SSL_CERT_FILE"),
    ):
        client.read("x")


@pytest.mark.parametrize("here", ["127.0.0.1", "localhost"])
def test_no_proxy_gets_the_token_of_a_staxpipe_on_this_machine(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for written in (name, name.lower()):
            monkeypatch.setenv(written, "http://127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with (
        listening() as port,
        Client(f"http://{here}:{port}", "sxp_x") as client,
        pytest.raises(PermanentError, match="answered 501"),
    ):
        client.read("x")


def test_http_is_told_from_https() -> None:
    with (
        listening() as port,
        Client(f"https://127.0.0.1:{port}", "sxp_x") as client,
        pytest.raises(PermanentError, match=r"does not speak TLS as it should.*begin with http://"),
    ):
        client.read("x")


@pytest.mark.parametrize(
    "url", ["", "costs.example.com", "ftp://costs.example.com", "http://[::1", "https://x:99999", "https://x:p"]
)
def test_what_is_no_address_is_a_sentence(url: str) -> None:
    with pytest.raises(PermanentError, match="is no address of a staxpipe"):
        Client(url, "sxp_x")


def test_a_password_in_an_address_neither_takes_the_tokens_place_nor_is_shown() -> None:
    with pytest.raises(PermanentError, match="no user and no password") as caught:
        Client("https://ada:hunter2@costs.example.com", "sxp_x")
    assert "hunter2" not in str(caught.value)


def test_a_token_from_a_file_with_a_line_break_is_sent_without_it() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={})

    with Client("https://costs.example.com", "sxp_x\r\n", httpx.MockTransport(answer)) as client:
        client.read("x")
    assert seen == ["Bearer sxp_x"]


@pytest.mark.parametrize("token", ["sxp_secret\nX-Other: 1", "sxp_secret\x00", "sxp_secret é", "sxp_secret x", "", " "])
def test_what_can_be_no_token_is_told_without_showing_it(token: str) -> None:
    with pytest.raises(PermanentError, match="STAXPIPE_API_TOKEN is no token") as caught:
        Client("https://costs.example.com", token)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "readable"),
    [
        ("http://costs.example.com", True),
        ("HTTP://10.0.0.7:8600", True),
        ("https://costs.example.com", False),
        ("http://127.0.0.1:8600", False),
        ("http://localhost:8600", False),
        ("http://[::1]:8600", False),
    ],
)
def test_a_token_that_goes_without_tls_is_told(url: str, readable: bool) -> None:
    assert in_the_clear(url) is readable


def test_where_nobody_answers_in_time_it_says_so() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out", request=request)

    with (
        Client("https://costs.example.com", "sxp_x", httpx.MockTransport(silent)) as client,
        pytest.raises(TransientError, match="did not answer within 30 seconds"),
    ):
        client.read("x")


def test_where_nobody_listens_it_says_where() -> None:
    with Client("http://127.0.0.1:1", "sxp_x") as client, pytest.raises(TransientError, match=r"127\.0\.0\.1:1 cannot"):
        client.read("x")


def test_a_key_is_of_account_bucket_and_prefix() -> None:
    same = {**DETAILS, "region": "us-east-1", "contact": "ada@example.com"}
    assert key_for(DETAILS, 1) == key_for(same, 1)
    others = ({"bucket": "b"}, {"prefix": "p"}, {"account_id": "000000000001"})
    keys = {key_for({**DETAILS, **change}, 1) for change in others} | {key_for(DETAILS, 1), key_for(DETAILS, 2)}
    assert len(keys) == 5
    assert all(len(key) <= 200 for key in keys)
