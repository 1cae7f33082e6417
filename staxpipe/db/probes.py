"""What probes of a listening request's role come to: when one is due, and what was found.

Queries only; each takes a Connection whose transaction the caller owns, and the time from outside. Requests themselves,
and what people change of them, are in `staxpipe.db.link_requests`; what a probe means and how long to wait for the next
is decided in `staxpipe.linking`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from staxpipe.db.link_requests import LinkRequest, change, from_row
from staxpipe.db.tables import link_requests
from staxpipe.model import RequestState


def due(connection: Connection, now: datetime, limit: int, after: str = "") -> list[LinkRequest]:
    """Requests whose probe is due, at most `limit`: those behind `after` first, then round from the beginning.

    Give the id of the last one that was probed as `after`: a sweep that its deadline cut short goes on there, so
    that no slow request keeps the others waiting for ever. Ids are random, hence so is the order.
    """
    statement = (
        select(link_requests)
        .where(
            link_requests.c.state == RequestState.LISTENING,
            link_requests.c.next_probe_at <= now,
            link_requests.c.expires_at > now,
        )
        .order_by(link_requests.c.id <= after, link_requests.c.id)
        .limit(limit)
    )
    return [from_row(row) for row in connection.execute(statement)]


def next_probe(connection: Connection, now: datetime) -> datetime | None:
    """When the first of all listening requests is due; None where nobody listens."""
    listens = (link_requests.c.state == RequestState.LISTENING, link_requests.c.expires_at > now)
    moment: datetime | None = connection.execute(
        select(func.min(link_requests.c.next_probe_at)).where(*listens)
    ).scalar_one()
    return moment


def probe_soon(connection: Connection, request_id: str, now: datetime) -> bool:
    """Have a listening request probed at the next sweep, where its next probe is further away."""
    return change(
        connection, request_id, (RequestState.LISTENING,), link_requests.c.next_probe_at > now, next_probe_at=now
    )


def record_probe(
    connection: Connection,
    request_id: str,
    verdict_code: str,
    detail: str,
    next_probe_at: datetime,
    attempts: int,
    *,
    unchanged_since: datetime | None = None,
) -> bool:
    """Keep a probe's verdict; the request goes on listening until `next_probe_at`.

    Args:
        connection: whose transaction the caller owns.
        request_id: the request that was probed.
        verdict_code: the verdict by its code.
        detail: the verdict in words, for the page.
        next_probe_at: when to look again.
        attempts: how many probes there were, this one included.
        unchanged_since: `updated_at` of the request that was probed. Where the person has changed the details
            since, the verdict is about something else, and nothing is kept.
    """
    return change(
        connection,
        request_id,
        (RequestState.LISTENING,),
        _not_changed_since(unchanged_since),
        verdict=verdict_code,
        verdict_detail=detail,
        next_probe_at=next_probe_at,
        probe_attempts=attempts,
    )


def mark_refused(
    connection: Connection,
    request_id: str,
    verdict_code: str,
    detail: str,
    now: datetime,
    *,
    unchanged_since: datetime | None = None,
) -> bool:
    """The role is there and must not be used; `detail` says why. `unchanged_since` as for `record_probe`."""
    return change(
        connection,
        request_id,
        (RequestState.LISTENING,),
        _not_changed_since(unchanged_since),
        state=RequestState.REFUSED,
        verdict=verdict_code,
        verdict_detail=detail,
        probe_attempts=link_requests.c.probe_attempts + 1,
        next_probe_at=None,
        updated_at=now,
    )


def mark_linked(
    connection: Connection, request_id: str, now: datetime, *, unchanged_since: datetime | None = None
) -> bool:
    """The role was proved: call it in the transaction that adds the link. `unchanged_since` as for `record_probe`."""
    return change(
        connection,
        request_id,
        (RequestState.LISTENING,),
        _not_changed_since(unchanged_since),
        state=RequestState.LINKED,
        probe_attempts=link_requests.c.probe_attempts + 1,
        next_probe_at=None,
        updated_at=now,
    )


def _not_changed_since(moment: datetime | None) -> ColumnElement[bool]:
    return and_(True) if moment is None else link_requests.c.updated_at <= moment
