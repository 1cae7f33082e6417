"""Where a request stands: the page, the piece of it that updates itself, and the same as JSON."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from staxpipe.db import link_requests
from staxpipe.model import RequestState, missing_between
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.site import AnyVisit, Visit, see_other
from staxpipe.onboarding.standing import Standing, as_json, read
from staxpipe.onboarding.status import describe

router = APIRouter()


@router.get("/requests/{request_id}")
def status_page(visit: AnyVisit, request_id: str) -> Response:
    """The page that a person comes back to, whatever the request's state is."""
    found = _read(visit, request_id)
    if found.request.state is RequestState.DRAFT:
        return see_other(f"/requests/{request_id}/access")
    with visit.transaction() as connection:
        members = link_requests.of_group(connection, found.request)
        outlines = read_outlines(connection, [request.id for request in members]) if len(members) > 1 else {}
    group = [(request, describe(request, outlines.get(request.id), visit.now)) for request in members]
    values = {"group": group, "key": visit.site.signer.begin(visit.now)}
    return visit.page("request.html", _values(found) | values)


@router.get("/requests/{request_id}/status")
def status_fragment(visit: AnyVisit, request_id: str) -> Response:
    """The part of the page that changes, for its script."""
    return visit.page("_status.html", _values(_read(visit, request_id)))


@router.get("/requests/{request_id}/listening")
def listening_fragment(visit: AnyVisit, request_id: str) -> Response:
    """The shorter one, for the page that says how to create the role."""
    return visit.page("_listening.html", _values(_read(visit, request_id)))


@router.get("/api/requests/{request_id}")
def status_json(visit: AnyVisit, request_id: str) -> JSONResponse:
    """The same for whoever is signed in. Programs with a token have an API of their own: `staxpipe.onboarding.api`."""
    return JSONResponse(as_json(_read(visit, request_id)))


def _read(visit: Visit, request_id: str) -> Standing:
    with visit.transaction() as connection:
        return read(visit, connection, request_id)


def _values(found: Standing) -> dict[str, object]:
    progress = found.progress
    missing = missing_between([month.period for month in progress.months]) if progress else []
    exports = {month.export for month in progress.months} if progress else set()
    return {
        "request": found.request,
        "progress": progress,
        "status": found.status,
        "checkup": found.checkup,
        "gaps": missing,
        "several_exports": len(exports) > 1,
    }
