"""What is done to a request that is there, and to its link: look now, cancel, pause, resume."""

from __future__ import annotations

from fastapi import APIRouter

from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding import linked, steps
from staxpipe.onboarding.api import unlinking
from staxpipe.onboarding.api.answered import LinkRequestOut
from staxpipe.onboarding.api.answers import RequestId, out, read
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.problems import ProblemError, documented

router = APIRouter(tags=["requests"])


@router.post(
    "/requests/{request_id}/look",
    summary="Look now",
    response_description="It is looked for, or waited for, again.",
    responses=documented("not-found", "nothing-to-look-for"),
)
def look_now(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Have the role, or a bucket that held nothing, looked at within seconds instead of later."""
    if not steps.look_now(visit, request_id):
        raise ProblemError(409, "nothing-to-look-for")
    return out(read(visit, request_id))


@router.post(
    "/requests/{request_id}/cancel",
    summary="Cancel a request",
    response_description="It is cancelled.",
    responses=documented("not-found", "linked"),
)
def cancel_request(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Give the request up for good, before it is linked. Cancelling again changes nothing."""
    steps.cancel(visit, request_id)
    found = read(visit, request_id)
    if found.request.state is not RequestState.CANCELLED:
        raise ProblemError(409, "linked")
    return out(found)


@router.post(
    "/requests/{request_id}/pause",
    summary="Pause a link",
    response_description="Nothing is read any more.",
    responses=documented("not-found", "not-linked", "ended"),
)
def pause_link(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Read nothing of the account from now on, until it is resumed. What was loaded stays."""
    with visit.transaction() as connection:
        seen = unlinking.find(visit, connection, request_id, lock=True)
        _refuse_ended(seen)
        linked.stop(visit, connection, seen)
    return out(read(visit, request_id))


@router.post(
    "/requests/{request_id}/resume",
    summary="Resume",
    response_description="The request as it goes on; `paused` where its role does not hold.",
    responses=documented("not-found", "cancelled", "ended"),
)
def resume_request(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Let a paused link go on, as soon as its role is proved anew; take up a request that has expired or was refused.
    What goes on already stays so.
    """
    with visit.transaction() as connection:
        seen = linked.find(visit, connection, request_id, lock=True)
        if seen is not None:
            _refuse_ended(seen)
            linked.go_on(visit, connection, seen)
    if seen is None:
        steps.resume(visit, request_id)
    found = read(visit, request_id)
    if found.request.state is RequestState.CANCELLED:
        raise ProblemError(409, "cancelled")
    return out(found)


def _refuse_ended(seen: linked.Linked) -> None:
    if seen.link.state is LinkState.ENDED:
        raise ProblemError(409, "ended")
