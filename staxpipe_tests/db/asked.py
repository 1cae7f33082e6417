"""Requests in any state, for the tests of their queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from staxpipe.db import link_requests
from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.db.tables import link_requests as table
from staxpipe.model import RequestState
from staxpipe.model import account_id as parse_account_id

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIFETIME = timedelta(days=14)
DETAILS = Details(parse_account_id("012345678901"), "acme-billing", "cur/reports", "eu-west-1")


def begun(connection: Connection, now: datetime = NOW) -> LinkRequest:
    return link_requests.create(connection, "ada@example.com", now, LIFETIME)


def listening(connection: Connection, now: datetime = NOW) -> LinkRequest:
    request = begun(connection, now)
    assert link_requests.save_details(connection, request.id, DETAILS, now, LIFETIME)
    return reread(connection, request)


def reread(connection: Connection, request: LinkRequest) -> LinkRequest:
    found = link_requests.get(connection, request.id)
    assert found is not None
    return found


def in_state(connection: Connection, state: RequestState) -> LinkRequest:
    request = listening(connection)
    connection.execute(update(table).where(table.c.id == request.id).values(state=state))
    return reread(connection, request)
