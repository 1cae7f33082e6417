"""What a discovery document must say, and the sentence for each that does not."""

from __future__ import annotations

import pytest

from staxpipe.errors import PermanentError
from staxpipe.oidc.discovery import read_metadata

ISSUER = "https://login.example.com/team"
DOCUMENT: dict[str, object] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://login.example.com/authorize",
    "token_endpoint": "https://login.example.com/token",
    "jwks_uri": "https://keys.example.com/jwks",
    "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
}


def test_only_signatures_by_a_key_that_is_the_providers_alone_are_taken() -> None:
    metadata = read_metadata(DOCUMENT, ISSUER)
    assert metadata.algorithms == ("RS256", "ES256")
    assert metadata.token_auth_method == "client_secret_basic"
    assert (metadata.userinfo_endpoint, metadata.end_session_endpoint, metadata.names_itself) == (None, None, False)


def test_the_client_is_known_as_the_provider_wants_it() -> None:
    given = DOCUMENT | {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]}
    assert read_metadata(given, ISSUER).token_auth_method == "client_secret_post"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://evil.example.com"}, "says that it is the issuer https://evil.example.com"),
        ({"issuer": f"{ISSUER}/"}, "a slash at its end included"),
        ({"issuer": None}, "of no readable name"),
        ({"jwks_uri": None}, "has no `jwks_uri`"),
        ({"token_endpoint": "http://login.example.com/token"}, "`token_endpoint` in .* is not an https:// address"),
        ({"end_session_endpoint": "javascript:alert(1)"}, "`end_session_endpoint` in .* is not an https:// address"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "no way of signing"),
        ({"id_token_signing_alg_values_supported": None}, "no way of signing"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "takes no client secret"),
    ],
)
def test_what_is_wrong_is_a_sentence(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        read_metadata(DOCUMENT | changes, ISSUER)


@pytest.mark.parametrize("document", [None, [], "issuer"])
def test_what_is_no_document_is_a_sentence(document: object) -> None:
    with pytest.raises(PermanentError, match="STAXPIPE_OIDC_ISSUER"):
        read_metadata(document, ISSUER)
