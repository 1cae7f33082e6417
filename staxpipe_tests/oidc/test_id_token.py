"""ID tokens, good and bad, signed with real keys: only one that says all it must is taken."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from staxpipe.errors import PermanentError
from staxpipe.oidc.errors import OtherKeysError, UnprovedError
from staxpipe.oidc.id_token import LEEWAY, Expected, prove, signing_keys

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
OURS = RSAKey.generate_key(2048, {"kid": "1"})
CURVE = ECKey.generate_key("P-256", {"kid": "2"})
OTHER = RSAKey.generate_key(2048, {"kid": "1"})
PUBLISHED = {"keys": [OURS.as_dict(private=False), CURVE.as_dict(private=False)]}
EXPECTED = Expected("https://login.example.com", "staxpipe", "the-nonce", ("RS256", "ES256"))
CLAIMS: dict[str, object] = {
    "iss": "https://login.example.com",
    "aud": "staxpipe",
    "sub": "248289761001",
    "iat": SECONDS,
    "exp": SECONDS + 300,
    "nonce": "the-nonce",
    "email": "ada@example.com",
}


def signed(
    changes: dict[str, object] | None = None, key: RSAKey | ECKey = OURS, kid: str = "1", alg: str = "RS256"
) -> str:
    claims = {name: value for name, value in (CLAIMS | (changes or {})).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg])


def proved(token: str, now: datetime = NOW) -> object:
    return prove(token, signing_keys(PUBLISHED), EXPECTED, "the-access-token", now)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_genuine_token_is_taken_by_every_key_that_is_published() -> None:
    assert proved(signed()) == CLAIMS
    assert proved(signed(key=CURVE, kid="2", alg="ES256")) == CLAIMS
    assert proved(signed({"aud": ["staxpipe"]})) == CLAIMS | {"aud": ["staxpipe"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example.com"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": "another-client", "azp": "staxpipe"},
        {"aud": ["staxpipe", "another-client"]},
        {"aud": ["staxpipe", "another-client"], "azp": "another-client"},
        {"aud": None},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"sub": None},
        {"sub": 1},
        {"at_hash": "of-another-access-token"},
    ],
)
def test_a_token_that_is_not_for_us_or_not_of_this_sign_in_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UnprovedError) as caught:
        proved(signed(changes))
    assert caught.value.code == "bad-claims"


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    late = NOW + timedelta(seconds=300 + LEEWAY - 1)
    assert proved(signed(), late) == CLAIMS
    with pytest.raises(UnprovedError, match="proved genuine") as caught:
        proved(signed(), late + timedelta(seconds=2))
    assert "expired" in caught.value.why.lower()
    early: dict[str, object] = {"iat": SECONDS + LEEWAY, "nbf": SECONDS + LEEWAY}
    assert proved(signed(early)) == CLAIMS | early
    for claim in early:
        with pytest.raises(UnprovedError):
            proved(signed({claim: SECONDS + LEEWAY + 1}))


def test_what_is_not_signed_by_the_providers_key_is_refused() -> None:
    unsigned = f"{encoded({'alg': 'none', 'kid': '1'})}.{encoded(CLAIMS)}."
    public = json.dumps(OURS.as_dict(private=False)).encode()
    by_the_public_key = jwt.encode({"alg": "HS256", "kid": "1"}, CLAIMS, OctKey.import_key(public))
    head, body, signature = signed().split(".")
    changed = f"{head}.{encoded(CLAIMS | {'email': 'grace@example.com'})}.{signature}"
    for token in (
        unsigned,
        by_the_public_key,
        changed,
        signed(key=OTHER),
        f"{head}.{body}.",
        "",
        "x",
        "a.b.c",
        "é.é.é",
    ):
        with pytest.raises(UnprovedError) as caught:
            proved(token)
        assert caught.value.code == "bad-signature"
        assert "ada@example.com" not in caught.value.why


def test_an_algorithm_that_the_provider_does_not_use_is_refused() -> None:
    with pytest.raises(UnprovedError):
        proved(signed(alg="RS512"))


@pytest.mark.parametrize("kid", ["3", ""])
def test_a_key_that_is_not_known_is_told_apart(kid: str) -> None:
    for token in (signed(kid=kid), signed(key=OTHER)):
        with pytest.raises(OtherKeysError):
            proved(token)


def test_keys_for_something_else_and_published_secrets_are_left_out() -> None:
    for_something_else = {**OURS.as_dict(private=False), "use": "enc", "kid": "3"}
    secret = OctKey.generate_key(256, {"kid": "4"}).as_dict()
    keys = signing_keys({"keys": [for_something_else, secret, {"kty": "new"}, *PUBLISHED["keys"]]})
    assert [key.kid for key in keys] == ["1", "2"]


@pytest.mark.parametrize("document", [None, {}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "RSA"}]}, {"keys": [1]}])
def test_no_keys_are_a_sentence(document: object) -> None:
    with pytest.raises(PermanentError, match="publishes no keys"):
        signing_keys(document)
