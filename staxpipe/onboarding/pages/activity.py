"""The audit log, for the operator: who did what, from where, and how it ended. `staxpipe audit` shows the same."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from staxpipe.db import audit_log
from staxpipe.onboarding.site import OperatorVisit

router = APIRouter()
_ON_A_PAGE = 50
_HIGHEST_ID = 2**63 - 1  # what Postgres can compare with


@router.get("/activity")
def activity(
    visit: OperatorVisit,
    subject: Annotated[str, Query(max_length=500)] = "",
    before: Annotated[int | None, Query(ge=1, le=_HIGHEST_ID)] = None,
) -> Response:
    """A page of acts, the newest first: of one subject or of all, and older ones than the page before."""
    subject = subject.strip()
    with visit.transaction() as connection:
        # One more than is shown tells whether there are more.
        found = audit_log.entries(connection, subject or None, _ON_A_PAGE + 1, before)
    shown = found[:_ON_A_PAGE]
    values = {
        "entries": shown,
        "subject": subject,
        "older": _address(subject, shown[-1].id) if len(found) > len(shown) else None,
        "newest": _address(subject, None) if before is not None else None,
    }
    return visit.page("activity.html", values)


def _address(subject: str, before: int | None) -> str:
    asked = {"subject": subject or None, "before": before}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return "/activity" + (f"?{query}" if query else "")
