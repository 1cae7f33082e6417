"""What people and programs do to a request: begin it, add an account, give it up, take it up again, ask for a look.

Each act is written into the audit log in its own transaction. What a page shows or a program is told then is not here.
"""

from __future__ import annotations

from enum import StrEnum

from staxpipe.db import link_requests, links, probes
from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding.limits import BEGINNING, LOOKING, Use
from staxpipe.onboarding.site import Visit

MOST_ACCOUNTS = 50
"""Accounts of one request: an invited person must not be able to fill the database."""


class Begun(StrEnum):
    """What became of the wish to begin a request."""

    NOW = "now"
    BEFORE = "before"  # a double submission
    FULL = "full"  # the request that it was to stand beside has as many accounts as it may
    CANCELLED = "cancelled"  # that one was given up


def begin(visit: Visit, request_id: str) -> Begun:
    """Begin an operator's or a linker's request under an id that we made, once; asking again uses nothing up."""
    asker, begun_by, lifetime = visit.name, visit.session.person, visit.site.request_lifetime
    with visit.transaction() as connection:
        if link_requests.get(connection, request_id) is not None:
            return Begun.BEFORE
    visit.spend(Use(BEGINNING, asker))
    with visit.transaction() as connection:
        if not link_requests.begin_once(connection, request_id, asker, visit.now, lifetime, begun_by=begun_by):
            return Begun.BEFORE
        visit.record(connection, asker, "request.begun", f"request:{request_id}")
    return Begun.NOW


def begin_beside(visit: Visit, request_id: str, new_id: str) -> Begun:
    """Add an account to a request: one of its own beside it, for the same asker, once."""
    with visit.transaction() as connection:
        actor = visit.find(connection, request_id).actor
        if link_requests.get(connection, new_id) is not None:
            return Begun.BEFORE
    visit.spend(Use(BEGINNING, actor))
    with visit.transaction() as connection:
        request = visit.find(connection, request_id).request
        if request.state is RequestState.CANCELLED:
            return Begun.CANCELLED
        first = request.first_id
        link_requests.get(connection, first, lock=True)  # the lock makes the cap hold for two at once
        group = link_requests.of_group(connection, request)
        if new_id in {other.id for other in group}:
            return Begun.BEFORE
        if len(group) >= MOST_ACCOUNTS:
            return Begun.FULL
        asker, lifetime = request.requested_by, visit.site.request_lifetime
        if not link_requests.begin_once(connection, new_id, asker, visit.now, lifetime, first, request.begun_by):
            return Begun.BEFORE
        visit.record(connection, actor, "request.begun", f"request:{new_id}", detail={"beside": request_id})
    return Begun.NOW


def cancel(visit: Visit, request_id: str) -> bool:
    """Give the request up. False where it is linked, or was given up before."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        done = link_requests.cancel(connection, request_id, visit.now)
        if done:
            visit.record(connection, known.actor, "request.cancelled", known.subject)
    return done


def resume(visit: Visit, request_id: str) -> bool:
    """Take up an expired or refused request again. False where it is neither."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    visit.spend(Use(LOOKING, request_id))
    with visit.transaction() as connection:
        done = link_requests.resume(connection, request_id, visit.now, visit.site.request_lifetime)
        if done:
            visit.record(connection, known.actor, "request.resumed", known.subject)
    return done


def look_now(visit: Visit, request_id: str) -> bool:
    """Have the role, also of a paused link that is to be read again, or the bucket that holds nothing yet, looked at at
    the next occasion instead of later.

    False where there is nothing to look for.
    """
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
    visit.spend(Use(LOOKING, request_id))
    with visit.transaction() as connection:
        asked = probes.probe_soon(connection, request_id, visit.now)
        link = links.of_request(connection, request_id)
        if link is not None and (
            link.waits_for_role or (link.state is LinkState.ACTIVE and links.nothing_found(connection, request_id))
        ):
            links.look_again_at(connection, link.id, visit.now)
            asked = True
        if asked:
            visit.record(connection, known.actor, "request.look-asked", known.subject)
    return asked or known.request.state is RequestState.LISTENING
