"""What a provider says of itself in its discovery document, checked. Pure; fetching it is `provider`'s.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from staxpipe.errors import PermanentError
from staxpipe.settings_oidc import is_safe_address

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that we take: by a key that only the provider has. Not `none`, and none with a shared secret."""


@dataclass(frozen=True)
class Metadata:
    """A provider's addresses, and how it wants to be asked."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    token_auth_method: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    names_itself: bool = False
    """Whether it puts its issuer into the address that leads back to us (RFC 9207)."""


def document_address(issuer: str) -> str:
    """Where an issuer's discovery document is."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def read_metadata(document: object, issuer: str) -> Metadata:
    """Check a discovery document.

    Raises:
        PermanentError: it is none, is another issuer's, or lacks what we need.
    """
    where = document_address(issuer)
    if not isinstance(document, Mapping):
        raise PermanentError(f"{where} is no discovery document. Look at STAXPIPE_OIDC_ISSUER.")
    named = document.get("issuer")
    if named != issuer:
        raise PermanentError(
            f"{where} says that it is the issuer {_shown(named)}. STAXPIPE_OIDC_ISSUER must be exactly the provider's "
            "own word, a slash at its end included."
        )
    signed_with = _names(document, "id_token_signing_alg_values_supported")
    algorithms = tuple(name for name in ALGORITHMS if name in signed_with)
    if not algorithms:
        raise PermanentError(
            f"{where} offers no way of signing ID tokens that staxpipe takes. Have the provider sign with one of "
            f"{', '.join(ALGORITHMS)}."
        )
    methods = _names(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",)
    method = next((name for name in ("client_secret_basic", "client_secret_post") if name in methods), None)
    if method is None:
        raise PermanentError(
            f"{where} takes no client secret at its token endpoint. Register staxpipe there as a web application that "
            "has one."
        )
    return Metadata(
        authorization_endpoint=_needed(document, "authorization_endpoint", where),
        token_endpoint=_needed(document, "token_endpoint", where),
        jwks_uri=_needed(document, "jwks_uri", where),
        algorithms=algorithms,
        token_auth_method=method,
        userinfo_endpoint=_address(document, "userinfo_endpoint", where),
        end_session_endpoint=_address(document, "end_session_endpoint", where),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _names(document: Mapping[str, object], field: str) -> tuple[str, ...]:
    value = document.get(field)
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _needed(document: Mapping[str, object], field: str, where: str) -> str:
    address = _address(document, field, where)
    if address is None:
        raise PermanentError(f"{where} has no `{field}`: it is no provider's discovery document, or not a whole one.")
    return address


def _address(document: Mapping[str, object], field: str, where: str) -> str | None:
    value = document.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or not is_safe_address(urlsplit(value)):
        raise PermanentError(
            f"`{field}` in {where} is not an https:// address. Secrets and codes go there only by TLS."
        )
    return value


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 200 else "of no readable name"
