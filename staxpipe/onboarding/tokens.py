"""What a program's token is worth by the settings that hold now, and what the form that makes one may say. Pure; rows
are `staxpipe.db.api_tokens`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.db.link_requests import OPERATOR
from staxpipe.onboarding.forms import LONGEST_NAME, Errors, clean_contact, clean_name
from staxpipe.onboarding.people import may_come
from staxpipe.settings import Settings

DAYS = (7, 30, 90)
"""For how long a token may be made on the pages. A command makes longer ones: it is typed by who has the machine."""


@dataclass(frozen=True)
class Wish:
    """A token that somebody wants."""

    name: str
    scope: Scope
    acts_for: str
    lifetime: timedelta


def standing(token: ApiToken, settings: Settings, now: datetime) -> str:
    """``valid``, ``expired``, ``revoked`` or ``suspended``: the settings do not let its holder in any more. What they
    cannot tell, who is in a group at the provider, is found out when that person signs in (`pages.oidc`).
    """
    said = token.standing(now)
    if said != "valid" or token.holder is None:
        return said
    return "valid" if may_come(token.holder, settings, operator=token.scope is Scope.OPERATOR) else "suspended"


def described(token: ApiToken) -> dict[str, object]:
    """What the audit log says of a token beside its id."""
    return {
        "name": token.name,
        "scope": token.scope.value,
        "for": token.acts_for,
        "until": token.expires_at.isoformat(),
    }


def check(raw: Mapping[str, str], linker: str | None, settings: Settings) -> Wish | Errors:
    """Check the form: ``name``, ``days`` and, of an operator, ``scope`` and ``acts_for``.

    Args:
        raw: the fields as they were sent.
        linker: whose token it is without being asked; None where an operator says so.
        settings: they say who may sign in.
    """
    errors: dict[str, str] = {}
    name, days = raw["name"], raw["days"]
    try:
        name = clean_label(name)
    except ValueError as wrong:
        errors["name"] = str(wrong)
    if days not in {str(known) for known in DAYS}:
        errors["days"] = "Choose for how long it works."
    scope, acts_for = (Scope.LINKER, linker) if linker is not None else _opens(raw, settings, errors)
    if errors or acts_for is None:
        return Errors(errors)
    return Wish(name, scope, acts_for, timedelta(days=int(days)))


def clean_label(text: str) -> str:
    """What a token is for, in its maker's words.

    Raises:
        ValueError: a sentence that says what to write.
    """
    try:
        return clean_name(text)
    except ValueError:
        raise ValueError(f"Say what the token is for, on one line of at most {LONGEST_NAME} characters.") from None


def clean_holder(text: str, settings: Settings) -> str:
    """Whose requests a linker's token opens: an address as people are known by who sign in at the provider.

    Raises:
        ValueError: a sentence that says what to write, or that this person may not sign in.
    """
    address = clean_contact(text).lower()
    if not address:
        raise ValueError("Write the mail address of the person whose requests it opens, as in ada@example.com.")
    if not may_come(address, settings, operator=False):
        raise ValueError(
            f"{address} may not sign in here, so the token would open nothing. STAXPIPE_OIDC_LINKERS says who may link "
            "accounts."
        )
    return address


def _opens(raw: Mapping[str, str], settings: Settings, errors: dict[str, str]) -> tuple[Scope, str | None]:
    scope, acts_for = raw["scope"], raw["acts_for"].strip()
    if scope == Scope.OPERATOR:
        if acts_for:
            errors["acts_for"] = (
                "A token that opens every request acts for nobody else. Leave this empty, or choose above."
            )
        return Scope.OPERATOR, OPERATOR
    if scope != Scope.LINKER:
        errors["scope"] = "Choose what it opens."
        return Scope.LINKER, None
    try:
        return Scope.LINKER, clean_holder(acts_for, settings)
    except ValueError as wrong:
        errors["acts_for"] = str(wrong)
        return Scope.LINKER, None
