"""The first page: for the operator a list of all requests, for an invited person theirs, else how to get in."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from staxpipe.db import invites, link_requests
from staxpipe.db.link_requests import LinkRequest
from staxpipe.onboarding.progress import read_outlines
from staxpipe.onboarding.site import AnyVisit, OperatorVisit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()
_MOST_SHOWN = 200


@router.get("/")
def home(visit: AnyVisit) -> Response:
    """Lead each visitor to where they go on."""
    if visit.session.operator:
        return see_other("/requests")
    with visit.transaction() as connection:
        for invite_id in reversed(visit.session.invite_ids):
            invite = invites.get(connection, invite_id, visit.now)
            if invite is not None:
                return see_other(f"/requests/{invite.request_id}")
    return visit.page("signed_out.html")


@router.get("/requests")
def requests(visit: OperatorVisit) -> Response:
    """All requests, the newest first, and accounts that were asked for together beside each other."""
    with visit.transaction() as connection:
        shown = together(link_requests.newest(connection, _MOST_SHOWN))
        outlines = read_outlines(connection, [request.id for request in shown])
    found = [(request, describe(request, outlines.get(request.id), visit.now)) for request in shown]
    return visit.page("requests.html", {"requests": found})


@router.get("/start")
def start(visit: OperatorVisit) -> Response:
    """What linking an account means, before anything is written."""
    return visit.page("start.html", {"key": visit.site.signer.begin(visit.now)})


def together(requests: Sequence[LinkRequest]) -> list[LinkRequest]:
    """The same requests in the same order, but each group where its first member stands."""
    groups: dict[str, list[LinkRequest]] = {}
    for request in requests:
        groups.setdefault(request.first_id, []).append(request)
    return [request for group in groups.values() for request in group]
