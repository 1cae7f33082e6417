"""Inviting colleagues to go on with a request, sending again, withdrawing, and taking up an invitation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.db import invites, link_requests
from staxpipe.db.invites import Invite
from staxpipe.db.link_requests import OPERATOR
from staxpipe.onboarding import forms, inviting
from staxpipe.onboarding.forms import Invitation
from staxpipe.onboarding.limits import FAILING, SIGNING_IN, Use
from staxpipe.onboarding.progress import read_progress
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()

Text = Annotated[str, Form()]


@router.get("/requests/{request_id}/invite")
def ask(visit: AnyVisit, request_id: str) -> Response:
    """The form, and who was invited already."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        return _form(visit, connection, known, _empty(known), {})


@router.post("/requests/{request_id}/invite")
def invite(visit: AnyVisit, request_id: str, addresses: Text = "", note: Text = "", invited_by: Text = "") -> Response:
    """Invite: one row and one mail an address, however often the form is sent."""
    raw = {"addresses": addresses, "note": note, "invited_by": invited_by}
    checked = forms.check_invitation(raw)
    refused = inviting.invite(visit, request_id, checked) if isinstance(checked, Invitation) else checked
    if refused is None:
        return see_other(f"/requests/{request_id}/invite#invited")
    with visit.transaction() as connection:
        return _form(visit, connection, visit.find(connection, request_id), raw, refused.by_field)


@router.post("/requests/{request_id}/invites/{invite_id}/resend")
def resend(visit: AnyVisit, request_id: str, invite_id: str) -> Response:
    """Send an invitation another time; from then on it works for its full time again."""
    refused = inviting.resend(visit, request_id, invite_id)
    if refused is None:
        return see_other(f"/requests/{request_id}/invite#invited")
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        return _form(visit, connection, known, _empty(known), {}, refused)


@router.post("/requests/{request_id}/invites/{invite_id}/withdraw")
def withdraw(visit: AnyVisit, request_id: str, invite_id: str) -> Response:
    """End an invitation at once."""
    withdrawn = inviting.withdraw(visit, request_id, invite_id)
    if not visit.session.operator and withdrawn is not None and withdrawn.id in visit.session.invite_ids:
        return see_other("/")  # people may end their own
    return see_other(f"/requests/{request_id}/invite#invited")


@router.get("/invite/{token}")
def open_invitation(visit: AnyVisit, token: str) -> Response:
    """What the invitation is about, with one button; who is in by it already goes on where the request stands."""
    failing = Use(FAILING, visit.client)
    visit.spend(failing)
    with visit.transaction() as connection:
        invite = _read(visit, connection, token)
        if invite is None:
            return visit.page("invitation.html", {"token": token, "invite": None}, 403)
        request = link_requests.get(connection, invite.request_id)
        if request is None:
            raise AssertionError("an invitation refers to a request that is not there")
        status = describe(request, read_progress(connection, request.id), visit.now)
    visit.give_back(failing)
    if invite.id in visit.session.invite_ids:
        return see_other(f"/requests/{invite.request_id}")
    return visit.page("invitation.html", {"token": token, "invite": invite, "request": request, "status": status})


@router.post("/invite/{token}")
def take_up(visit: AnyVisit, token: str) -> Response:
    """Begin a session that opens this one request."""
    failing = Use(FAILING, visit.client)
    visit.spend(Use(SIGNING_IN, visit.client), failing)
    with visit.transaction() as connection:
        invite = _read(visit, connection, token)
        if invite is None:
            visit.record(connection, "anonymous", "invitation.opened", "invitation", "refused")
        else:
            invites.mark_used(connection, invite.id, visit.now)
            visit.record(connection, invite.email, "invitation.opened", f"request:{invite.request_id}")
    if invite is None:
        return visit.page("invitation.html", {"token": token, "invite": None}, 403)
    visit.give_back(failing)
    return visit.keep(visit.session.with_invite(invite.id), see_other(f"/requests/{invite.request_id}"))


def _read(visit: Visit, connection: Connection, token: str) -> Invite | None:
    invite_id = visit.site.signer.read_invite(token, visit.now)
    return invites.get(connection, invite_id, visit.now) if invite_id else None


def _empty(known: Known) -> dict[str, str]:
    return {"addresses": "", "note": "", "invited_by": "" if known.actor == OPERATOR else known.actor}


def _form(
    visit: Visit,
    connection: Connection,
    known: Known,
    raw: Mapping[str, str],
    errors: Mapping[str, str],
    notice: str | None = None,
) -> Response:
    values = {
        "request": known.request,
        "raw": raw,
        "errors": errors,
        "notice": notice,
        "invited": inviting.standings(visit, connection, known, with_addresses=_hands_on(known)),
        "most": forms.MOST_INVITES,
        "longest_note": forms.LONGEST_NOTE,
    }
    return visit.page("invite.html", values, 422 if errors or notice else 200)


def _hands_on(known: Known) -> bool:
    """Only the operator sees invitations' addresses: with another's, one could act in another's name."""
    return known.operator
