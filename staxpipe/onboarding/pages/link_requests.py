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
from staxpipe.onboarding import steps
from staxpipe.onboarding.corrections import EDITABLE
from staxpipe.onboarding.deployment import Deployment, deployment
from staxpipe.onboarding.site import AnyVisit, BeginnerVisit, see_other
from staxpipe.onboarding.standing import read

router = APIRouter()

Text = Annotated[str, Form()]


@router.post("/requests")
def begin(visit: BeginnerVisit, key: Text = "") -> Response:
    """Begin a request: once for each page that was shown, however often its button is clicked."""
    request_id = visit.site.signer.read_begin(key, visit.now)
    if request_id is None:
        return see_other("/start")
    steps.begin(visit, request_id)
    return see_other(f"/requests/{request_id}/access")


@router.post("/requests/{request_id}/another")
def begin_another(visit: AnyVisit, request_id: str, key: Text = "") -> Response:
    """Add an account to the request: one of its own beside it, for the same asker; once for each page shown."""
    new_id = visit.site.signer.read_begin(key, visit.now)
    if new_id is None:
        with visit.transaction() as connection:
            visit.find(connection, request_id)
        return see_other(f"/requests/{request_id}")
    match steps.begin_beside(visit, request_id, new_id):
        case steps.Begun.CANCELLED:
            return see_other(f"/requests/{request_id}")
        case steps.Begun.FULL:
            title = "This request has as many accounts as it may"
            text = f"A request has at most {steps.MOST_ACCOUNTS} accounts. Whoever runs staxpipe can begin another one."
            return visit.page("error.html", {"title": title, "text": text}, 422)
        case _:
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
    """How to create the role, also again: a console link, the template, one command. `left` is an account that is not
    meant now; with `names`, the role may read the names of the organisation's accounts.
    """
    with visit.transaction() as connection:
        found = read(visit, connection, request_id)
    request, settings = found.request, visit.site.settings
    if request.state is RequestState.DRAFT:
        return see_other(f"/requests/{request_id}/details")
    again = found.progress is not None and found.progress.waits_for_role
    if request.state not in {RequestState.LISTENING, RequestState.REFUSED} and not again:
        return see_other(f"/requests/{request_id}")
    if is_of_member(request):
        return see_other(f"/requests/{request_id}/members")
    stack = deployment(settings, request, [ORGANIZATIONS] if names else [])
    values = {
        "stack": stack if isinstance(stack, Deployment) else None,
        "problem": None if isinstance(stack, Deployment) else stack,
        "request": request,
        "status": found.status,
        "again": again,
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
        "stack": {"command": command, "template_name": quick_create.TEMPLATE_NAME},
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
    steps.cancel(visit, request_id)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/resume")
def resume(visit: AnyVisit, request_id: str) -> Response:
    """Take up an expired or refused request again."""
    steps.resume(visit, request_id)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/look-now")
def look_now(visit: AnyVisit, request_id: str) -> Response:
    """Have the role, or the bucket that holds nothing yet, looked at at the next occasion instead of later."""
    steps.look_now(visit, request_id)
    return see_other(f"/requests/{request_id}")
