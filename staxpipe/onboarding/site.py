"""What every page and the API need: settings, database, clock, templates, who is asking, and how often.

A page function asks for a `Visit` and answers with `Visit.page(...)`. No page's own logic is here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment
from sqlalchemy import Connection, Engine
from starlette.responses import Response

from staxpipe.db import audit_log, ended_sessions, invites, link_requests, rate_limits
from staxpipe.db.api_tokens import ApiToken
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.rate_limits import Usage
from staxpipe.onboarding import limits
from staxpipe.onboarding.client import client_address
from staxpipe.onboarding.guards import is_https
from staxpipe.onboarding.limits import TooManyError, Use
from staxpipe.onboarding.people import still_let_in
from staxpipe.onboarding.sessions import SESSION_LIFETIME, Session, Signer
from staxpipe.settings import Settings

if TYPE_CHECKING:
    from staxpipe.oidc.provider import Provider

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Site:
    """What one running web process has."""

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime]
    templates: Environment
    signer: Signer
    provider: Provider | None = None

    @property
    def cookie(self) -> str:
        """The session cookie's name. ``__Host-`` has browsers hold it to https, this host and no other path."""
        return "__Host-staxpipe" if is_https(self.settings.base_url) else "staxpipe"

    def set_cookie(self, response: Response, name: str, value: str | None, lifetime: timedelta) -> None:
        """Have the browser keep a value, away from scripts and from other sites' forms; or, with None, drop it."""
        response.set_cookie(
            name,
            value or "",
            max_age=int(lifetime.total_seconds()) if value else 0,
            path="/",
            httponly=True,
            samesite="lax",  # not strict: links in mails lead in, and so does the provider
            secure=is_https(self.settings.base_url),
        )

    @property
    def request_lifetime(self) -> timedelta:
        """How long a request waits before it expires."""
        return timedelta(days=self.settings.request_days)

    def session_of(self, cookie: str | None, now: datetime) -> tuple[Session, str | None]:
        """The session in a cookie, and its id; an empty one where it is over, was ended, or was begun by rules that do
        not hold any more.
        """
        session, session_id = self.signer.read_session(cookie, now), self.signer.read_session_id(cookie, now)
        if session_id is None or not still_let_in(session, self.settings):
            return Session(), None
        with self.engine.connect() as connection:
            ended = ended_sessions.is_ended(connection, session_id)
        return (Session(), None) if ended else (session, session_id)

    def render(
        self, template: str, session: Session, path: str, values: Mapping[str, object], status: int = 200
    ) -> HTMLResponse:
        """A page. `session` decides what the layout offers."""
        text = self.templates.get_template(template).render(
            {"session": session, "path": path, "settings": self.settings, "now": self.clock(), **values}
        )
        return HTMLResponse(text, status_code=status)


