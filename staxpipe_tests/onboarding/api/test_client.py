"""What `staxpipe link` makes of answers: those of staxpipe, of something else, and none."""

from __future__ import annotations

import httpx
import pytest

from staxpipe.errors import PermanentError, TransientError
from staxpipe.onboarding.api.client import Client, NotDoneError, key_for
from staxpipe_tests.onboarding.api.conftest import DETAILS


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
    with Client("https://costs.example.com", "sxp_x", transport) as client, pytest.raises(PermanentError, match="307"):
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
