"""Link requests: begin, list, read, save the account's details; what to deploy, and what the doctor found."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Response

from staxpipe.db import link_requests
from staxpipe.linking.quick_create import TEMPLATE_NAME
from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding import standing, steps
from staxpipe.onboarding.api.answers import PATH, RequestId, out, read
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.shapes import (
    AccountDetails,
    BeginRequest,
    BegunRequest,
    Doctor,
    LinkRequestOut,
    Page,
    SaveDetails,
    Stack,
    Summary,
    Wanted,
)
from staxpipe.onboarding.corrections import Saving, differences
from staxpipe.onboarding.deployment import deployment
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.saving import count, save, why_impossible
from staxpipe.onboarding.site import Visit
from staxpipe.onboarding.standing import Standing
from staxpipe.onboarding.status import describe

router = APIRouter(tags=["requests"])

_DEPLOYED = {RequestState.LISTENING, RequestState.REFUSED, RequestState.LINKED}
_OPERATIONS = (
    "read_request",
    "save_details",
    "read_deployment",
    "read_doctor",
    "look_now",
    "list_invitations",
    "invite",
    "pause_link",
    "resume_request",
    "cancel_request",
    "read_link",
    "end_link",
)
_LINKS = {
    name: {"operationId": name, "parameters": {"request_id": "$response.body#/id"}, "description": "The same request."}
    for name in _OPERATIONS
}
_LOCATION = {"Location": {"description": "Where the request is.", "required": True, "schema": {"type": "string"}}}

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:/@+=-]{1,200}$",
        description="A key of your own for this request, as in `terraform/prod/123456789012`. The same key always "
        "means the same request, whoever's token of the same person sends it and however often.",
        examples=["terraform/prod/123456789012"],
    ),
]


@router.post(
    "/requests",
    status_code=201,
    summary="Begin a request",
    responses={
        201: {"description": "Begun now.", "headers": _LOCATION, "links": _LINKS},
        200: {
            "description": "This key began it before: the request as it is now.",
            "model": BegunRequest,
            "headers": _LOCATION,
            "links": _LINKS,
        },
        **documented(400, 403, 404, 409, 413),
    },
)
def begin_request(visit: TokenVisit, asked: BeginRequest, key: Key, response: Response) -> BegunRequest:
    """Begin to link an account, once for each key. With `details`, staxpipe looks for the role from now on.

    ExternalId and role name are staxpipe's own. What to create in AWS is in `deployment`.
    """
    request_id = visit.site.signer.request_id(visit.name, key)
    if asked.details is not None:
        _check_first(visit, request_id, asked.details)
    if asked.beside is None:
        begun = steps.begin(visit, request_id)
    else:
        begun = steps.begin_beside(visit, asked.beside, request_id)
    if begun is steps.Begun.FULL:
        raise ProblemError(409, "full", f"A request has at most {steps.MOST_ACCOUNTS} accounts. Begin another one.")
    if begun is steps.Begun.CANCELLED:
        raise ProblemError(409, "cancelled", "The request that this was to stand beside was cancelled.")
    if asked.beside is not None and begun is steps.Begun.BEFORE:
        _check_beside(visit, request_id, asked.beside)
    if asked.details is not None:
        _save_first(visit, request_id, asked.details)
    response.status_code = 201 if begun is steps.Begun.NOW else 200
    response.headers["Location"] = f"{PATH}/requests/{request_id}"
    found = read(visit, request_id)
    stack = _stack(visit, found)
    ready = stack if isinstance(stack, Stack) else None
    return BegunRequest(
        **out(found).model_dump(), deployment=ready, deployment_missing=None if isinstance(stack, Stack) else stack
    )


@router.get("/requests", summary="List requests", responses=documented(404))
def list_requests(visit: TokenVisit, wanted: Annotated[Wanted, Query()]) -> Page:
    """The newest first: all of them for an operator's token, for a linker's those that the person it acts for began."""
    with visit.transaction() as connection:
        if wanted.after is not None:  # one that is not theirs must not tell by its place that it is there
            visit.find(connection, wanted.after)
        found = link_requests.matching(
            connection,
            wanted.limit + 1,  # one more than is shown tells whether there are more
            begun_by=visit.only_of,
            account_id=wanted.account_id,
            state=wanted.state,
            behind=wanted.after,
        )
        shown = found[: wanted.limit]
        outlines = read_outlines(connection, [request.id for request in shown])
    more = len(found) > len(shown)
    asked = wanted.model_dump(exclude_none=True) | {"after": shown[-1].id if more else None}
    return Page(
        requests=[
            Summary(**standing.summary_as_json(request, describe(request, outlines.get(request.id), visit.now)))
            for request in shown
        ],
        next=f"{PATH}/requests?{urlencode(asked)}" if more else None,
    )


@router.get("/requests/{request_id}", summary="Read a request", responses=documented(404))
def read_request(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Where it stands, in words and in numbers, with every month that was found."""
    return out(read(visit, request_id))


