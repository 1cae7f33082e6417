"""What linking tells people: rows in the outbox, in the transaction that makes them true.

Only what and to whom; the sentences around it are `staxpipe.notify`'s, which also adds the operator to troubles.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.links import Link
from staxpipe.db.outbox import enqueue
from staxpipe.settings import Settings

WE = "staxpipe"
"""The actor in the audit log when nobody asked: a sensor or a schedule."""


def linked(connection: Connection, settings: Settings, link: Link) -> None:
    """The account is linked."""
    payload = {"to": _to(link.contact), "account_id": link.account_id, "url": _page(settings, link.request_id)}
    enqueue(connection, f"linked:{link.id}", "linked", payload)


def refused(
    connection: Connection, settings: Settings, request: LinkRequest, reason: str, what_to_do: str, now: datetime
) -> None:
    """The role was found and must not be used. A request that is taken up again may be refused again."""
    payload = _request_trouble(settings, request, reason, what_to_do)
    enqueue(connection, f"link_refused:{request.id}:{_at(now)}", "link_refused", payload)


def expired(connection: Connection, settings: Settings, request: LinkRequest, now: datetime) -> None:
    """Nobody finished the request in time."""
    reason = f"In {settings.request_days} days the role {request.role_name} did not become usable."
    what_to_do = "If you still want to link the account, open the request again and create the stack."
    payload = _request_trouble(settings, request, reason, what_to_do)
    enqueue(connection, f"link_expired:{request.id}:{_at(now)}", "link_expired", payload)


def access_ended(
    connection: Connection, settings: Settings, link: Link, reason: str, what_to_do: str, now: datetime
) -> None:
    """A linked role no longer holds; the link is paused."""
    payload = _link_trouble(settings, link, reason, what_to_do)
    enqueue(connection, f"link_paused:{link.id}:{_at(now)}", "link_refused", payload)


def bucket_problem(
    connection: Connection, settings: Settings, link: Link, reason: str, what_to_do: str, now: datetime
) -> None:
    """The bucket cannot be read, or holds no report; at most once a day."""
    looked_up = "The account's page says what was looked at, and what to change. "
    payload = _link_trouble(settings, link, reason, looked_up + what_to_do)
    enqueue(connection, f"bucket_problem:{link.id}:{now:%Y-%m-%d}", "bucket_problem", payload)


def _request_trouble(settings: Settings, request: LinkRequest, reason: str, what_to_do: str) -> dict[str, object]:
    return {
        "to": _to(request.requested_by),
        "account_id": request.account_id,
        "reason": reason,
        "what_to_do": what_to_do,
        "url": _page(settings, request.id),
    }


def _link_trouble(settings: Settings, link: Link, reason: str, what_to_do: str) -> dict[str, object]:
    return {
        "to": _to(link.contact),
        "account_id": link.account_id,
        "reason": reason,
        "what_to_do": what_to_do,
        "url": _page(settings, link.request_id),
    }


def _to(contact: str) -> list[str]:
    return [contact] if "@" in contact else []


def _page(settings: Settings, request_id: str) -> str:
    return f"{settings.base_url}/requests/{request_id}"


def _at(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
