"""Keeping what was said about an account, also when somebody else was faster: for the account form and for programs.

What it comes to is decided in `corrections`; what is said then, by the page and the API.
"""

from __future__ import annotations

from sqlalchemy import Connection

from staxpipe.db import link_requests, links
from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.doctor import keeping
from staxpipe.model import RequestState
from staxpipe.onboarding.corrections import Saving, decide
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.limits import SAVING, Use
from staxpipe.onboarding.site import Known, Visit

SAVED = "request.details-saved"
"""The act's name in the audit log."""


def count(visit: Visit, request_id: str) -> None:
    """Count that this request's answers are saved once more. Call it while no transaction is open.

    Raises:
        TooManyError: that was done too often.
    """
    with visit.transaction() as connection:
        visit.find(connection, request_id)
    visit.spend(Use(SAVING, request_id))


def save(visit: Visit, connection: Connection, known: Known, written: Details, seen: str) -> Saving | Errors:
    """Do with the answers what is to be done with them, and say what that was.

    `known` is the request as it is now: find it with a lock. `seen` is the version of the answers that the person was
    shown, or empty. Errors are those of answers that are well written and cannot be: nothing was saved then.
    """
    before = known.request
    impossible = why_impossible(connection, written, before)
    if impossible is not None:
        return impossible
    saving = decide(before, written, seen, correctable=links.nothing_found(connection, before.id))
    detail = {"account_id": written.account_id, "bucket": written.bucket, "prefix": written.prefix}
    match saving:
        case Saving.ASK | Saving.TOO_LATE:
            visit.record(connection, known.actor, SAVED, known.subject, "refused", detail)
        case Saving.SAVE:
            link_requests.save_details(connection, before.id, written, visit.now, visit.site.request_lifetime)
            if before.account_id == written.account_id:  # else the report is about another role, and not shown
                keeping.keep_correction(connection, before.id, visit.now)
            visit.record(connection, known.actor, SAVED, known.subject, detail=detail)
        case Saving.CORRECT:
            if not _correct(connection, before, written, visit):
                return Saving.NOTHING  # reports were found this very moment: it was right
            visit.record(connection, known.actor, SAVED, known.subject, detail=detail)
    return saving


def why_impossible(connection: Connection, written: Details, request: LinkRequest | None = None) -> Errors | None:
    """Why nobody can have these answers, for a request that is there or for one that is not begun yet."""
    if link_requests.already_linked(connection, written, except_request=request.id if request else ""):
        said = (
            "The reports in this bucket, below this prefix, are linked already. If that link is paused, its page says "
            "how it goes on; to begin anew, unlink it first."
        )
        return Errors({"bucket": said})
    if request is not None and request.state is RequestState.LINKED and written.account_id != request.account_id:
        return Errors(
            {"account_id": "This account is linked and stays. For another one, use the button on the request's page."}
        )
    return None


def _correct(connection: Connection, request: LinkRequest, written: Details, visit: Visit) -> bool:
    link = links.of_request(connection, request.id)
    if link is None:
        raise AssertionError("a request that can be corrected has no link")
    contact = written.contact or link.contact
    if not links.correct(connection, link.id, written.bucket, written.prefix, written.region, contact, visit.now):
        return False
    keeping.keep_correction(connection, request.id, visit.now)
    return link_requests.correct(connection, request.id, written, visit.now)
