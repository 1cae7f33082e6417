"""What a token says of itself: so that a program can try it before it does anything."""

from __future__ import annotations

from fastapi import APIRouter

from staxpipe.db.api_tokens import Scope
from staxpipe.onboarding.api.answered import TokenOut
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.problems import documented

router = APIRouter(tags=["token"])


@router.get("/token", summary="Try the token", response_description="It works.", responses=documented())
def read_token(visit: TokenVisit) -> TokenOut:
    """What the token that you sent opens, and until when. Its secret is not in it."""
    token = visit.token
    if token is None:
        raise AssertionError("a program's visit has no token")
    return TokenOut(
        id=token.id,
        name=token.name,
        scope=token.scope,
        acts_for=token.acts_for if token.scope is Scope.LINKER else None,
        expires_at=token.expires_at,
    )
