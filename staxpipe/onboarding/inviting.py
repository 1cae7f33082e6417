"""Inviting colleagues to go on with a request: within the limits, one row and one mail an address.

How an invitation stands is said in `invited`; its page, and what programs are told, is elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from staxpipe.db import invites, link_requests, outbox
from staxpipe.db.invites import MOST_MAILS, Invite
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Errors, Invitation
from staxpipe.onboarding.limits import INVITED, INVITING, INVITING_TO_REQUEST, Use
from staxpipe.onboarding.site import Known, Visit


def invite(visit: Visit, request_id: str, asked: Invitation) -> Errors | None:
    """Invite these colleagues, however often it is asked; errors where it would be more than a request may have."""
    visit.spend(*_new_ones(visit, request_id, asked))
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        # The lock makes the cap hold for two at once, also where they are of two accounts of one request.
        link_requests.get(connection, known.request.first_id, lock=True)
        return _send(visit, connection, known, asked)


def uses(known: Known, addresses: Sequence[str]) -> list[Use]:
    """What mails to these addresses use up."""
    return [
        Use(INVITING, known.actor, len(addresses)),
        Use(INVITING_TO_REQUEST, known.request.first_id, len(addresses)),
        *(Use(INVITED, address.lower()) for address in addresses),
    ]


def mail(visit: Visit, connection: Connection, invite: Invite) -> None:
    """Have the invitation's mail sent."""
    payload = {
        "to": [invite.email],
        "invited_by": invite.invited_by,
        "note": invite.note,
        "url": address(visit, invite),
        "expires_at": invite.expires_at.isoformat(),
    }
    outbox.enqueue(connection, invite.mail_key, "invite", payload)


def address(visit: Visit, invite: Invite) -> str:
    """Where an invitation leads in: whoever has it may come."""
    return f"{visit.site.settings.base_url}/invite/{visit.site.signer.invite(invite.id, invite.expires_at)}"


def _new_ones(visit: Visit, request_id: str, asked: Invitation) -> list[Use]:
    """What sending these mails uses up; a colleague whose invitation is open, or who got all there are, gets none."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        invited = invites.of_request(connection, request_id)
    no_mail = {invite.email for invite in invited if invite.is_open(visit.now) or invite.mails >= MOST_MAILS}
    new = [address for address in asked.addresses if address not in no_mail]
    return uses(known, new) if new else []


def _send(visit: Visit, connection: Connection, known: Known, asked: Invitation) -> Errors | None:
    before = {invite.email for invite in invites.of_request(connection, known.request.id)}
    new = [address for address in asked.addresses if address not in before]
    count = invites.count(connection, known.request.id)
    left = max(forms.MOST_INVITES - count, 0)
    if len(new) > left:
        allowed = f"{left} more can be" if left else "no more can be"
        return Errors({"addresses": f"{count} colleagues were invited to this request already; {allowed}."})
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
        mail(visit, connection, invite)
        visit.record(connection, known.actor, "colleague.invited", known.subject, detail={"email": invite.email})
    return None
