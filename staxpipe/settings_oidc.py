"""What the settings of signing in by OpenID Connect may say: single values, and what must go together. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

if TYPE_CHECKING:
    from staxpipe.settings import Settings

EVERYBODY = "*"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DOMAIN = re.compile(r"@[^@\s*]+\.[^@\s*]+")
_ADDRESS = re.compile(
    rf"[^@\s*]+{_DOMAIN.pattern}"
)  # `*@example.com` is nobody's, and whoever writes it means a domain


def is_safe_address(parts: SplitResult) -> bool:
    """Whether what is sent to an address stays between us and its owner: https, or http on this very machine."""
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _issuer(value: str | None) -> str | None:
    if value is not None:
        parts = urlsplit(value)
        if not is_safe_address(parts) or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be the provider's https:// address, as in https://login.example.com")
    return value


def _listed(value: object) -> object:
    """A variable's text holds a list by commas or spaces; staxpipe.toml may have a real one."""
    return tuple(part for part in re.split(r"[\s,]+", value) if part) if isinstance(value, str) else value


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_ADDRESS.fullmatch(value) for value in values):
        raise ValueError("must be mail addresses, parted by commas, as in ada@example.com, grace@example.com")
    return tuple(value.lower() for value in values)


def _addresses_or_domains(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(value == EVERYBODY or _ADDRESS.fullmatch(value) or _DOMAIN.fullmatch(value) for value in values):
        raise ValueError("must be mail addresses, domains as in @example.com, or * for everybody who can sign in")
    return tuple(value.lower() for value in values)


Issuer = Annotated[str | None, AfterValidator(_issuer)]
Addresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_addresses)]
AddressesOrDomains = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_addresses_or_domains)
]


def oidc_mistake(settings: Settings) -> str | None:
    """What does not go together, in one sentence; None where all is well."""
    needed = {
        "oidc_issuer": settings.oidc_issuer,
        "oidc_client_id": settings.oidc_client_id,
        "oidc_client_secret": settings.oidc_client_secret,
    }
    missing = [name for name, value in needed.items() if value is None]
    if len(missing) == len(needed):
        return None
    if missing:
        return f"{', '.join(needed)} go together; not set: {', '.join(missing)}"
    if not (settings.oidc_operators or settings.oidc_operator_group or settings.sign_in_links):
        return "oidc_operators or oidc_operator_group must say who is operator, or sign_in_links be on for one"
    if "openid" not in settings.oidc_scopes.split():
        return "oidc_scopes must have `openid` among them"
    if settings.oidc_email_claim != "email" and not settings.oidc_trust_addresses:
        return (
            "oidc_email_claim: only of `email` a provider says whether it was verified; to take another claim, set "
            "oidc_trust_addresses too"
        )
    return None