@dataclass(frozen=True)
class Visit:
    """One HTTP request: who asks, from where, when. `session` says what that opens; of a program, `token` is what it
    showed.
    """

    site: Site
    session: Session
    now: datetime
    path: str
    source_ip: str | None
    session_id: str | None = None
    token: ApiToken | None = None

    @property
    def came_from(self) -> str | None:
        """From where, for the audit log: the client's address and, of a program, which token it showed."""
        return self.source_ip if self.token is None else f"{self.source_ip or 'unknown'}, token {self.token.id}"

    def page(
        self, template: str, values: Mapping[str, object] = MappingProxyType({}), status: int = 200
    ) -> HTMLResponse:
        """Answer with a page."""
        return self.site.render(template, self.session, self.path, values, status)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on the metadata database."""
        with self.site.engine.begin() as connection:
            yield connection

    def keep(self, session: Session, response: Response) -> Response:
        """Have the browser hold this session, or none where it is empty. The one that it held before ends here, too:
        a copy of its cookie opens nothing any more.
        """
        if self.session_id is not None:
            with self.transaction() as connection:
                ended_sessions.end(connection, self.session_id, self.now, self.now + SESSION_LIFETIME)
        value = self.site.signer.session(session, self.now) if session.signed_in else None
        self.site.set_cookie(response, self.site.cookie, value, session.lasts(self.now))
        return response

    def may_see(self, connection: Connection, request_id: str) -> str | None:
        """Who this visitor is to this request: an operator, who began it, an invited address, or None for nobody.

        All that decides who sees a request is here, for people and for programs.
        """
        if self.session.operator:
            return self.name
        if self.session.person and link_requests.was_begun_by(connection, request_id, self.session.person):
            return self.session.person
        invite = invites.usable(connection, self.session.invite_ids, request_id, self.now)
        return invite.email if invite else None

    def find(self, connection: Connection, request_id: str, *, lock: bool = False) -> Known:
        """The request and who the visitor is to it.

        Raises:
            HTTPException: 403 where nobody is signed in; 404 where there is none.
            NotTheirsError: there is none for this visitor, who cannot tell it from the other 404.
        """
        if not self.session.signed_in:
            raise HTTPException(403)
        if not _REQUEST_ID.fullmatch(request_id):
            raise HTTPException(404)
        actor = self.may_see(connection, request_id)
        if actor is None:
            raise NotTheirsError(self, "request.opened", f"request:{request_id}")
        request = link_requests.get(connection, request_id, lock=lock)
        if request is None:
            raise HTTPException(404)
        return Known(request, actor, self.session.operator)

    def record(
        self,
        connection: Connection,
        actor: str,
        action: str,
        subject: str,
        result: str = "done",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Add a row to the audit log."""
        audit_log.record(connection, self.signature(actor), action, subject, result, self.came_from, detail)

    def signature(self, actor: str) -> str:
        """How an act of this actor is signed. Operators share a name, so of a program it is said which one it was."""
        if self.token is None or actor != link_requests.OPERATOR:
            return actor
        of = f" of {self.token.holder}" if self.token.holder else ""
        return f"{actor} by token {self.token.name}{of}"

    def who(self, connection: Connection) -> str:
        """Who is asking, for the audit log, whatever it is about."""
        if self.session.may_begin:
            return self.name
        for invite_id in reversed(self.session.invite_ids):
            if invite := invites.get(connection, invite_id, self.now):
                return invite.email
        return "invited" if self.session.signed_in else "anonymous"

    @property
    def name(self) -> str:
        """How an operator or a linker is called: by address, where it is known."""
        return self.session.person or link_requests.OPERATOR

    @property
    def only_of(self) -> str | None:
        """Whose requests alone are listed: a linker's own; None for an operator, to whom all are."""
        return None if self.session.operator else self.name

    @property
    def client(self) -> str:
        """What stands for this visitor in limits that hold for a network."""
        return limits.network(self.source_ip)

    def spend(self, *uses: Use) -> None:
        """Count what is about to be done, in a transaction of its own: it counts for all processes at once, and also
        if what follows fails. Call it while no other transaction is open.

        Raises:
            TooManyError: one of them was done too often.
        """
        refused: list[tuple[timedelta, Use]] = []
        with self.transaction() as connection:
            for use in sorted(uses, key=lambda use: use.key):  # one order for all, so that no two wait for each other
                usage = rate_limits.count(connection, use.key, self.now, use.limit.span, use.times)
                wait = limits.wait(use, usage, self.now)
                if wait is not None:
                    refused.append((wait, use))
                    self._note_limit(connection, use, usage)
            rate_limits.forget(connection, self.now)
        if refused:
            wait, use = max(refused, key=lambda found: found[0])
            raise TooManyError(use.limit, wait, self.now)

    def give_back(self, use: Use) -> None:
        """Uncount what turned out not to be what is limited."""
        with self.transaction() as connection:
            rate_limits.give_back(connection, use.key, self.now)

    def note_refusal(self, action: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
        """Write down that something was refused; of a flood from one client its beginning, and that it is one."""
        use = Use(limits.WRITTEN_REFUSALS, self.client)
        with self.transaction() as connection:
            usage = rate_limits.count(connection, use.key, self.now, use.limit.span)
            rate_limits.forget(connection, self.now)
            if limits.wait(use, usage, self.now) is None:
                self.record(connection, self.who(connection), action, subject, "refused", detail)
            self._note_limit(connection, use, usage)

    def _note_limit(self, connection: Connection, use: Use, usage: Usage) -> None:
        if limits.is_first_refusal(use, usage):
            detail = {"until": usage.ends_at.isoformat()}
            self.record(connection, self.who(connection), "limit.reached", use.key, "refused", detail)


@dataclass(frozen=True)
class Known:
    """A request that the visitor may see, who the visitor is to it, and whether that is an operator."""

    request: LinkRequest
    actor: str
    operator: bool

    @property
    def subject(self) -> str:
        """Its name in the audit log."""
        return f"request:{self.request.id}"


class NotTheirsError(HTTPException):
    """A signed-in visitor asked for what is not theirs to see or to do, or that there never was. `action` and `subject`
    are what the audit log says of it.
    """

    def __init__(self, visit: Visit, action: str, subject: str) -> None:
        super().__init__(404)
        self.visit = visit
        self.action = action
        self.subject = subject


def visit(request: Request) -> Visit:
    """FastAPI's dependency: read the session cookie."""
    site: Site = request.app.state.site
    now = site.clock()
    session, session_id = site.session_of(request.cookies.get(site.cookie), now)
    return Visit(site, session, now, request.url.path, source_of(request, site), session_id)


def source_of(request: Request, site: Site) -> str | None:
    """The address of whoever sent the request."""
    peer = request.client.host if request.client else None
    return client_address(peer, request.headers.getlist("x-forwarded-for"), site.settings.trusted_proxies)


AnyVisit = Annotated[Visit, Depends(visit)]


def _operator_visit(visit: AnyVisit) -> Visit:
    return _only(visit, visit.session.operator)


OperatorVisit = Annotated[Visit, Depends(_operator_visit)]


def _beginner_visit(visit: AnyVisit) -> Visit:
    return _only(visit, visit.session.may_begin)


BeginnerVisit = Annotated[Visit, Depends(_beginner_visit)]
"""By an operator or a linker: whoever may begin requests."""


def _only(visit: Visit, allowed: bool) -> Visit:
    if not visit.session.signed_in:
        raise HTTPException(403)
    if not allowed:
        raise NotTheirsError(visit, "page.opened", f"page:{visit.path}")
    return visit


def see_other(path: str) -> RedirectResponse:
    """After a POST: a GET, so that reloading repeats nothing. `path` is always one of our own."""
    return RedirectResponse(path, status_code=303)
