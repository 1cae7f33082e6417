"""Inviting colleagues to go on with a request, and taking up an invitation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.db import invites, outbox
from staxpipe.db.invites import Invite
from staxpipe.db.link_requests import OPERATOR
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Errors, Invitation
from staxpipe.onboarding.limits import FAILING, INVITED, INVITING, INVITING_TO_REQUEST, SIGNING_IN, Use
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other

router = APIRouter()
INVITE_LIFETIME = timedelta(days=7)

Text = Annotated[str, Form()]


@router.get("/requests/{request_id}/invite")
def ask(visit: AnyVisit, request_id: str) -> Response:
    """The form, and who was invited already."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        name = "" if known.actor == OPERATOR else known.actor
        return _form(visit, connection, known, {"addresses": "", "note": "", "invited_by": name}, {})


@router.post("/requests/{request_id}/invite")
def invite(visit: AnyVisit, request_id: str, addresses: Text = "", note: Text = "", invited_by: Text = "") -> Response:
    """Invite: one row and one mail an address, however often the form is sent."""
    raw = {"addresses": addresses, "note": note, "invited_by": invited_by}
    checked = forms.check_invitation(raw)
    if isinstance(checked, Invitation):
        visit.spend(*_uses(visit, request_id, checked))
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)  # the lock makes the cap hold for two forms at once
        if isinstance(checked, Invitation):
            checked = _send(visit, connection, known, checked)
        if isinstance(checked, Errors):
            return _form(visit, connection, known, raw, checked.by_field)
    return see_other(f"/requests/{request_id}/invite#invited")


@router.get("/invite/{token}")
def open_invitation(visit: AnyVisit, token: str) -> Response:
    """What the invitation is about, with one button."""
    failing = Use(FAILING, visit.client)
    visit.spend(failing)
    with visit.transaction() as connection:
        invite = _read(visit, connection, token)
    if invite is not None:
        visit.give_back(failing)
    return visit.page("invitation.html", {"token": token, "invite": invite}, 200 if invite else 403)


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


def _uses(visit: Visit, request_id: str, asked: Invitation) -> list[Use]:
    """What sending these mails uses up; a colleague whose invitation is open gets none."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        invited = invites.of_request(connection, request_id)
    open_ones = {invite.email for invite in invited if invite.expires_at > visit.now}
    new = [address for address in asked.addresses if address not in open_ones]
    if not new:
        return []
    return [
        Use(INVITING, known.actor, len(new)),
        Use(INVITING_TO_REQUEST, request_id, len(new)),
        *(Use(INVITED, address.lower()) for address in new),
    ]


def _send(visit: Visit, connection: Connection, known: Known, asked: Invitation) -> Invitation | Errors:
    before = {invite.email for invite in invites.of_request(connection, known.request.id)}
    new = [address for address in asked.addresses if address not in before]
    left = max(forms.MOST_INVITES - len(before), 0)
    if len(new) > left:
        allowed = f"{left} more can be" if left else "no more can be"
        return Errors({"addresses": f"{len(before)} colleagues were invited to this request already; {allowed}."})
    for address in asked.addresses:
        invite = invites.invite(
            connection,
            known.request.id,
            address,
            asked.note,
            asked.invited_by,
            visit.now,
            visit.now + INVITE_LIFETIME,
        )
        if invite is None:
            continue
        payload = {
            "to": [invite.email],
            "invited_by": invite.invited_by,
            "note": invite.note,
            "url": _url(visit, invite),
            "expires_at": invite.expires_at.isoformat(),
        }
        outbox.enqueue(connection, f"invite:{invite.id}", "invite", payload)
        visit.record(connection, known.actor, "colleague.invited", known.subject, detail={"email": invite.email})
    return asked


def _form(
    visit: Visit, connection: Connection, known: Known, raw: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    invited = [
        (invite, _url(visit, invite) if known.actor == OPERATOR and invite.expires_at > visit.now else None)
        for invite in invites.of_request(connection, known.request.id)
    ]
    values = {
        "request": known.request,
        "raw": raw,
        "errors": errors,
        "invited": invited,
        "days": INVITE_LIFETIME.days,
        "most": forms.MOST_INVITES,
        "longest_note": forms.LONGEST_NOTE,
    }
    return visit.page("invite.html", values, 422 if errors else 200)


def _url(visit: Visit, invite: Invite) -> str:
    return f"{visit.site.settings.base_url}/invite/{visit.site.signer.invite(invite.id, invite.expires_at)}"
