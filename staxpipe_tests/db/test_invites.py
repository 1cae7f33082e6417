"""One open invitation an address and request; an expired one makes room for another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from staxpipe.db import invites, link_requests
from staxpipe.db.invites import Invite

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def request_id(connection: Connection) -> str:
    return link_requests.create(connection, "operator", NOW, WEEK).id


def invited(connection: Connection, request: str, email: str = "ada@example.com", now: datetime = NOW) -> Invite | None:
    return invites.invite(connection, request, email, "Please.", "Grace", now, now + WEEK)


def test_an_address_is_invited_once_while_its_invitation_is_open(engine: Engine) -> None:
    with engine.begin() as connection:
        request = request_id(connection)
        first = invited(connection, request)
        assert first is not None
        assert invited(connection, request) is None
        assert invited(connection, request_id(connection)) is not None  # to another request
        assert invites.of_request(connection, request) == [first]
        assert invites.count(connection, request) == 1


def test_after_its_end_another_takes_its_place(engine: Engine) -> None:
    with engine.begin() as connection:
        request = request_id(connection)
        old = invited(connection, request)
        new = invited(connection, request, now=NOW + WEEK)
        assert old is not None
        assert new is not None
        assert old.id != new.id
        assert invites.get(connection, old.id, NOW) is None
        assert invites.get(connection, new.id, NOW + WEEK) == new
        assert invites.count(connection, request) == 1


def test_it_opens_its_own_request_until_it_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        request, other = request_id(connection), request_id(connection)
        invite = invited(connection, request)
        assert invite is not None
        assert invites.usable(connection, [invite.id, "unknown"], request, NOW) == invite
        assert invites.usable(connection, [invite.id], other, NOW) is None
        assert invites.usable(connection, [], request, NOW) is None
        assert invites.usable(connection, [invite.id], request, NOW + WEEK) is None
        assert invites.get(connection, invite.id, NOW + WEEK) is None


def test_the_first_use_is_remembered(engine: Engine) -> None:
    with engine.begin() as connection:
        invite = invited(connection, request_id(connection))
        assert invite is not None
        assert invites.mark_used(connection, invite.id, NOW)
        assert not invites.mark_used(connection, invite.id, NOW + WEEK)
        found = invites.get(connection, invite.id, NOW)
    assert found is not None
    assert found.first_used_at == NOW
