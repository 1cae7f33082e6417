"""Signed tokens: what they carry comes back until they end, and nothing else is believed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.onboarding.sessions import SESSION_LIFETIME, Session, Signer

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SIGNER = Signer("k" * 40)


@pytest.mark.parametrize("session", [Session(), Session(True), Session(False, ("a", "b")), Session(True, ("a",))])
def test_a_session_comes_back_until_it_ends(session: Session) -> None:
    value = SIGNER.session(session, NOW)
    assert SIGNER.read_session(value, NOW) == session
    assert SIGNER.read_session(value, NOW + SESSION_LIFETIME) == Session()


def test_each_cookie_is_a_session_of_its_own() -> None:
    values = [SIGNER.session(Session(True), NOW) for _ in range(100)]
    ids = [SIGNER.read_session_id(value, NOW) for value in values]
    assert len(set(ids)) == 100
    assert all(id is not None and len(base64.urlsafe_b64decode(id + "==")) >= 16 for id in ids)  # 128 bits
    assert SIGNER.read_session_id(values[0], NOW + SESSION_LIFETIME) is None
    assert SIGNER.read_session_id(SIGNER.invite("a", NOW + timedelta(1)), NOW) is None


def test_an_invitation_comes_back_until_it_ends() -> None:
    token = SIGNER.invite("abc", NOW + timedelta(days=7))
    assert token == SIGNER.invite("abc", NOW + timedelta(days=7))
    assert SIGNER.read_invite(token, NOW) == "abc"
    assert SIGNER.read_invite(token, NOW + timedelta(days=7)) is None


def test_what_was_not_signed_with_this_key_is_nothing() -> None:
    other = Signer("x" * 40)
    value = other.session(Session(True), NOW)
    for forged in (None, "", "x", value, value + "x", SIGNER.session(Session(), NOW)[:-3] + "abc", "\udc80", "é.é"):
        assert SIGNER.read_session(forged, NOW) == Session()


def test_one_kind_of_token_cannot_stand_in_for_another() -> None:
    session, invite, begin = (
        SIGNER.session(Session(True), NOW),
        SIGNER.invite("a", NOW + timedelta(1)),
        SIGNER.begin(NOW),
    )
    assert SIGNER.read_begin(begin, NOW) is not None
    assert SIGNER.read_invite(session, NOW) is None
    assert SIGNER.read_invite(begin, NOW) is None
    assert SIGNER.read_session(invite, NOW) == Session()
    assert SIGNER.read_begin(invite, NOW) is None


def test_a_browser_holds_a_bounded_number_of_invitations() -> None:
    session = Session(True)
    for number in range(40):
        session = session.with_invite(f"{number:022}")
    session = session.with_invite(f"{39:022}")
    assert session.operator
    assert len(session.invite_ids) == len(set(session.invite_ids)) == 20
    assert session.invite_ids[-1] == f"{39:022}"
    assert len(SIGNER.session(session, NOW)) < 3_000
