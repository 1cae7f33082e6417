"""Inviting colleagues to go on with a request, again, and no more: within the limits, one row and one mail an address.

How an invitation stands is said in `invited`; its page, and what programs are told, is elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import HTTPException
from sqlalchemy import Connection

from staxpipe.db import invites, link_requests, outbox
from staxpipe.db.invites import MOST_MAILS, Invite
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Errors, Invitation
from staxpipe.onboarding.invited import Standing, may_withdraw, standing, why_not_again
from staxpipe.onboarding.limits import INVITED, INVITING, INVITING_TO_REQUEST, Use
from staxpipe.onboarding.site import Known, NotTheirsError, Visit


def invite(visit: Visit, request_id: str, asked: Invitation) -> Errors | None:
    """Invite these colleagues, however often it is asked; errors where it would be more than a request may have."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        errors = _too_many(connection, known, asked)
        uses_up = _new_ones(visit, connection, known, asked)
    if errors is not None:
        return errors  # before anything is used up
    visit.spend(*uses_up)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        # The lock makes the cap hold for two at once, also where they are of two accounts of one request.
        link_requests.get(connection, known.request.first_id, lock=True)
        errors = _too_many(connection, known, asked)
        if errors is None:
            _send(visit, connection, known, asked)
        return errors


def resend(visit: Visit, request_id: str, invite_id: str) -> str | None:
    """Send an invitation another time; from then on it works for its full time again. Why not, where nothing is sent.

    Raises:
        HTTPException: there is no such invitation to this request, or as `Visit.find` does.
    """
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        before = _of(connection, request_id, invite_id)
    if before.may_go_again(visit.now):  # else nothing is sent, and nothing used up
        visit.spend(*_uses(known, [before.email]))
    with visit.transaction() as connection:
        again = invites.send_again(connection, request_id, invite_id, visit.now, visit.now + invites.LIFETIME)
        if again is None:
            return why_not_again(before, visit.now)
        outbox.take_back(connection, before.mail_key)  # one that still waits would only come twice
        _mail(visit, connection, again)
        visit.record(connection, known.actor, "colleague.reminded", known.subject, detail={"email": again.email})
    return None


def withdraw(visit: Visit, request_id: str, invite_id: str) -> Invite | None:
    """End an invitation at once; None where it had ended.

    Raises:
        HTTPException: there is no such invitation to this request, or as `Visit.find` does.
        NotTheirsError: it is not this visitor's to end.
    """
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        if not may_withdraw(known.actor, known.operator, _of(connection, request_id, invite_id)):
            raise NotTheirsError(visit, "invitation.withdrawn", known.subject)
        withdrawn = invites.withdraw(connection, request_id, invite_id, visit.now)
        if withdrawn is not None:
            outbox.take_back(connection, withdrawn.mail_key)
            detail = {"email": withdrawn.email}
            visit.record(connection, known.actor, "invitation.withdrawn", known.subject, detail=detail)
    return withdrawn


def standings(visit: Visit, connection: Connection, known: Known, *, with_addresses: bool) -> list[Standing]:
    """How every invitation to a request stands, in the order of inviting; with addresses, also where each leads in."""
    found = invites.of_request(connection, known.request.id)
    mails = outbox.fates(connection, [invite.mail_key for invite in found])
    return [
        standing(
            invite,
            mails.get(invite.mail_key),
            visit.now,
            known.actor,
            known.operator,
            _address(visit, invite) if with_addresses else None,
        )
        for invite in found
    ]


def _of(connection: Connection, request_id: str, invite_id: str) -> Invite:
    for known in invites.of_request(connection, request_id):
        if known.id == invite_id:
            return known
    raise HTTPException(404)


def _uses(known: Known, addresses: Sequence[str]) -> list[Use]:
    """What mails to these addresses use up."""
    return [
        Use(INVITING, known.actor, len(addresses)),
        Use(INVITING_TO_REQUEST, known.request.first_id, len(addresses)),
        *(Use(INVITED, address.lower()) for address in addresses),
    ]


def _mail(visit: Visit, connection: Connection, invite: Invite) -> None:
    """Have the invitation's mail sent."""
    payload = {
        "to": [invite.email],
        "invited_by": invite.invited_by,
        "note": invite.note,
        "url": _address(visit, invite),
        "expires_at": invite.expires_at.isoformat(),
    }
    outbox.enqueue(connection, invite.mail_key, "invite", payload)


def _address(visit: Visit, invite: Invite) -> str:
    """Where an invitation leads in: whoever has it may come."""
    return f"{visit.site.settings.base_url}/invite/{visit.site.signer.invite(invite.id, invite.expires_at)}"


def _new_ones(visit: Visit, connection: Connection, known: Known, asked: Invitation) -> list[Use]:
    """What sending these mails uses up; a colleague whose invitation is open, or who got all there are, gets none."""
    invited = invites.of_request(connection, known.request.id)
    no_mail = {invite.email for invite in invited if invite.is_open(visit.now) or invite.mails >= MOST_MAILS}
    new = [address for address in asked.addresses if address not in no_mail]
    return _uses(known, new) if new else []


def _too_many(connection: Connection, known: Known, asked: Invitation) -> Errors | None:
    before = {invite.email for invite in invites.of_request(connection, known.request.id)}
    new = [address for address in asked.addresses if address not in before]
    count = invites.count(connection, known.request.id)
    left = max(forms.MOST_INVITES - count, 0)
    if len(new) <= left:
        return None
    allowed = f"{left} more can be" if left else "no more can be"
    return Errors({"addresses": f"{count} colleagues were invited to this request already; {allowed}."})


def _send(visit: Visit, connection: Connection, known: Known, asked: Invitation) -> None:
    for email in asked.addresses:
        invite = invites.invite(
            connection,
            known.request.id,
            email,
            asked.note,
            asked.invited_by,
            visit.now,
            visit.now + invites.LIFETIME,
            known.actor,
        )
        if invite is None:
            continue
        _mail(visit, connection, invite)
        visit.record(connection, known.actor, "colleague.invited", known.subject, detail={"email": invite.email})
