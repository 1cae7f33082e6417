"""Signing in with a one-time link, and out.

Opening a link only shows a button: programs that scan mails open links too, and must not use them up.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from staxpipe.db import sign_in_links
from staxpipe.db.link_requests import OPERATOR
from staxpipe.onboarding.limits import FAILING, SIGNING_IN, Use
from staxpipe.onboarding.sessions import Session
from staxpipe.onboarding.site import AnyVisit, see_other

router = APIRouter()


@router.get("/sign-in/{token}")
def ask(visit: AnyVisit, token: str) -> Response:
    """The page with the button."""
    failing = Use(FAILING, visit.client)
    visit.spend(failing)
    with visit.transaction() as connection:
        usable = sign_in_links.is_usable(connection, token, visit.now)
    if usable:
        visit.give_back(failing)
    return visit.page("sign_in.html", {"token": token, "usable": usable}, 200 if usable else 403)


@router.post("/sign-in/{token}")
def sign_in(visit: AnyVisit, token: str) -> Response:
    """Use the link up and begin an operator's session."""
    failing = Use(FAILING, visit.client)
    visit.spend(Use(SIGNING_IN, visit.client), failing)
    with visit.transaction() as connection:
        redeemed = sign_in_links.redeem(connection, token, visit.now)
        result = "done" if redeemed else "refused"
        visit.record(connection, OPERATOR if redeemed else visit.who(connection), "signed-in", "session", result)
    if redeemed or visit.session.operator:
        visit.give_back(failing)
    if not redeemed and not visit.session.operator:
        return visit.page("sign_in.html", {"token": token, "usable": False}, 403)
    # A second click on the same button is somebody who is in already.
    response = see_other("/requests")
    return visit.keep(Session(True, visit.session.invite_ids), response) if redeemed else response


@router.post("/sign-out")
def sign_out(visit: AnyVisit) -> Response:
    """End the session: in this browser, and for whoever has a copy of its cookie."""
    if visit.session.signed_in:
        with visit.transaction() as connection:
            visit.record(connection, visit.who(connection), "signed-out", "session")
    return visit.keep(Session(), see_other("/"))
