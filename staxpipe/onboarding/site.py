"""What every page needs: settings, database, clock, templates, and who is asking.

A page function asks for a `Visit` and answers with `Visit.page(...)`. No page's own logic is here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment
from sqlalchemy import Connection, Engine
from starlette.responses import Response

from staxpipe.db import audit_log, invites, link_requests
from staxpipe.db.link_requests import LinkRequest
from staxpipe.onboarding.guards import is_https
from staxpipe.onboarding.sessions import SESSION_LIFETIME, Session, Signer
from staxpipe.settings import Settings

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Site:
    """What one running web process has."""

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime]
    templates: Environment
    signer: Signer

    @property
    def cookie(self) -> str:
        """The session cookie's name. ``__Host-`` has browsers hold it to https, this host and no other path."""
        return "__Host-staxpipe" if is_https(self.settings.base_url) else "staxpipe"

    @property
    def request_lifetime(self) -> timedelta:
        """How long a request waits before it expires."""
        return timedelta(days=self.settings.request_days)

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
    """One HTTP request: who asks, from where, when."""

    site: Site
    session: Session
    now: datetime
    path: str
    source_ip: str | None

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
        """Have the browser hold this session; an empty one ends it."""
        flags = {"path": "/", "httponly": True, "samesite": "lax", "secure": is_https(self.site.settings.base_url)}
        if session.signed_in:
            value = self.site.signer.session(session, self.now)
            response.set_cookie(self.site.cookie, value, max_age=int(SESSION_LIFETIME.total_seconds()), **flags)  # type: ignore[arg-type]  # the flags' types, one by one
        else:
            response.delete_cookie(self.site.cookie, **flags)  # type: ignore[arg-type]
        return response

    def may_see(self, connection: Connection, request_id: str) -> str | None:
        """Who this visitor is to this request: ``operator``, an invited address, or None for nobody."""
        if self.session.operator:
            return link_requests.OPERATOR
        invite = invites.usable(connection, self.session.invite_ids, request_id, self.now)
        return invite.email if invite else None

    def find(self, connection: Connection, request_id: str, *, lock: bool = False) -> Known:
        """The request and who the visitor is to it.

        Raises:
            HTTPException: 403 where nobody is signed in; 404 where there is none, or none for this visitor: an
                invited person cannot tell the two apart.
        """
        if not self.session.signed_in:
            raise HTTPException(403)
        if not _REQUEST_ID.fullmatch(request_id):
            raise HTTPException(404)
        actor = self.may_see(connection, request_id)
        request = link_requests.get(connection, request_id, lock=lock) if actor else None
        if actor is None or request is None:
            raise HTTPException(404)
        return Known(request, actor)

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
        audit_log.record(connection, actor, action, subject, result, self.source_ip, detail)


@dataclass(frozen=True)
class Known:
    """A request that the visitor may see, and who the visitor is to it."""

    request: LinkRequest
    actor: str

    @property
    def subject(self) -> str:
        """Its name in the audit log."""
        return f"request:{self.request.id}"


def visit(request: Request) -> Visit:
    """FastAPI's dependency: read the session cookie."""
    site: Site = request.app.state.site
    now = site.clock()
    session = site.signer.read_session(request.cookies.get(site.cookie), now)
    return Visit(site, session, now, request.url.path, request.client.host if request.client else None)


AnyVisit = Annotated[Visit, Depends(visit)]


def _operator_visit(visit: AnyVisit) -> Visit:
    if not visit.session.operator:
        raise HTTPException(404 if visit.session.signed_in else 403)
    return visit


OperatorVisit = Annotated[Visit, Depends(_operator_visit)]


def see_other(path: str) -> RedirectResponse:
    """After a POST: a GET, so that reloading repeats nothing. `path` is always one of our own."""
    return RedirectResponse(path, status_code=303)
