"""Where a request stands: the page, the piece of it that updates itself, and the same as JSON."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from staxpipe.db import link_requests
from staxpipe.doctor.findings import as_json
from staxpipe.model import RequestState, missing_between
from staxpipe.onboarding.checkup import Checkup, read_checkup
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.progress import Progress, read_progress
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other
from staxpipe.onboarding.status import Status, describe

router = APIRouter()


@router.get("/requests/{request_id}")
def status_page(visit: AnyVisit, request_id: str) -> Response:
    """The page that a person comes back to, whatever the request's state is."""
    known, progress, status, checkup = _read(visit, request_id)
    if known.request.state is RequestState.DRAFT:
        return see_other(f"/requests/{request_id}/access")
    with visit.transaction() as connection:
        members = link_requests.of_group(connection, known.request)
        outlines = read_outlines(connection, [request.id for request in members]) if len(members) > 1 else {}
    group = [(request, describe(request, outlines.get(request.id), visit.now)) for request in members]
    values = {"group": group, "key": visit.site.signer.begin(visit.now)}
    return visit.page("request.html", _values(known, progress, status, checkup) | values)


@router.get("/requests/{request_id}/status")
def status_fragment(visit: AnyVisit, request_id: str) -> Response:
    """The part of the page that changes, for its script."""
    return visit.page("_status.html", _values(*_read(visit, request_id)))


@router.get("/requests/{request_id}/listening")
def listening_fragment(visit: AnyVisit, request_id: str) -> Response:
    """The shorter one, for the page that says how to create the role."""
    return visit.page("_listening.html", _values(*_read(visit, request_id)))


@router.get("/api/requests/{request_id}")
def status_json(visit: AnyVisit, request_id: str) -> JSONResponse:
    """The same for programs; money as text."""
    known, progress, status, checkup = _read(visit, request_id)
    request = known.request
    return JSONResponse(
        {
            "id": request.id,
            "state": request.state,
            "stage": status.stage,
            "headline": status.headline,
            "text": status.text,
            "account_id": request.account_id,
            "verdict": request.verdict,
            "probes": request.probe_attempts,
            "fraction": round(progress.fraction, 4) if progress else 0.0,
            "rows": progress.rows if progress else 0,
            "doctor": as_json(checkup.report) if checkup else None,
            "months": [
                {
                    "period": str(month.period),
                    "export": month.export,
                    "state": month.state,
                    "rows": month.rows,
                    "error": month.error,
                    "provisional": month.provisional,
                    "counted": month.counted,
                    "totals": [
                        {"currency": total.currency, "billed_cost": str(total.billed)} for total in month.totals
                    ],
                }
                for month in (progress.months if progress else ())
            ],
        }
    )


def _read(visit: Visit, request_id: str) -> tuple[Known, Progress | None, Status, Checkup | None]:
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        progress = read_progress(connection, request_id)
        checkup = read_checkup(connection, known.request)
    return known, progress, describe(known.request, progress, visit.now), checkup


def _values(known: Known, progress: Progress | None, status: Status, checkup: Checkup | None) -> dict[str, object]:
    missing = missing_between([month.period for month in progress.months]) if progress else []
    exports = {month.export for month in progress.months} if progress else set()
    return {
        "request": known.request,
        "progress": progress,
        "status": status,
        "checkup": checkup,
        "gaps": missing,
        "several_exports": len(exports) > 1,
    }
