"""The steps of a link request: beginning, access, account, role, another account; and changing one's mind."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from staxpipe.aws.switches import ORGANIZATIONS
from staxpipe.db import link_requests, links
from staxpipe.errors import PermanentError
from staxpipe.linking import quick_create
from staxpipe.linking.members_stack import is_of_member
from staxpipe.model import RequestState
from staxpipe.onboarding.corrections import EDITABLE
from staxpipe.onboarding.limits import BEGINNING, LOOKING, Use
from staxpipe.onboarding.site import AnyVisit, BeginnerVisit, see_other
from staxpipe.onboarding.status import describe

router = APIRouter()

Text = Annotated[str, Form()]
MOST_ACCOUNTS = 50
"""Accounts of one request: an invited person must not be able to fill the database."""


@router.post("/requests")
def begin(visit: BeginnerVisit, key: Text = "") -> Response:
    """Begin a request: once for each page that was shown, however often its button is clicked."""
    request_id = visit.site.signer.read_begin(key, visit.now)
    if request_id is None:
        return see_other("/start")
    visit.spend(Use(BEGINNING, visit.name))
    with visit.transaction() as connection:
        lifetime = visit.site.request_lifetime
        begun_by = visit.session.person
        if link_requests.begin_once(connection, request_id, visit.name, visit.now, lifetime, begun_by=begun_by):
            visit.record(connection, visit.name, "request.begun", f"request:{request_id}")
    return see_other(f"/requests/{request_id}/access")


@router.post("/requests/{request_id}/another")
def begin_another(visit: AnyVisit, request_id: str, key: Text = "") -> Response:
    """Add an account to the request: one of its own beside it, for the same asker; once for each page shown."""
    new_id = visit.site.signer.read_begin(key, visit.now)
    with visit.transaction() as connection:
        actor = visit.find(connection, request_id).actor
    visit.spend(Use(BEGINNING, actor))
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        request = known.request
        if new_id is None or request.state is RequestState.CANCELLED:
            return see_other(f"/requests/{request_id}")
        first = request.first_id
        link_requests.get(connection, first, lock=True)  # the lock makes the cap hold for two forms at once
        group = link_requests.of_group(connection, request)
        if len(group) >= MOST_ACCOUNTS and new_id not in {other.id for other in group}:
            title = "This request has as many accounts as it may"
            text = f"A request has at most {MOST_ACCOUNTS} accounts. Whoever runs staxpipe can begin another one."
            return visit.page("error.html", {"title": title, "text": text}, 422)
        asker, lifetime = request.requested_by, visit.site.request_lifetime
        if link_requests.begin_once(connection, new_id, asker, visit.now, lifetime, first, request.begun_by):
            detail = {"beside": request_id}
            visit.record(connection, known.actor, "request.begun", f"request:{new_id}", detail=detail)
    return see_other(f"/requests/{new_id}/details")


@router.get("/requests/{request_id}/access")
def access(visit: AnyVisit, request_id: str) -> Response:
    """Whether this person can create the role, or knows somebody who can: asked before anything else is known."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    if known.request.state is not RequestState.DRAFT:
        return see_other(f"/requests/{request_id}")
    return visit.page("access.html", {"request": known.request})


@router.get("/requests/{request_id}/deploy")
def deploy(visit: AnyVisit, request_id: str, left: str = "", names: str = "") -> Response:
    """How to create the role: a console link, the template, one command. `left` is an account that is not meant now;
    with `names`, the role may read the names of the organisation's accounts.
    """
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    request, settings = known.request, visit.site.settings
    if request.state is RequestState.DRAFT:
        return see_other(f"/requests/{request_id}/details")
    if request.state not in {RequestState.LISTENING, RequestState.REFUSED}:
        return see_other(f"/requests/{request_id}")
    if is_of_member(request):
        return see_other(f"/requests/{request_id}/members")
    chosen = [ORGANIZATIONS] if names else []
    try:
        values: dict[str, object] = {
            "console_url": quick_create.quick_create_url(settings, request, chosen),
            "command": quick_create.deploy_command(settings, request, quick_create.TEMPLATE_NAME, chosen),
            "parameters": quick_create.parameters(settings, request, chosen),
            "problem": None,
        }
    except PermanentError as error:
        values = {"console_url": None, "command": None, "parameters": {}, "problem": str(error)}
    values |= {
        "request": request,
        "template_name": quick_create.TEMPLATE_NAME,
        "status": describe(request, None, visit.now),
        "account_changed": bool(left),
        "names": bool(names),
    }
    return visit.page("deploy.html", values)


@router.get("/requests/{request_id}/update")
def update(visit: AnyVisit, request_id: str) -> Response:
    """How to have a stack that is there read another bucket or prefix."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        correctable = links.nothing_found(connection, request_id)
    request, settings = known.request, visit.site.settings
    if request.state is RequestState.DRAFT or (request.state not in EDITABLE and not correctable):
        return see_other(f"/requests/{request_id}")
    if is_of_member(request):
        return see_other(f"/requests/{request_id}/members")
    try:
        given = quick_create.parameters(settings, request)
        command = quick_create.deploy_command(settings, request, quick_create.TEMPLATE_NAME, update=True)
    except PermanentError:  # the page about the role says who must mend it
        return see_other(f"/requests/{request_id}/deploy")
    values = {
        "request": request,
        "parameters": {name: given[name] for name in ("BucketName", "BucketPrefix")},
        "command": command,
        "template_name": quick_create.TEMPLATE_NAME,
    }
    return visit.page("update.html", values)


@router.get("/requests/{request_id}/cancel")
def ask_to_cancel(visit: AnyVisit, request_id: str) -> Response:
    """Ask once more."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        others = len(link_requests.of_group(connection, known.request)) - 1
    if known.request.state in {RequestState.LINKED, RequestState.CANCELLED}:
        return see_other(f"/requests/{request_id}")
    return visit.page("cancel.html", {"request": known.request, "others": others})


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
    visit.spend(Use(LOOKING, request_id))
    with visit.transaction() as connection:
        if link_requests.resume(connection, request_id, visit.now, visit.site.request_lifetime):
            visit.record(connection, known.actor, "request.resumed", known.subject)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/look-now")
def look_now(visit: AnyVisit, request_id: str) -> Response:
    """Have the role, or the bucket that holds nothing yet, looked at at the next occasion instead of later."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    visit.spend(Use(LOOKING, request_id))
    with visit.transaction() as connection:
        asked = link_requests.probe_soon(connection, request_id, visit.now)
        link = links.of_request(connection, request_id)
        if link is not None and links.nothing_found(connection, request_id):
            links.look_again_at(connection, link.id, visit.now)
            asked = True
        if asked:
            visit.record(connection, known.actor, "request.look-asked", known.subject)
    return see_other(f"/requests/{request_id}")
