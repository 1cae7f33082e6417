"""Providers that are down, wrongly set up or say something else than they should: each is a sentence of its own kind.

They are served by a small server that answers what a test says; a provider that does what it should is in
`staxpipe_tests/onboarding/test_oidc.py`.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from pydantic import SecretStr

from staxpipe.errors import PermanentError, StaxpipeError, TransientError
from staxpipe.oidc.attempt import Attempt
from staxpipe.oidc.errors import SignInRefusedError, UnprovedError
from staxpipe.oidc.provider import Provider
from staxpipe.settings import Settings

BACK = "https://cost.example.com/oidc/callback"
DISCOVERY = "/.well-known/openid-configuration"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Odd:
    """Answers by path: a status and what is said, as JSON or as it is."""

    port: int = 0
    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        self.asked.append((path, body, environ.get("HTTP_AUTHORIZATION", "")))
        status, said = self.answers.get(path, (404, "not here"))
        start(f"{status} So", [("Content-Type", "application/json")])
        return [said.encode() if isinstance(said, str) else json.dumps(said).encode()]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, **more: object) -> None:
        """A discovery document that is whole, but for `more`."""
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        self.answers = {DISCOVERY: (200, document | more)}
        self.asked.clear()

    def provider(self, client_id: str = "staxpipe", secret: str = "hunter2") -> Provider:
        settings = Settings(  # type: ignore[call-arg]  # the rest has defaults
            oidc_issuer=self.issuer,
            oidc_client_id=client_id,
            oidc_client_secret=SecretStr(secret),
            sign_in_links=True,
        )
        return Provider(settings)

    def claims(self, named: str | None = None) -> object:
        return self.provider().claims(Attempt.new(), "the-code", named, BACK, datetime.now(UTC))


@pytest.fixture(scope="module")
def odd() -> Iterator[Odd]:
    odd = Odd()
    with make_server("127.0.0.1", 0, odd, handler_class=Quiet) as server:
        odd.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield odd
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((404, "not here"), PermanentError, "status 404. Look at STAXPIPE_OIDC_ISSUER"),
        ((302, ""), PermanentError, "status 302"),
        ((429, ""), TransientError, "status 429"),
        ((503, ""), TransientError, "status 503"),
        ((200, "<html>"), PermanentError, "holds no JSON"),
        ((200, []), PermanentError, "is no discovery document"),
    ],
)
def test_a_discovery_document_that_cannot_be_had(
    odd: Odd, answer: tuple[int, object], kind: type[StaxpipeError], words: str
) -> None:
    odd.answers = {DISCOVERY: answer}
    with pytest.raises(kind) as caught:
        odd.provider().sign_in_address(Attempt.new(), BACK)
    assert words in str(caught.value)
    assert odd.provider().sign_out_address(BACK) is None


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((400, {"error": "invalid_grant"}), SignInRefusedError, "used already, or took too long"),
        ((401, {"error": "invalid_client"}), PermanentError, "refuses staxpipe itself (invalid_client)"),
        ((400, {"error": "unsupported_grant_type"}), PermanentError, "(unsupported_grant_type)"),
        ((400, {"error": "<b>\nno"}), PermanentError, "(no reason)"),
        ((400, ["?"]), PermanentError, "(no reason)"),
        ((400, "<html>"), PermanentError, "(no reason)"),
        ((502, "<html>"), TransientError, "status 502"),
        ((200, "<html>"), PermanentError, "(no reason)"),
        ((200, {"error": "invalid_grant"}), SignInRefusedError, "used already"),
        ((200, {"access_token": "a", "token_type": "Bearer"}), PermanentError, "gave no ID token"),
        (
            (200, {"access_token": "a", "token_type": "Bearer", "id_token": "x.y.z"}),
            PermanentError,
            "publishes no keys",
        ),
    ],
)
def test_a_code_that_cannot_be_exchanged(
    odd: Odd, answer: tuple[int, object], kind: type[StaxpipeError], words: str
) -> None:
    odd.says()
    odd.answers |= {"/token": answer, "/jwks": (200, {"keys": []})}
    with pytest.raises(kind) as caught:
        odd.claims()
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_odd_id_and_secret_arrive_as_they_are(odd: Odd) -> None:
    """RFC 6749, 2.3.1: both are encoded as in a form, before Basic puts a colon between them."""
    client_id, secret = "https://cost.example.com", "p%41ss:+ wörd€"
    for method in ("client_secret_basic", "client_secret_post"):
        odd.says(token_endpoint_auth_methods_supported=[method])
        odd.answers |= {"/token": (400, {"error": "invalid_grant"})}
        with pytest.raises(SignInRefusedError):
            odd.provider(client_id, secret).claims(Attempt.new(), "the-code", None, BACK, datetime.now(UTC))
        _, body, authorization = odd.asked[-1]
        if method == "client_secret_post":
            form = parse_qs(body)
            assert (form["client_id"], form["client_secret"]) == ([client_id], [secret])
        else:
            given = base64.b64decode(authorization.removeprefix("Basic ")).decode("ascii").split(":")
            assert [unquote_plus(part) for part in given] == [client_id, secret]


def test_a_secret_goes_where_the_provider_wants_it(odd: Odd) -> None:
    for methods, in_body in ((["client_secret_basic"], False), (["client_secret_post"], True)):
        odd.says(token_endpoint_auth_methods_supported=methods)
        with pytest.raises(PermanentError):
            odd.claims()
        (body, authorization) = next((body, who) for path, body, who in odd.asked if path == "/token")
        assert ("hunter2" in body) is in_body
        assert authorization.startswith("Basic ") is not in_body
        assert parse_qs(body)["grant_type"] == ["authorization_code"]


def test_an_answer_of_another_issuer_is_not_exchanged(odd: Odd) -> None:
    odd.says(authorization_response_iss_parameter_supported=True)
    for named in (None, "https://evil.example.com"):
        with pytest.raises(UnprovedError) as caught:
            odd.claims(named)
        assert caught.value.code == "other-issuer"
    assert "/token" not in [path for path, _, _ in odd.asked]


def test_nobody_there(odd: Odd) -> None:
    odd.says(token_endpoint="http://127.0.0.1:1/token")
    with pytest.raises(TransientError, match=r"does not answer at http://127\.0\.0\.1:1/token"):
        odd.claims()
