"""The account form: which account, and where its reports are; saving it, also when somebody else was faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.db import audit_log, links
from staxpipe.db.link_requests import OPERATOR, Details, LinkRequest
from staxpipe.linking import export_stack
from staxpipe.model import RequestState
from staxpipe.onboarding import forms
from staxpipe.onboarding.corrections import EDITABLE, Saving, differences, stack_is_outdated, version
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.progress import read_progress
from staxpipe.onboarding.regions import REGIONS, default_region
from staxpipe.onboarding.saving import SAVED, count, save
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()

Text = Annotated[str, Form()]


@router.get("/requests/{request_id}/details")
def details(visit: AnyVisit, request_id: str, export: str = "") -> Response:
    """The account, its bucket, prefix and region. With `export`, those of the reports that our template creates."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        correctable = links.nothing_found(connection, request_id)
    request = known.request
    raw = {
        "account_id": request.account_id or "",
        "bucket": request.bucket or "",
        "prefix": request.prefix,
        "region": request.region or default_region(visit.site.settings.region),
        "contact": request.contact or (known.actor if known.actor != OPERATOR else ""),
    }
    if export:
        bucket = export_stack.bucket_name(request.role_name)
        raw |= {"bucket": bucket, "prefix": export_stack.PREFIX, "region": export_stack.REGION}
    if not correctable and request.state not in EDITABLE:
        return see_other(f"/requests/{request_id}")
    return _details_form(visit, request, raw, {}, version(request))


@router.post("/requests/{request_id}/details")
def save_details(
    visit: AnyVisit,
    request_id: str,
    account_id: Text = "",
    bucket: Text = "",
    prefix: Text = "",
    region: Text = "",
    contact: Text = "",
    seen: Text = "",
) -> Response:
    """Keep the details and begin to listen, or correct those of a link that found nothing."""
    raw = {"account_id": account_id, "bucket": bucket, "prefix": prefix, "region": region, "contact": contact}
    checked = forms.check_details(raw)
    if isinstance(checked, Details):
        count(visit, request_id)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        if isinstance(checked, Details):
            outcome = save(visit, connection, known, checked, seen)
            if not isinstance(outcome, Errors):
                return _after(visit, connection, known, checked, seen, outcome)
            checked = outcome
        if known.request.state not in EDITABLE and not links.nothing_found(connection, request_id):
            return see_other(f"/requests/{request_id}")
    return _details_form(visit, known.request, raw, checked.by_field, seen)


def _after(
    visit: Visit, connection: Connection, known: Known, written: Details, seen: str, outcome: Saving
) -> Response:
    """Where a person goes from here, when the form was well written."""
    before = known.request
    here = f"/requests/{before.id}"
    match outcome:
        case Saving.NOTHING:
            return see_other(f"{here}/deploy" if before.state in EDITABLE else here)
        case Saving.ASK:
            return _conflict(visit, connection, known, written, editable=True)
        case Saving.TOO_LATE:
            # Without `seen` nobody was shown a form: a program, which reads the status that it is led to.
            return _conflict(visit, connection, known, written, editable=False) if seen else see_other(here)
    return see_other(f"{here}/{_next_page(before, written)}".rstrip("/"))


def _next_page(before: LinkRequest, written: Details) -> str:
    if stack_is_outdated(before, written):
        return "update"
    if before.state is RequestState.LINKED:
        return ""
    moved = before.account_id not in {None, written.account_id}
    return "deploy?left=1" if moved else "deploy"


def _conflict(visit: Visit, connection: Connection, known: Known, written: Details, *, editable: bool) -> Response:
    """Show what is saved beside what this person wrote, who comes second."""
    acts = audit_log.entries(connection, known.subject, limit=20)
    last = next((act for act in acts if act.action == SAVED and act.result == "done"), None)
    values = {
        "request": known.request,
        "status": describe(known.request, read_progress(connection, known.request.id), visit.now),
        "by": last.actor if last else None,
        "when": last.at if last else None,
        "differences": differences(known.request, written),
        "written": {
            "account_id": written.account_id,
            "bucket": written.bucket,
            "prefix": written.prefix,
            "region": written.region,
            "contact": written.contact or "",
            "seen": version(known.request),
        },
        "editable": editable,
    }
    return visit.page("conflict.html", values, 409)


def _details_form(
    visit: Visit, request: LinkRequest, raw: Mapping[str, str], errors: Mapping[str, str], seen: str
) -> Response:
    values = {"request": request, "raw": raw, "errors": errors, "regions": REGIONS, "seen": seen}
    return visit.page("details.html", values, 422 if errors else 200)
