"""Tokens by which programs use the API: made, shown once, listed, revoked. `staxpipe token` does the same.

A token outlasts the session that makes it, so only who has signed in of late makes one: an old cookie that was copied
does not become something that lasts. (A provider may let somebody in again without asking for a password.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query
from starlette.responses import Response

from staxpipe.db import api_tokens, ended_sessions
from staxpipe.onboarding.forms import LONGEST_NAME, Errors
from staxpipe.onboarding.limits import MAKING_TOKENS, Use
from staxpipe.onboarding.sessions import BEGIN_LIFETIME
from staxpipe.onboarding.site import BeginnerVisit, NotTheirsError, Visit, see_other
from staxpipe.onboarding.tokens import DAYS, check, described, standing

router = APIRouter()
_ON_A_PAGE = 50
_LAST_PAGE = 10_000
_ID = re.compile(r"[a-z0-9]{8}")
_EMPTY = {"name": "", "days": "30", "scope": "", "acts_for": ""}

Text = Annotated[str, Form()]


@router.get("/tokens")
def tokens(visit: BeginnerVisit, page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1) -> Response:
    """A linker's own tokens or, for an operator, all, the newest first; and the form that makes another."""
    return _list(visit, page=page)


@router.post("/tokens")
def make(
    visit: BeginnerVisit, key: Text = "", name: Text = "", days: Text = "", scope: Text = "", acts_for: Text = ""
) -> Response:
    """Make a token, once for each form that was shown, and show it, which is the only time."""
    if not visit.session.began_lately(visit.now):
        return _list(visit, status=403)
    raw = {"name": name, "days": days, "scope": scope, "acts_for": acts_for}
    wish = check(raw, visit.only_of, visit.site.settings)
    if isinstance(wish, Errors):
        return _list(visit, raw, wish.by_field, status=422)
    form = visit.site.signer.read_begin(key, visit.now)
    if form is None:
        return _list(visit, raw, notice="This form was open for too long. Nothing was made: send it again.", status=422)
    visit.spend(Use(MAKING_TOKENS, visit.name))
    with visit.transaction() as connection:
        is_first = ended_sessions.end(connection, f"token:{form}", visit.now, visit.now + BEGIN_LIFETIME)
        if is_first:
            wanted = (wish.name, wish.scope, wish.acts_for, visit.name, visit.now, wish.lifetime)
            made, secret = api_tokens.issue(connection, *wanted)
            visit.record(connection, visit.name, "token.made", f"token:{made.id}", detail=described(made))
    if not is_first:
        notice = (
            "This form was sent twice and made one token, which was shown to the first. If you did not see it, revoke "
            "it and make another."
        )
        return _list(visit, notice=notice, status=409)
    return visit.page("token_made.html", {"token": made, "secret": secret})


@router.post("/tokens/{token_id}/revoke")
def revoke(visit: BeginnerVisit, token_id: str) -> Response:
    """End a token at once: an operator any, a linker their own."""
    if not _ID.fullmatch(token_id):
        raise HTTPException(404)
    with visit.transaction() as connection:
        token = api_tokens.get(connection, token_id)
        if token is None or visit.only_of not in {None, token.holder}:
            raise NotTheirsError(visit, "token.revoked", f"token:{token_id}")
        if api_tokens.revoke(connection, token_id, visit.now) is not None:
            visit.record(connection, visit.name, "token.revoked", f"token:{token_id}", detail=described(token))
    return see_other("/tokens")


def _list(
    visit: Visit,
    raw: Mapping[str, str] = _EMPTY,
    errors: Mapping[str, str] | None = None,
    notice: str = "",
    page: int = 1,
    status: int = 200,
) -> Response:
    with visit.transaction() as connection:
        # One more than is shown tells whether there are more.
        found = api_tokens.newest(connection, _ON_A_PAGE + 1, (page - 1) * _ON_A_PAGE, visit.only_of)
    values = {
        "tokens": [(token, standing(token, visit.site.settings, visit.now)) for token in found[:_ON_A_PAGE]],
        "newer": page - 1,
        "older": page + 1 if len(found) > _ON_A_PAGE else 0,
        "may_make": visit.session.began_lately(visit.now),
        "key": visit.site.signer.begin(visit.now),
        "raw": raw,
        "errors": errors or {},
        "notice": notice,
        "days": DAYS,
        "longest_name": LONGEST_NAME,
    }
    return visit.page("tokens.html", values, status)
