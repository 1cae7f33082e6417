"""One sign-in at the provider, from the click on the button to the way back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """A sign-in that was begun in one browser: what its answer must show, and where the person wanted to go.

    `state` comes back with the browser, `nonce` inside the ID token, and `verifier` (PKCE) goes to the provider's token
    endpoint only.
    """

    state: str
    nonce: str
    verifier: str
    then: str = ""

    @classmethod
    def new(cls, then: str = "") -> Attempt:
        """One of its own, which nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), then)
