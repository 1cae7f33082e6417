"""Who may do what, of those who sign in at a provider: from its claims and our settings to a person. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from staxpipe.oidc.errors import SignInRefusedError
from staxpipe.onboarding.forms import clean_contact
from staxpipe.onboarding.sessions import Session
from staxpipe.settings import Settings
from staxpipe.settings_oidc import EVERYBODY


@dataclass(frozen=True)
class Person:
    """Somebody whose address the provider vouches for: an operator, who sees everything, or a linker.

    `subject` is the provider's own, lasting name for the account (`sub`). Nothing is decided by it; the audit log has
    it, so that an address which changes hands is seen there.
    """

    address: str
    operator: bool
    subject: str = ""


class NotAllowedError(SignInRefusedError):
    """The provider vouches for somebody, and neither role is theirs. `address` is who that is."""

    def __init__(self, address: str) -> None:
        super().__init__(
            "not-allowed",
            f"You are {address} there, and neither that address nor a group of yours may use this staxpipe. Ask "
            "whoever runs it.",
        )
        self.address = address


def person(claims: Mapping[str, object], settings: Settings) -> Person:
    """Who that is to us.

    Raises:
        SignInRefusedError: the address is missing or not verified.
        NotAllowedError: neither role is theirs.
    """
    address = _address(claims, settings)
    subject = str(claims.get("sub", ""))
    groups = _groups(claims.get(settings.oidc_groups_claim))
    if address in settings.oidc_operators or settings.oidc_operator_group in groups:
        return Person(address, True, subject)
    if _is_among(address, settings.oidc_linkers) or settings.oidc_linker_group in groups:
        return Person(address, False, subject)
    raise NotAllowedError(address)


def may_come(address: str, settings: Settings, *, operator: bool) -> bool:
    """Whether the settings leave this person a way in, as operator or in either role: by their address, or by a group,
    of which only the provider knows who is in it.

    Without a provider nobody is an operator by name, and who else there is, the operator says.
    """
    if settings.oidc_issuer is None:
        return not operator
    if address in settings.oidc_operators or settings.oidc_operator_group is not None:
        return True
    return not operator and (_is_among(address, settings.oidc_linkers) or settings.oidc_linker_group is not None)


def still_let_in(session: Session, settings: Settings) -> bool:
    """Whether the settings are still those by which a session was begun: people at the provider by the rules for them,
    an operator without a name by a link. Invitations are looked up elsewhere.
    """
    if session.person is not None:
        return session.rules == rules(settings)
    return settings.links_sign_in or not session.operator


def rules(settings: Settings) -> str:
    """What stands for the settings that decide here. A session that was begun by others is over."""
    decisive = (
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_operators,
        settings.oidc_operator_group,
        settings.oidc_linkers,
        settings.oidc_linker_group,
        settings.oidc_email_claim,
        settings.oidc_groups_claim,
        settings.oidc_trust_addresses,
    )
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]


def _address(claims: Mapping[str, object], settings: Settings) -> str:
    name = settings.oidc_name
    claimed = claims.get(settings.oidc_email_claim)
    try:
        address = clean_contact(claimed).lower() if isinstance(claimed, str) else ""
    except ValueError:
        address = ""
    if not address or address != str(claimed).lower():  # not one that is taken out of a longer text
        raise SignInRefusedError(
            "no-address",
            f"{name} did not say what your mail address is. Whoever runs staxpipe can have it told (scope `email`).",
        )
    # Only of `email` does `email_verified` speak. Some providers write it as text.
    said = claims.get("email_verified")
    vouched = said is True or said == "true"
    verified = vouched and settings.oidc_email_claim == "email"
    if not verified and not (settings.oidc_trust_addresses and (vouched or said is None)):
        raise SignInRefusedError(
            "unverified-address",
            f"{name} has not verified that {address} is yours, so you cannot sign in by it. Verify it there first.",
        )
    return address


def _groups(claimed: object) -> frozenset[str | None]:
    """Groups as a provider tells them: a list of names, or one name. (None, an unset setting, is among no groups.)"""
    if isinstance(claimed, str):
        return frozenset({claimed})
    return frozenset(name for name in claimed if isinstance(name, str)) if isinstance(claimed, list) else frozenset()


def _is_among(address: str, allowed: tuple[str, ...]) -> bool:
    return any(one in {EVERYBODY, address, "@" + address.rpartition("@")[2]} for one in allowed)
