"""The first page: all requests for an operator, their own for a linker or an invited person, else how to get in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from staxpipe.db import invites, link_requests
from staxpipe.db.link_requests import LinkRequest
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.site import AnyVisit, BeginnerVisit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()
ON_A_PAGE = 50
_LAST_PAGE = 10_000


@router.get("/")
def home(visit: AnyVisit) -> Response:
    """Lead each visitor to where they go on."""
    if visit.session.may_begin:
        return see_other("/requests")
    with visit.transaction() as connection:
        for invite_id in reversed(visit.session.invite_ids):
            invite = invites.get(connection, invite_id, visit.now)
            if invite is not None:
                return see_other(f"/requests/{invite.request_id}")
    return visit.page("signed_out.html")


@router.get("/requests")
def requests(visit: BeginnerVisit, page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1) -> Response:
    """Requests, the newest first, and accounts that were asked for together beside each other. A linker's are those
    that they began.
    """
    with visit.transaction() as connection:
        # One more than is shown tells whether there are more.
        found = link_requests.newest(connection, ON_A_PAGE + 1, (page - 1) * ON_A_PAGE, visit.only_of)
        shown = together(found[:ON_A_PAGE])
        outlines = read_outlines(connection, [request.id for request in shown])
    values = {
        "requests": [(request, describe(request, outlines.get(request.id), visit.now)) for request in shown],
        "newer": page - 1,
        "older": page + 1 if len(found) > len(shown) else 0,
    }
    return visit.page("requests.html", values)


@router.get("/start")
def start(visit: BeginnerVisit) -> Response:
    """What linking an account means, before anything is written."""
    return visit.page("start.html", {"key": visit.site.signer.begin(visit.now)})


def together(requests: Sequence[LinkRequest]) -> list[LinkRequest]:
    """The same requests in the same order, but each group where its first member stands."""
    groups: dict[str, list[LinkRequest]] = {}
    for request in requests:
        groups.setdefault(request.first_id, []).append(request)
    return [request for group in groups.values() for request in group]
