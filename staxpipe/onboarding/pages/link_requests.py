"""The steps of a link request: beginning, access, account, role; and changing one's mind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from staxpipe.db import link_requests
from staxpipe.db.link_requests import OPERATOR, Details, LinkRequest
from staxpipe.errors import PermanentError
from staxpipe.linking import quick_create
from staxpipe.model import RequestState
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.limits import BEGINNING, LOOKING, Use
from staxpipe.onboarding.regions import REGIONS, default_region
from staxpipe.onboarding.site import AnyVisit, Known, OperatorVisit, Visit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()

Text = Annotated[str, Form()]
_EDITABLE = {RequestState.DRAFT, RequestState.LISTENING, RequestState.REFUSED}


@router.post("/requests")
def begin(visit: OperatorVisit, key: Text = "") -> Response:
    """Begin a request: once for each page that was shown, however often its button is clicked."""
    request_id = visit.site.signer.read_begin(key, visit.now)
    if request_id is None:
        return see_other("/start")
    visit.spend(Use(BEGINNING, OPERATOR))
    with visit.transaction() as connection:
        lifetime = visit.site.request_lifetime
        if link_requests.begin_once(connection, request_id, OPERATOR, visit.now, lifetime):
            visit.record(connection, OPERATOR, "request.begun", f"request:{request_id}")
    return see_other(f"/requests/{request_id}/access")


@router.get("/requests/{request_id}/access")
def access(visit: AnyVisit, request_id: str) -> Response:
    """Whether this person can create the role, or knows somebody who can."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    return _unless_finished(known) or visit.page("access.html", {"request": known.request})


@router.get("/requests/{request_id}/details")
def details(visit: AnyVisit, request_id: str) -> Response:
    """The account, its bucket, prefix and region."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    request = known.request
    raw = {
        "account_id": request.account_id or "",
        "bucket": request.bucket or "",
        "prefix": request.prefix,
        "region": request.region or default_region(visit.site.settings.region),
        "contact": request.contact or (known.actor if known.actor != OPERATOR else ""),
    }
    return _unless_finished(known) or _details_form(visit, request, raw, {})


@router.post("/requests/{request_id}/details")
def save_details(
    visit: AnyVisit,
    request_id: str,
    account_id: Text = "",
    bucket: Text = "",
    prefix: Text = "",
    region: Text = "",
    contact: Text = "",
) -> Response:
    """Keep the details and begin to listen."""
    raw = {"account_id": account_id, "bucket": bucket, "prefix": prefix, "region": region, "contact": contact}
    checked = forms.check_details(raw)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        if isinstance(checked, Details) and link_requests.already_linked(connection, checked):
            checked = Errors({"bucket": "The reports in this bucket, below this prefix, are linked already."})
        if isinstance(checked, Errors):
            return _unless_finished(known) or _details_form(visit, known.request, raw, checked.by_field)
        if not _says_the_same(known.request, checked):
            saved = link_requests.save_details(connection, request_id, checked, visit.now, visit.site.request_lifetime)
            detail = {"account_id": checked.account_id, "bucket": checked.bucket, "prefix": checked.prefix}
            result = "done" if saved else "refused"
            visit.record(connection, known.actor, "request.details-saved", known.subject, result, detail)
    return _unless_finished(known) or see_other(f"/requests/{request_id}/deploy")


@router.get("/requests/{request_id}/deploy")
def deploy(visit: AnyVisit, request_id: str) -> Response:
    """How to create the role: a console link, the template, one command."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    request, settings = known.request, visit.site.settings
    if request.state is RequestState.DRAFT:
        return see_other(f"/requests/{request_id}/details")
    if request.state not in {RequestState.LISTENING, RequestState.REFUSED}:
        return see_other(f"/requests/{request_id}")
    try:
        values: dict[str, object] = {
            "console_url": quick_create.quick_create_url(settings, request),
            "command": quick_create.deploy_command(settings, request, quick_create.TEMPLATE_NAME),
            "parameters": quick_create.parameters(settings, request),
            "problem": None,
        }
    except PermanentError as error:
        values = {"console_url": None, "command": None, "parameters": {}, "problem": str(error)}
    values |= {
        "request": request,
        "template_name": quick_create.TEMPLATE_NAME,
        "status": describe(request, None, visit.now),
    }
    return visit.page("deploy.html", values)


@router.get("/requests/{request_id}/cancel")
def ask_to_cancel(visit: AnyVisit, request_id: str) -> Response:
    """Ask once more."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    if known.request.state in {RequestState.LINKED, RequestState.CANCELLED}:
        return see_other(f"/requests/{request_id}")
    return visit.page("cancel.html", {"request": known.request})


@router.post("/requests/{request_id}/cancel")
def cancel(visit: AnyVisit, request_id: str) -> Response:
    """Give the request up."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        if link_requests.cancel(connection, request_id, visit.now):
            visit.record(connection, known.actor, "request.cancelled", known.subject)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/resume")
def resume(visit: AnyVisit, request_id: str) -> Response:
    """Take up an expired or refused request again."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        if link_requests.resume(connection, request_id, visit.now, visit.site.request_lifetime):
            visit.record(connection, known.actor, "request.resumed", known.subject)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/look-now")
def look_now(visit: AnyVisit, request_id: str) -> Response:
    """Have the role looked for at the next occasion instead of after the back-off."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    visit.spend(Use(LOOKING, request_id))
    with visit.transaction() as connection:
        if link_requests.probe_soon(connection, request_id, visit.now):
            visit.record(connection, known.actor, "request.look-asked", known.subject)
    return see_other(f"/requests/{request_id}")


def _unless_finished(known: Known) -> Response | None:
    """Where a request can no longer be changed, its status is the page to see."""
    return None if known.request.state in _EDITABLE else see_other(f"/requests/{known.request.id}")


def _says_the_same(request: LinkRequest, details: Details) -> bool:
    """Whether the form changes nothing: then the role that is being looked for goes on being looked for."""
    there = (request.account_id, request.bucket, request.prefix, request.region)
    same = there == (details.account_id, details.bucket, details.prefix, details.region)
    return same and details.contact in {None, request.contact} and request.state is RequestState.LISTENING


def _details_form(visit: Visit, request: LinkRequest, raw: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    values = {"request": request, "raw": raw, "errors": errors, "regions": REGIONS}
    return visit.page("details.html", values, 422 if errors else 200)
