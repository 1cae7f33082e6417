"""The link that a request became: how it stands, and its end, with its data kept or deleted for good."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import Connection

from staxpipe.onboarding import linked
from staxpipe.onboarding.api.answered import LinkOut, Receipt
from staxpipe.onboarding.api.answers import RequestId
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.codes import SENT
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.sent import EndLink
from staxpipe.onboarding.linked import Linked
from staxpipe.onboarding.site import Visit
from staxpipe.unlinking import acts, receipts

router = APIRouter(tags=["links"])


@router.get(
    "/requests/{request_id}/link",
    summary="Read a link",
    response_description="The link.",
    responses=documented("not-found", "not-linked"),
)
def read_link(visit: TokenVisit, request_id: RequestId) -> LinkOut:
    """The link that the request became; once deletion of its data was ordered, with the receipt."""
    with visit.transaction() as connection:
        return _out(find(visit, connection, request_id))


@router.post(
    "/requests/{request_id}/end",
    summary="End a link",
    response_description="It has ended.",
    responses=documented(*SENT, "not-found", "not-linked", "another-account", "deletion-ordered"),
)
def end_link(visit: TokenVisit, request_id: RequestId, asked: EndLink) -> LinkOut:
    """Read the account no more, for good, and keep or delete what was loaded. The stack in AWS is yours to delete.

    Deletion is under way when this is answered: read the link until its `stage` is `deleted`. Asking again changes
    nothing.
    """
    with visit.transaction() as connection:
        seen = find(visit, connection, request_id, lock=True)
        linked.refuse_others(visit, seen)
        if asked.account_id != seen.link.account_id:
            detail = f"This link is of account {seen.link.account_id}, not of {asked.account_id}: nothing was ended."
            raise ProblemError(409, "another-account", detail, {"account_id": detail})
        if asked.data == "delete":
            linked.decide(visit, connection, seen, acts.order_deletion)
        elif seen.receipt is not None:
            raise ProblemError(409, "deletion-ordered")
        else:
            linked.decide(visit, connection, seen, acts.keep)
        return _out(find(visit, connection, request_id))


def find(visit: Visit, connection: Connection, request_id: str, *, lock: bool = False) -> Linked:
    """The link of a request that the token opens.

    Raises:
        ProblemError: it is not linked.
        HTTPException: there is no such request.
    """
    seen = linked.find(visit, connection, request_id, lock=lock)
    if seen is None:
        raise ProblemError(409, "not-linked")
    return seen


def _out(seen: Linked) -> LinkOut:
    link, receipt = seen.link, seen.receipt
    return LinkOut.model_validate(
        {
            "stage": seen.stage,
            "state": link.state,
            "problem": link.problem,
            "linked_at": link.linked_at,
            "verified_at": link.verified_at,
            "stopped_at": link.stopped_at,
            "may_decide": seen.may_decide,
            "receipt": Receipt(**receipts.as_json(receipt)) if receipt is not None else None,
        }
    )
