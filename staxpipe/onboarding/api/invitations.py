"""Inviting colleagues to go on with a request, and how their invitations stand."""

from __future__ import annotations

from fastapi import APIRouter

from staxpipe.db import invites, outbox
from staxpipe.onboarding import inviting
from staxpipe.onboarding.api.answers import RequestId
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.shapes import InvitationOut, Invitations, Invite
from staxpipe.onboarding.invited import standing
from staxpipe.onboarding.site import Visit

router = APIRouter(tags=["invitations"])


@router.get("/requests/{request_id}/invitations", summary="Who was invited", responses=documented(404))
def list_invitations(visit: TokenVisit, request_id: RequestId) -> Invitations:
    """Everybody who was invited, and how that stands."""
    return _invitations(visit, request_id)


@router.post(
    "/requests/{request_id}/invitations", summary="Invite colleagues", responses=documented(400, 404, 409, 413)
)
def invite(visit: TokenVisit, request_id: RequestId, asked: Invite) -> Invitations:
    """Have each get a mail that leads to this request. Who has an open invitation gets no second one."""
    refused = inviting.invite(visit, request_id, asked.invitation())
    if refused is not None:
        raise ProblemError(409, "too-many-colleagues", " ".join(refused.by_field.values()), refused.by_field)
    return _invitations(visit, request_id)


def _invitations(visit: Visit, request_id: str) -> Invitations:
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        found = invites.of_request(connection, request_id)
        mails = outbox.fates(connection, [invite.mail_key for invite in found])
    standings = [
        standing(invite, mails.get(invite.mail_key), visit.now, known.actor, known.operator, None) for invite in found
    ]
    return Invitations(
        invitations=[
            InvitationOut(
                email=one.invite.email, standing=one.words, open=one.is_open, expires_at=one.invite.expires_at
            )
            for one in standings
        ]
    )
