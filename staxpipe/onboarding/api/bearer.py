"""Who asks: the token in the Authorization header, and nothing else. A browser's cookie opens nothing here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from staxpipe.db import api_tokens
from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.onboarding.api.problems import ProblemError
from staxpipe.onboarding.limits import FAILING_TOKENS, Use
from staxpipe.onboarding.sessions import Session
from staxpipe.onboarding.site import Site, Visit, source_of
from staxpipe.onboarding.tokens import standing

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="sxp_…",
    description="A token that the page Tokens or `staxpipe token create` made. With the scope `operator` it opens "
    "every request, with `linker` those that the person it acts for began.",
)
_CHALLENGE = 'Bearer realm="staxpipe"'
_ANOTHER = "Make another on the page Tokens, or by `staxpipe token create`."
_WORDS = {
    "unknown": f"This token is not known here. {_ANOTHER}",
    "expired": f"This token has expired. {_ANOTHER}",
    "revoked": f"This token was revoked. {_ANOTHER}",
    "suspended": "The person whose token this is may not sign in here any more. Ask whoever runs staxpipe.",
}


def _visit(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Visit:
    site: Site = request.app.state.site
    stranger = Visit(site, Session(), site.clock(), request.url.path, source_of(request, site))
    if shown is None:
        raise ProblemError(401, "token-missing", "", headers={"WWW-Authenticate": _CHALLENGE})
    with stranger.transaction() as connection:
        token = api_tokens.find(connection, shown.credentials)
        if token is not None and standing(token, site.settings, stranger.now) == "valid":
            api_tokens.note_use(connection, token.id, stranger.now)
            operator = token.scope is Scope.OPERATOR
            session = Session(operator, person=None if operator else token.acts_for)
            return Visit(site, session, stranger.now, stranger.path, stranger.source_ip, token=token)
    raise _refusal(stranger, token)


def _refusal(stranger: Visit, token: ApiToken | None) -> ProblemError:
    """Count, write down and tell that a token opens nothing. One that does is let in however many others failed:
    nobody can lock out a neighbour's programs.
    """
    stranger.spend(Use(FAILING_TOKENS, stranger.client))
    why = standing(token, stranger.site.settings, stranger.now) if token else "unknown"
    subject = f"token:{token.id}" if token else "token"
    stranger.note_refusal("token.shown", subject, {"why": why})
    headers = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
    return ProblemError(401, "token-invalid", _WORDS[why], headers=headers)


TokenVisit = Annotated[Visit, Depends(_visit)]
"""What an operation asks for."""
