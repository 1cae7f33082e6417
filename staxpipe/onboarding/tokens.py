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
        name = clean_name(name)
    except ValueError:
        errors["name"] = f"Say what the token is for, on one line of at most {LONGEST_NAME} characters."
    if days not in {str(known) for known in DAYS}:
        errors["days"] = "Choose for how long it works."
    scope, acts_for = (Scope.LINKER, linker) if linker is not None else _opens(raw, settings, errors)
    if errors or acts_for is None:
        return Errors(errors)
    return Wish(name, scope, acts_for, timedelta(days=int(days)))


def _opens(raw: Mapping[str, str], settings: Settings, errors: dict[str, str]) -> tuple[Scope, str | None]:
    acts_for = raw["acts_for"].strip()
    if raw["scope"] == Scope.OPERATOR:
        if acts_for:
            errors["acts_for"] = (
                "A token that opens every request acts for nobody else. Leave this empty, or choose above."
            )
        return Scope.OPERATOR, OPERATOR
    if raw["scope"] != Scope.LINKER:
        errors["scope"] = "Choose what it opens."
        return Scope.LINKER, None
    try:
        acts_for = clean_contact(acts_for).lower()  # as people are known who sign in at the provider
    except ValueError as wrong:
        errors["acts_for"] = str(wrong)
        return Scope.LINKER, None
    if not acts_for:
        errors["acts_for"] = "Write the mail address of the person whose requests it opens."
    elif not may_come(acts_for, settings, operator=False):
        errors["acts_for"] = f"{acts_for} may not sign in here, so the token would open nothing."
    return Scope.LINKER, acts_for
