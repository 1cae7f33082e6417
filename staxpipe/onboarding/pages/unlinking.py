"""Changing one's mind after an account is linked: stop, keep or delete what was loaded, and the receipt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.onboarding import linked
from staxpipe.onboarding.linked import Linked
from staxpipe.onboarding.site import AnyVisit, Visit, see_other
from staxpipe.unlinking import acts, words
from staxpipe.unlinking.scope import Scope

router = APIRouter()


@router.get("/requests/{request_id}/unlink")
def unlink_page(visit: AnyVisit, request_id: str) -> Response:
    """What unlinking means, in AWS and here, and what can be done next."""
    with visit.transaction() as connection:
        seen = _find(visit, connection, request_id)
    return _page(visit, seen)


@router.get("/requests/{request_id}/unlink/status")
def unlink_fragment(visit: AnyVisit, request_id: str) -> Response:
    """The part of the page that changes while data is deleted, for its script."""
    with visit.transaction() as connection:
        seen = _find(visit, connection, request_id)
    return visit.page("_unlinking.html", _values(seen, {}))


@router.post("/requests/{request_id}/unlink/stop")
def stop(visit: AnyVisit, request_id: str) -> Response:
    """Stop reading, at once."""
    return _act(visit, request_id, linked.stop)


@router.post("/requests/{request_id}/unlink/go-on")
def go_on(visit: AnyVisit, request_id: str) -> Response:
    """Keep the link after all. How that goes on, the account's page shows."""
    _act(visit, request_id, linked.go_on)
    return see_other(f"/requests/{request_id}")


@router.post("/requests/{request_id}/unlink/keep")
def keep(visit: AnyVisit, request_id: str) -> Response:
    """End the link and keep what was loaded."""
    return _act(visit, request_id, partial(linked.decide, act=acts.keep))


@router.post("/requests/{request_id}/unlink/delete")
def delete(visit: AnyVisit, request_id: str, account: Annotated[str, Form()] = "") -> Response:
    """End the link and have what was loaded deleted; the account's number must be typed."""
    with visit.transaction() as connection:
        seen = _find(visit, connection, request_id, lock=True)
        linked.refuse_others(visit, seen)
        if _digits(account) != seen.link.account_id:
            error = "Type the 12 digits of the account whose data is to be deleted, as they stand above."
            return _page(visit, seen, {"account": error}, 422)
        linked.decide(visit, connection, seen, acts.order_deletion)
    return see_other(f"/requests/{request_id}/unlink")


def _act(visit: Visit, request_id: str, act: Callable[[Visit, Connection, Linked], bool]) -> Response:
    with visit.transaction() as connection:
        act(visit, connection, _find(visit, connection, request_id, lock=True))
    return see_other(f"/requests/{request_id}/unlink")


def _find(visit: Visit, connection: Connection, request_id: str, *, lock: bool = False) -> Linked:
    seen = linked.find(visit, connection, request_id, lock=lock)
    if seen is None:
        raise HTTPException(404)
    return seen


def _page(visit: Visit, seen: Linked, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    return visit.page("unlink.html", _values(seen, errors or {}), status)


def _values(seen: Linked, errors: dict[str, str]) -> dict[str, object]:
    scope = Scope.of(seen.receipt) if seen.receipt else None
    return {
        "request": seen.known.request,
        "link": seen.link,
        "stage": seen.stage,
        "may_decide": seen.may_decide,
        "may_go_on": seen.may_go_on,
        "progress": seen.progress,
        "receipt": seen.receipt,
        "scope": scope,
        "deleted": words.counted(seen.receipt.found or {}) if seen.receipt else [],
        "checked": len(words.entries(seen.receipt.remaining or {})) if seen.receipt else 0,
        "errors": errors,
    }


def _digits(typed: str) -> str:
    """The number as it is written on the page or in the console: with hyphens or spaces, or without."""
    return "".join(character for character in typed if character not in "- \t")
