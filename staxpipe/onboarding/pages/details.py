"""The account form: which account, and where its reports are; saving it, also when somebody else was faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.db import audit_log, link_requests, links
from staxpipe.db.link_requests import OPERATOR, Details, LinkRequest
from staxpipe.doctor import keeping
from staxpipe.linking import export_stack
from staxpipe.model import RequestState
from staxpipe.onboarding import forms
from staxpipe.onboarding.corrections import EDITABLE, Saving, decide, differences, stack_is_outdated, version
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.limits import SAVING, Use
from staxpipe.onboarding.progress import read_progress
from staxpipe.onboarding.regions import REGIONS, default_region
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()

Text = Annotated[str, Form()]
_SAVED = "request.details-saved"


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
        with visit.transaction() as connection:
            visit.find(connection, request_id)
        visit.spend(Use(SAVING, request_id))
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        before, correctable = known.request, links.nothing_found(connection, request_id)
        if isinstance(checked, Details):
            checked = _allowed(connection, before, checked)
        if isinstance(checked, Errors):
            finished = not correctable and before.state not in EDITABLE
            status = see_other(f"/requests/{request_id}")
            return status if finished else _details_form(visit, before, raw, checked.by_field, seen)
        detail = {"account_id": checked.account_id, "bucket": checked.bucket, "prefix": checked.prefix}
        saving = decide(before, checked, seen, correctable=correctable)
        if saving in {Saving.ASK, Saving.TOO_LATE}:
            visit.record(connection, known.actor, _SAVED, known.subject, "refused", detail)
        match saving:
            case Saving.NOTHING:
                editable = before.state in EDITABLE
                return see_other(f"/requests/{request_id}/deploy" if editable else f"/requests/{request_id}")
            case Saving.ASK:
                return _conflict(visit, connection, known, checked, editable=True)
            case Saving.TOO_LATE:
                # Without `seen` nobody was shown a form: a program, which reads the status that it is led to.
                if seen:
                    return _conflict(visit, connection, known, checked, editable=False)
                return see_other(f"/requests/{request_id}")
            case Saving.SAVE:
                link_requests.save_details(connection, request_id, checked, visit.now, visit.site.request_lifetime)
                if before.account_id == checked.account_id:  # else the report is about another role, and not shown
                    keeping.keep_correction(connection, request_id, visit.now)
            case Saving.CORRECT if not _correct(connection, before, checked, visit):
                return see_other(f"/requests/{request_id}")  # reports were found this very moment: it was right
        visit.record(connection, known.actor, _SAVED, known.subject, detail=detail)
    return see_other(f"/requests/{request_id}/{_next_page(before, checked)}".rstrip("/"))


def _allowed(connection: Connection, request: LinkRequest, written: Details) -> Details | Errors:
    if link_requests.already_linked(connection, written, except_request=request.id):
        return Errors({"bucket": "The reports in this bucket, below this prefix, are linked already."})
    if request.state is RequestState.LINKED and written.account_id != request.account_id:
        return Errors(
            {"account_id": "This account is linked and stays. For another one, use the button on the request's page."}
        )
    return written


def _correct(connection: Connection, request: LinkRequest, written: Details, visit: Visit) -> bool:
    link = links.of_request(connection, request.id)
    if link is None:
        raise AssertionError("a request that can be corrected has no link")
    contact = written.contact or link.contact
    if not links.correct(connection, link.id, written.bucket, written.prefix, written.region, contact, visit.now):
        return False
    keeping.keep_correction(connection, request.id, visit.now)
    return link_requests.correct(connection, request.id, written, visit.now)


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
    last = next((act for act in acts if act.action == _SAVED and act.result == "done"), None)
    values = {
        "request": known.request,
        "status": describe(known.request, read_progress(connection, known.request.id), visit.now),
        "who": last.actor if last else None,
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
