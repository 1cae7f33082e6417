"""Link requests that are there: list, read, save the account's details, and what the doctor found."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from staxpipe.db import link_requests
from staxpipe.onboarding import standing
from staxpipe.onboarding.api.answered import Doctor, LinkRequestOut, Page, Summary
from staxpipe.onboarding.api.answers import PATH, RequestId, out, read
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.codes import SENT
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.api.sent import AccountDetails, SaveDetails, Wanted
from staxpipe.onboarding.corrections import Saving
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.saving import count, save
from staxpipe.onboarding.site import Visit
from staxpipe.onboarding.status import describe

router = APIRouter(tags=["requests"])


@router.get(
    "/requests",
    summary="List requests",
    response_description="One page of them.",
    responses=documented("not-found"),
)
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


@router.get(
    "/requests/{request_id}",
    summary="Read a request",
    response_description="The request.",
    responses=documented("not-found"),
)
def read_request(visit: TokenVisit, request_id: RequestId) -> LinkRequestOut:
    """Where it stands, in words and in numbers, with every month that was found."""
    return out(read(visit, request_id))


@router.put(
    "/requests/{request_id}/details",
    summary="Save the details",
    response_description="The request with these details.",
    responses=documented(*SENT, "another-contact", "not-found", "already-linked", "changed-meanwhile", "too-late"),
)
def save_details(visit: TokenVisit, request_id: RequestId, written: SaveDetails) -> LinkRequestOut:
    """Say which account, or correct it: while staxpipe listens, after a refusal, and when a bucket held nothing.

    Saving the same again changes nothing, but that a role which was refused is looked for again. Another account gets a
    new ExternalId and another role. A contact that is left out stays as it is.
    """
    check_contact(visit, written)
    count(visit, request_id)
    with visit.transaction() as connection:
        known = visit.find(connection, request_id, lock=True)
        outcome = save(visit, connection, known, written.details(), written.version or "")
    if isinstance(outcome, Errors):
        raise impossible(outcome)
    if outcome is Saving.ASK:
        detail = "Somebody saved other details since. Read the request, then save with its `version`, or without any."
        raise ProblemError(409, "changed-meanwhile", detail)
    if outcome is Saving.TOO_LATE:
        detail = "The details cannot be changed any more: the request is over, or reports were found already."
        raise ProblemError(409, "too-late", detail)
    return out(read(visit, request_id))


@router.get(
    "/requests/{request_id}/doctor",
    summary="What the doctor found",
    response_description="The last report, if there is one.",
    responses=documented("not-found"),
)
def read_doctor(visit: TokenVisit, request_id: RequestId) -> Doctor:
    """The last look at role, bucket and exports: what holds, what does not, and what to do."""
    return Doctor.model_validate({"report": standing.as_json(read(visit, request_id))["doctor"]})


def impossible(errors: Errors) -> ProblemError:
    """Details that are well written and cannot be."""
    return ProblemError(409, "already-linked", " ".join(errors.by_field.values()), errors.by_field)


def check_contact(visit: Visit, written: AccountDetails) -> None:
    """Who a linker's token acts for asks for themselves: a request is not slipped to somebody else.

    Raises:
        ProblemError: another contact is named.
    """
    own = visit.only_of
    if own is not None and written.contact is not None and written.contact.lower() != own:
        detail = f"This token acts for {own}, whose requests have no other contact. Leave the contact out."
        raise ProblemError(403, "another-contact", detail)
