"""Signing in at the team's provider: to it, back from it, and what is left to do after signing out.

The way back is a GET, since the protocol wants it so. It does something only where the browser shows that it began this
very sign-in (a signed cookie of a few minutes), and only once. The way there is a link and no form: the policy of our
pages holds forms, and what they are led on to, to this site.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from staxpipe.db import api_tokens, ended_sessions
from staxpipe.db.api_tokens import Scope
from staxpipe.db.audit_log import WE
from staxpipe.errors import StaxpipeError, TransientError
from staxpipe.oidc.attempt import Attempt
from staxpipe.oidc.errors import SignInRefusedError, UnprovedError
from staxpipe.onboarding.limits import ASKING_PROVIDER, FAILING, SIGNING_IN, Use
from staxpipe.onboarding.people import NotAllowedError, Person, person, rules
from staxpipe.onboarding.sessions import ATTEMPT_LIFETIME, Session
from staxpipe.onboarding.site import AnyVisit, Site, Visit, see_other
from staxpipe.onboarding.tokens import described

if TYPE_CHECKING:
    from staxpipe.oidc.provider import Provider

router = APIRouter(prefix="/oidc")
_log = logging.getLogger(__name__)

_NOT_BEGUN_HERE = "not-begun-here"
_LONGEST = 4096  # of what comes back; codes of some providers have a kilobyte and more
_PAGES = re.compile(r"/(?:start|activity|tokens|requests(?:/[A-Za-z0-9_-]{22}(?:/[a-z]+)?)?)")
"""Where somebody may have wanted to go: pages of ours, by a list, so that nobody can be sent anywhere else."""

Text = Annotated[str, Query(max_length=_LONGEST)]


@router.get("/begin")
def begin(visit: AnyVisit, then: str = "") -> Response:
    """Send the browser to the provider, and have it remember that it went."""
    visit.spend(Use(ASKING_PROVIDER, visit.client))
    attempt = Attempt.new(then if _PAGES.fullmatch(then) else "")
    try:
        address = _provider(visit.site).sign_in_address(attempt, _back(visit.site))
    except StaxpipeError as trouble:
        return _not_now(visit, trouble)
    response = RedirectResponse(address, status_code=303)
    visit.site.set_cookie(
        response, _cookie(visit.site), visit.site.signer.attempt(attempt, visit.now), ATTEMPT_LIFETIME
    )
    return response


@router.get("/callback")
def come_back(
    visit: AnyVisit, request: Request, state: Text = "", code: Text = "", error: Text = "", iss: Text | None = None
) -> Response:
    """Let in whom the provider vouches for, where they may use this staxpipe."""
    failing = Use(FAILING, visit.client)
    visit.spend(Use(SIGNING_IN, visit.client), failing)
    attempt = visit.site.signer.read_attempt(request.cookies.get(_cookie(visit.site)), visit.now)
    try:
        begun = _begun(visit, attempt, state)
        somebody = _ask(visit, begun, code, error, iss)
    except SignInRefusedError as refusal:
        response = _refuse(visit, refusal)
        if refusal.code == _NOT_BEGUN_HERE:
            return response  # the cookie, if there is one, is of another sign-in, which may go on
    except StaxpipeError as trouble:
        visit.give_back(failing)  # nobody tries anything by that
        response = _not_now(visit, trouble)
    else:
        visit.give_back(failing)
        response = _let_in(visit, somebody, begun.then)
    visit.site.set_cookie(response, _cookie(visit.site), None, timedelta())
    return response


@router.get("/signed-out")
def signed_out(visit: AnyVisit) -> Response:
    """Where signing out leads a person: their session at the provider goes on until they end it, too."""
    visit.spend(Use(ASKING_PROVIDER, visit.client))
    address = _provider(visit.site).sign_out_address(f"{visit.site.settings.base_url}/")
    return visit.page("oidc_signed_out.html", {"address": address})


def _begun(visit: Visit, attempt: Attempt | None, state: str) -> Attempt:
    """The sign-in that this browser began; from here on it is used up."""
    # Bytes, since what came may be no ASCII, which `compare_digest` wants of text.
    if attempt is None or not secrets.compare_digest(state.encode("utf-8", "replace"), attempt.state.encode()):
        raise SignInRefusedError(
            _NOT_BEGUN_HERE, "This sign-in was not begun in this browser, or took more than ten minutes."
        )
    with visit.transaction() as connection:
        is_first = ended_sessions.end(connection, f"oidc:{attempt.state}", visit.now, visit.now + ATTEMPT_LIFETIME)
    if not is_first:
        raise SignInRefusedError("used-before", "This sign-in was answered already. Each works once.")
    return attempt


def _ask(visit: Visit, attempt: Attempt, code: str, error: str, iss: str | None) -> Person:
    settings = visit.site.settings
    if error or not code:
        shown = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no reason"
        raise SignInRefusedError("provider-refused", f"{settings.oidc_name} did not sign you in ({shown}).")
    claims = _provider(visit.site).claims(attempt, code, iss, _back(visit.site), visit.now)
    return person(claims, settings)


def _let_in(visit: Visit, somebody: Person, then: str) -> Response:
    with visit.transaction() as connection:
        if not somebody.operator:
            _revoke_tokens(visit, connection, somebody.address, (Scope.OPERATOR,))
        role = "operator" if somebody.operator else "linker"
        detail = {"by": "oidc", "role": role, "sub": somebody.subject}
        visit.record(connection, somebody.address, "signed-in", "session", detail=detail)
    session = Session(somebody.operator, visit.session.invite_ids, somebody.address, rules(visit.site.settings))
    return visit.keep(session, see_other(then or "/requests"))


def _refuse(visit: Visit, refusal: SignInRefusedError) -> Response:
    why = refusal.why if isinstance(refusal, UnprovedError) else str(refusal)
    _log.warning("a sign-in at %s was refused: %s", visit.site.settings.oidc_issuer, why)
    detail = {"by": "oidc", "reason": refusal.code, "why": why}
    response = _failed(visit, "You were not signed in", str(refusal), detail, 403)
    if not isinstance(refusal, NotAllowedError):
        return response
    with visit.transaction() as connection:
        _revoke_tokens(visit, connection, refusal.address, tuple(Scope))
    return visit.keep(Session(), response) if visit.session.person == refusal.address else response


def _revoke_tokens(visit: Visit, connection: Connection, person: str, scopes: Collection[Scope]) -> None:
    """What the provider says of a person now holds for their programs, too: our settings do not know its groups."""
    for token in api_tokens.revoke_held_by(connection, person, scopes, visit.now):
        detail = {**described(token), "why": f"{person} has not this role any more"}
        visit.record(connection, WE, "token.revoked", f"token:{token.id}", detail=detail)


def _not_now(visit: Visit, trouble: StaxpipeError) -> Response:
    """The provider is down, or one of the two sides is wrongly set up: no fault of whoever tries."""
    name = visit.site.settings.oidc_name
    _log.error("nobody can sign in at %s: %s", visit.site.settings.oidc_issuer, trouble)
    detail = {"by": "oidc", "reason": str(trouble)}
    if isinstance(trouble, TransientError):
        text = "It does not answer. Please try again in a minute; whoever runs staxpipe finds the reason in its log."
        return _failed(visit, f"Signing in with {name} is not possible now", text, detail, 503)
    text = "It is not set up rightly. Whoever runs staxpipe finds in its log what to change."
    return _failed(visit, f"Signing in with {name} is not possible", text, detail, 500)


def _failed(visit: Visit, title: str, text: str, detail: Mapping[str, object], status: int) -> Response:
    visit.note_refusal("signed-in", "session", detail)
    return visit.page("oidc_failed.html", {"title": title, "text": text}, status)


def _provider(site: Site) -> Provider:
    if site.provider is None:
        raise HTTPException(404)
    return site.provider


def _back(site: Site) -> str:
    return f"{site.settings.base_url}/oidc/callback"


def _cookie(site: Site) -> str:
    return f"{site.cookie}-oidc"
