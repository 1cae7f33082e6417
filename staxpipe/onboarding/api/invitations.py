"""Inviting colleagues to go on with a request, again and no more, and how their invitations stand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

from staxpipe.onboarding import inviting
from staxpipe.onboarding.api.answered import InvitationOut, Invitations
from staxpipe.onboarding.api.answers import RequestId
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.codes import SENT
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.sent import EXAMPLE_ID, REQUEST_ID, Invite
from staxpipe.onboarding.site import Visit

router = APIRouter(tags=["invitations"])

InvitationId = Annotated[
    str, Path(description="The invitation's id.", examples=[EXAMPLE_ID], json_schema_extra={"pattern": REQUEST_ID})
]


@router.get(
    "/requests/{request_id}/invitations",
    summary="Who was invited",
    response_description="All invitations.",
    responses=documented("not-found"),
)
def list_invitations(visit: TokenVisit, request_id: RequestId) -> Invitations:
    """Everybody who was invited, and how that stands."""
    return Invitations(invitations=_invitations(visit, request_id))


@router.post(
    "/requests/{request_id}/invitations",
    summary="Invite colleagues",
    response_description="All invitations, those of before among them.",
    responses=documented(*SENT, "not-found", "too-many-colleagues"),
)
def invite(visit: TokenVisit, request_id: RequestId, asked: Invite) -> Invitations:
    """Have each get a mail that leads to this request. Who has an open invitation gets no second one."""
    refused = inviting.invite(visit, request_id, asked.invitation())
    if refused is not None:
        raise ProblemError(409, "too-many-colleagues", " ".join(refused.by_field.values()), refused.by_field)
    return Invitations(invitations=_invitations(visit, request_id))


@router.post(
    "/requests/{request_id}/invitations/{invitation_id}/resend",
    summary="Send again",
    response_description="The mail is on its way.",
    responses=documented("not-found", "not-sent-again"),
)
def resend_invitation(visit: TokenVisit, request_id: RequestId, invitation_id: InvitationId) -> InvitationOut:
    """Send one more mail about an invitation; from then on it leads in for its full time again."""
    refused = inviting.resend(visit, request_id, invitation_id)
    if refused is not None:
        raise ProblemError(409, "not-sent-again", refused)
    return _one(visit, request_id, invitation_id)


@router.post(
    "/requests/{request_id}/invitations/{invitation_id}/withdraw",
    summary="Withdraw",
    response_description="It leads in no more.",
    responses=documented("not-found"),
)
def withdraw_invitation(visit: TokenVisit, request_id: RequestId, invitation_id: InvitationId) -> InvitationOut:
    """End an invitation at once, for whoever is in by it too. One that has ended stays as it is.

    A linker's token ends the invitations that the person it acts for made; an operator's ends all.
    """
    inviting.withdraw(visit, request_id, invitation_id)
    return _one(visit, request_id, invitation_id)


def _one(visit: Visit, request_id: str, invitation_id: str) -> InvitationOut:
    for found in _invitations(visit, request_id):
        if found.id == invitation_id:
            return found
    raise HTTPException(404)  # the address was invited anew meanwhile, by another invitation


def _invitations(visit: Visit, request_id: str) -> list[InvitationOut]:
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        found = inviting.standings(visit, connection, known, with_addresses=False)
    return [
        InvitationOut(
            id=one.invite.id,
            email=one.invite.email,
            state=one.state,
            standing=one.words,
            open=one.is_open,
            expires_at=one.invite.expires_at,
            may_send_again=one.may_send_again,
            may_withdraw=one.may_withdraw,
        )
        for one in found
    ]
