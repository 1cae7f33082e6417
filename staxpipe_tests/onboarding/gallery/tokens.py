"""Tokens by which programs use the API: none yet, many, a new one, and what cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from staxpipe.db import api_tokens
from staxpipe.db.api_tokens import Scope
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World, posted, sent
from staxpipe_tests.onboarding.gallery.team import PROVIDER

LIN = "lin@example.com"


def _tokens(world: World) -> Mapping[str, str]:
    """One of each standing; where there is no provider, none is suspended."""
    month = timedelta(days=30)
    for name, scope, acts_for, maker, age in (
        ("terraform for the acme-subsidiary-with-a-long-name accounts, production", Scope.LINKER, LIN, LIN, 60),
        ("ci", Scope.LINKER, LIN, "operator", 3),
        ("nightly check", Scope.OPERATOR, "operator", "ada@example.com", 2),
        ("laptop", Scope.OPERATOR, "operator", "operator", 1),
    ):
        then = world.now - timedelta(days=age)
        token, _ = api_tokens.issue(world.connection, name, scope, acts_for, maker, then, month)
        if name == "ci":
            api_tokens.revoke(world.connection, token.id, world.now)
        if name == "laptop":
            api_tokens.note_use(world.connection, token.id, world.now)
    return {}


TOKENS = (
    Scene("tokens-none", "/tokens"),
    Scene("tokens", "/tokens", _tokens),
    Scene("tokens-of-a-linker", "/tokens", _tokens, Who.LINKER, settings={**PROVIDER, "oidc_linkers": [LIN]}),
    Scene("tokens-mistakes", "/tokens", act=sent("Make a token", acts_for="nobody"), status=422),
    Scene("tokens-not-made", "/tokens", act=posted("", name="terraform prod", days="30", scope="operator"), status=422),
    Scene("token-made", "/tokens", act=sent("Make a token", name="terraform prod", acts_for=LIN)),
)
