"""Beginning a request under a key of the program's own, so that sending it again begins nothing and changes nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response

from staxpipe.db import link_requests
from staxpipe.onboarding import steps
from staxpipe.onboarding.api.answered import BegunRequest, Stack
from staxpipe.onboarding.api.answers import PATH, out, read
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.codes import SENT
from staxpipe.onboarding.api.deploying import stack_of
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.requests import check_contact, impossible
from staxpipe.onboarding.api.sent import AccountDetails, BeginRequest
from staxpipe.onboarding.corrections import Saving, differences
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.saving import count, save, why_impossible
from staxpipe.onboarding.site import Visit

router = APIRouter(tags=["requests"])

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
        **documented(*SENT, "another-contact", "not-found", "already-linked", "cancelled", "full", "key-used"),
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
    stack = stack_of(visit, found)
    ready, missing = (stack, None) if isinstance(stack, Stack) else (None, stack)
    return BegunRequest(**out(found).model_dump(), deployment=ready, deployment_missing=missing)


def _check_first(visit: Visit, request_id: str, written: AccountDetails) -> None:
    """Refuse before anything is begun what could not be saved afterwards."""
    check_contact(visit, written)
    with visit.transaction() as connection:
        request = link_requests.get(connection, request_id)
        wrong = why_impossible(connection, written.details()) if request is None else None
    if wrong is not None:
        raise impossible(wrong)


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
        raise impossible(outcome)
    if outcome in {Saving.ASK, Saving.TOO_LATE}:
        raise ProblemError(409, "key-used", f"This key began the request {request_id}, {_why_not(outcome)}")


def _why_not(outcome: Saving) -> str:
    if outcome is Saving.ASK:
        return "which names other details now. Use another key, or save these by PUT to its details."
    return "whose details cannot be changed any more: it is over, or reports were found already. Use another key."
