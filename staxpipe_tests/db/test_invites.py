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


def test_it_opens_all_accounts_that_are_asked_for_together(engine: Engine) -> None:
    with engine.begin() as connection:
        first = request_id(connection)
        for name in ("second".ljust(22, "x"), "third".ljust(22, "x")):
            assert link_requests.begin_once(connection, name, "operator", NOW, WEEK, first)
        on_first = invited(connection, first)
        on_second = invited(connection, "second".ljust(22, "x"), "alan@example.com")
        assert on_first is not None
        assert on_second is not None
        for invite in (on_first, on_second):
            for name in (first, "second".ljust(22, "x"), "third".ljust(22, "x")):
                assert invites.usable(connection, [invite.id], name, NOW) == invite
            assert invites.usable(connection, [invite.id], request_id(connection), NOW) is None
        assert invites.count(connection, "third".ljust(22, "x")) == 2


def test_withdrawn_it_opens_nothing_and_stays_dead_after_another(engine: Engine) -> None:
    with engine.begin() as connection:
        request = request_id(connection)
        old = invited(connection, request)
        assert old is not None
        assert invites.withdraw(connection, request_id(connection), old.id, NOW) is None  # of another request
        withdrawn = invites.withdraw(connection, request, old.id, NOW)
        assert withdrawn is not None
        assert withdrawn.withdrawn_at == NOW
        assert invites.withdraw(connection, request, old.id, NOW) is None
        assert invites.get(connection, old.id, NOW) is None
        assert invites.usable(connection, [old.id], request, NOW) is None
        new = invited(connection, request)
        assert new is not None
        assert (new.withdrawn_at, new.mails) == (None, 2)
        assert invites.get(connection, old.id, NOW) is None
        assert invites.get(connection, new.id, NOW) == new


def test_sent_again_it_works_for_its_full_time_and_under_the_same_id(engine: Engine) -> None:
    later = NOW + timedelta(days=6)
    with engine.begin() as connection:
        request = request_id(connection)
        first = invited(connection, request)
        assert first is not None
        assert invites.send_again(connection, request, first.id, NOW, NOW + WEEK) is None  # just sent
        assert invites.send_again(connection, request_id(connection), first.id, later, later + WEEK) is None
        again = invites.send_again(connection, request, first.id, later, later + WEEK)
    assert again is not None
    assert (again.id, again.expires_at, again.mails, again.mailed_at) == (first.id, later + WEEK, 2, later)
    assert first.mail_key != again.mail_key


def test_an_address_gets_so_many_mails_and_no_more(engine: Engine) -> None:
    now = NOW
    with engine.begin() as connection:
        request = request_id(connection)
        invite = invited(connection, request)
        for _ in range(invites.MOST_MAILS - 1):
            now += timedelta(hours=1)
            assert invite is not None
            invite = invites.send_again(connection, request, invite.id, now, now + WEEK)
        assert invite is not None
        assert invite.mails == invites.MOST_MAILS
        now += timedelta(hours=1)
        assert invites.send_again(connection, request, invite.id, now, now + WEEK) is None
        invites.withdraw(connection, request, invite.id, now)
        assert invited(connection, request, now=now) is None
