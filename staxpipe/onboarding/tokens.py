"""What a program's token is worth by the settings that hold now. Pure; rows are `staxpipe.db.api_tokens`'s."""

from __future__ import annotations

from datetime import datetime

from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.onboarding.people import may_come
from staxpipe.settings import Settings


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