@router.put("/requests/{request_id}/details", summary="Save the details", responses=documented(400, 403, 404, 409, 413))
def save_details(visit: TokenVisit, request_id: RequestId, written: SaveDetails) -> LinkRequestOut:
    """Say which account, or correct it: while staxpipe listens, after a refusal, and when a bucket held nothing.

    Saving the same again changes nothing. Another account gets a new ExternalId and another role.
    """
    _check_contact(visit, written)
    count(visit, request_id)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        outcome = save(visit, connection, known, written.details(), written.version or "")
    if isinstance(outcome, Errors):
        raise _impossible(outcome)
    if outcome is Saving.ASK:
        detail = "Somebody saved other details since. Read the request, then save with its `version`, or without any."
        raise ProblemError(409, "changed-meanwhile", detail)
    if outcome is Saving.TOO_LATE:
        detail = "The details cannot be changed any more: the request is over, or reports were found already."
        raise ProblemError(409, "too-late", detail)
    return out(read(visit, request_id))


@router.get("/requests/{request_id}/deployment", summary="What to deploy", responses=documented(404, 409))
def read_deployment(visit: TokenVisit, request_id: RequestId) -> Stack:
    """The CloudFormation stack to create in the account: template, parameters, command, console page."""
    stack = _stack(visit, read(visit, request_id))
    if isinstance(stack, str):
        raise ProblemError(409, "nothing-to-deploy", stack)
    return stack


@router.get("/requests/{request_id}/doctor", summary="What the doctor found", responses=documented(404))
def read_doctor(visit: TokenVisit, request_id: RequestId) -> Doctor:
    """The last look at role, bucket and exports: what holds, what does not, and what to do."""
    return Doctor.model_validate({"report": standing.as_json(read(visit, request_id))["doctor"]})


def _check_first(visit: Visit, request_id: str, written: AccountDetails) -> None:
    """Refuse before anything is begun what could not be saved afterwards."""
    _check_contact(visit, written)
    with visit.transaction() as connection:
        request = link_requests.get(connection, request_id)
        impossible = why_impossible(connection, written.details()) if request is None else None
    if impossible is not None:
        raise _impossible(impossible)


def _check_beside(visit: Visit, request_id: str, beside: str) -> None:
    """A key that began a request somewhere else is refused, as one that began another account's is."""
    with visit.transaction() as connection:
        began, asked = (visit.find(connection, each).request.first_id for each in (request_id, beside))
    if began != asked:
        detail = f"This key began the request {request_id}, which does not stand beside {beside}. Use another key."
        raise ProblemError(409, "key-used", detail)


def _save_first(visit: Visit, request_id: str, written: AccountDetails) -> None:
    """Save the details that a request is begun with; a key that began another account's request is refused."""
    with visit.transaction() as connection:
        request = visit.find(connection, request_id).request
    if request.account_id is not None and not differences(request, written.details()):
        return  # also where it was refused or has expired: sending it again takes nothing up
    count(visit, request_id)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        # Only what nobody said yet is said by a key: it must not overwrite what a person corrected since.
        outcome = save(visit, connection, known, written.details(), "new")
    if isinstance(outcome, Errors):
        raise _impossible(outcome)
    if outcome in {Saving.ASK, Saving.TOO_LATE}:
        raise ProblemError(409, "key-used", f"This key began the request {request_id}, {_why_not(outcome)}")


def _why_not(outcome: Saving) -> str:
    if outcome is Saving.ASK:
        return "which names other details now. Use another key, or save these by PUT to its details."
    return "whose details cannot be changed any more: it is over, or reports were found already. Use another key."


def _impossible(errors: Errors) -> ProblemError:
    return ProblemError(409, "already-linked", " ".join(errors.by_field.values()), errors.by_field)


def _check_contact(visit: Visit, written: AccountDetails) -> None:
    """Who a linker's token acts for asks for themselves: a request is not slipped to somebody else."""
    own = visit.only_of
    if own is not None and written.contact is not None and written.contact.lower() != own:
        detail = f"This token acts for {own}, whose requests have no other contact. Leave the contact out."
        raise ProblemError(403, "another-contact", detail)


def _stack(visit: Visit, found: Standing) -> Stack | str:
    """What to create for the request, or why that cannot be said."""
    request, settings = found.request, visit.site.settings
    if request.state not in _DEPLOYED | {RequestState.DRAFT}:
        return f"{found.status.headline}. {found.status.text}"
    if found.progress is not None and found.progress.link_state is LinkState.ENDED:
        return f"{found.status.headline}. {found.status.text}"
    stack = deployment(settings, request)
    if isinstance(stack, str):
        return stack
    return Stack(
        stack_name=stack.stack_name,
        region=stack.region,
        parameters=dict(stack.parameters),
        template_download=f"{settings.base_url}/{TEMPLATE_NAME}",
        template_url=stack.template_url,
        command=stack.command,
        console_url=stack.console_url,
    )
