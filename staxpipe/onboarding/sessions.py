"""Who is asking: signed session cookies, sign-ins that were begun, invitation tokens, and what makes asking twice
harmless.

Each kind of token has a salt of its own, so that none can stand in for another. All of them carry their end inside
the signature. What an invitation opens, and whether a session was ended before its time, is looked up in the database
at each request (`staxpipe.db.invites`, `staxpipe.db.ended_sessions`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from staxpipe.oidc.attempt import Attempt

SESSION_LIFETIME = timedelta(hours=12)
BEGIN_LIFETIME = timedelta(hours=12)
ATTEMPT_LIFETIME = timedelta(minutes=10)
LATELY = timedelta(hours=1)
"""For so long after signing in, somebody may do what outlasts the session."""

_MOST_INVITES = 20  # in one browser's cookie, which must stay small


@dataclass(frozen=True)
class Session:
    """What a browser has shown: a sign-in link (`operator`), an account at the team's provider, or invitations, by
    their ids. Of a program, what its token opens.

    Where `person` is known, by the address that the provider vouches for or that a token acts for, `operator` says
    which of the two roles it is. `rules` stands for the settings that decided so about somebody at the provider
    (`staxpipe.onboarding.people`). `ends_at` is when the cookie that it was read from is over; None for a new one,
    which has its full time before it.
    """

    operator: bool = False
    invite_ids: tuple[str, ...] = ()
    person: str | None = None
    rules: str = ""
    ends_at: datetime | None = field(default=None, compare=False)

    @property
    def signed_in(self) -> bool:
        """Whether it has shown anything at all."""
        return self.may_begin or bool(self.invite_ids)

    @property
    def may_begin(self) -> bool:
        """Whether it is an operator's or a linker's, who begin requests; who is invited goes on with one."""
        return self.operator or self.person is not None

    def with_invite(self, invite_id: str) -> Session:
        """The session after one more invitation was shown; the oldest go when there are many.

        A role does not last longer by it: who is in could else stay so for ever, by inviting themselves.
        """
        others = tuple(known for known in self.invite_ids if known != invite_id)
        ends_at = self.ends_at if self.may_begin else None
        return replace(self, invite_ids=(*others, invite_id)[-_MOST_INVITES:], ends_at=ends_at)

    def lasts(self, now: datetime) -> timedelta:
        """How long it is still good for."""
        return SESSION_LIFETIME if self.ends_at is None else self.ends_at - now

    def began_lately(self, now: datetime) -> bool:
        """Whether whoever it is has just signed in: an old cookie may be a copy."""
        return self.lasts(now) > SESSION_LIFETIME - LATELY


class Signer:
    """Makes and reads signed texts with one key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._session = _serializer(key, "session")
        self._invite = _serializer(key, "invite")
        self._begin = _serializer(key, "begin")
        self._attempt = _serializer(key, "attempt")

    def session(self, session: Session, now: datetime) -> str:
        """A cookie's value, with an id of its own: ending one session ends no other."""
        session_id = secrets.token_urlsafe(16)
        person = [session.person, session.rules] if session.person else []
        value = [session_id, session.operator, person, *session.invite_ids]
        return _sign(self._session, value, now + session.lasts(now))

    def read_session(self, value: str | None, now: datetime) -> Session:
        """The session in a cookie; an empty one where it is missing, forged or over."""
        found, ends_at = _open(self._session, value, now)
        match found:
            case [str(), bool(operator), [], *invite_ids]:
                return Session(operator, tuple(str(invite_id) for invite_id in invite_ids), ends_at=ends_at)
            case [str(), bool(operator), [str(person), str(rules)], *invite_ids]:
                return Session(operator, tuple(str(invite_id) for invite_id in invite_ids), person, rules, ends_at)
        return Session()

    def read_session_id(self, value: str | None, now: datetime) -> str | None:
        """The id of the session in a cookie; None where it is missing, forged or over."""
        match _read(self._session, value, now):
            case [str(session_id), bool(), list(), *_]:
                return session_id
        return None

    def invite(self, invite_id: str, expires_at: datetime) -> str:
        """The token in an invitation's address; the same for the same invitation."""
        return str(self._invite.dumps([[invite_id], int(expires_at.timestamp())]))

    def read_invite(self, token: str, now: datetime) -> str | None:
        """The invitation's id, or None where the token is forged or over."""
        match _read(self._invite, token, now):
            case [str(invite_id)]:
                return invite_id
        return None

    def begin(self, now: datetime) -> str:
        """A hidden field of the form that begins a request: it holds the id that the request will have."""
        return _sign(self._begin, [secrets.token_urlsafe(16)], now + BEGIN_LIFETIME)

    def read_begin(self, token: str, now: datetime) -> str | None:
        """The id of the request to begin, or None where the token is missing, forged or over."""
        match _read(self._begin, token, now):
            case [str(request_id)]:
                return request_id
        return None

    def attempt(self, attempt: Attempt, now: datetime) -> str:
        """The value of the cookie by which a browser that comes back from the provider shows that it began."""
        parts: list[object] = [attempt.state, attempt.nonce, attempt.verifier, attempt.then]
        return _sign(self._attempt, parts, now + ATTEMPT_LIFETIME)

    def read_attempt(self, value: str | None, now: datetime) -> Attempt | None:
        """The sign-in that this browser began; None where the cookie is missing, forged or over."""
        match _read(self._attempt, value, now):
            case [str(state), str(nonce), str(verifier), str(then)]:
                return Attempt(state, nonce, verifier, then)
        return None

    def request_id(self, asker: str, key: str) -> str:
        """The id of the request that somebody begins under a key of their own: the same for ever, and nobody else's."""
        said = json.dumps(["request", asker, key]).encode()
        digest = hmac.digest(self._key, said, "sha256")
        return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def _serializer(key: str, salt: str) -> URLSafeSerializer:
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt=f"staxpipe.onboarding.{salt}", signer_kwargs=options)


def _sign(serializer: URLSafeSerializer, value: list[object], end: datetime) -> str:
    return str(serializer.dumps([value, int(end.timestamp())]))


def _read(serializer: URLSafeSerializer, token: str | None, now: datetime) -> object:
    return _open(serializer, token, now)[0]


def _open(serializer: URLSafeSerializer, token: str | None, now: datetime) -> tuple[object, datetime | None]:
    """What was signed, and when it ends; nothing of what is forged or over."""
    try:
        value, end = serializer.loads(token or "")
    except (BadData, UnicodeEncodeError):  # the latter: a lone surrogate, from bytes that are no text
        return None, None
    ends_at = datetime.fromtimestamp(end, UTC)
    return (value, ends_at) if now < ends_at else (None, None)
