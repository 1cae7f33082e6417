"""The web application: pages, guards and error pages put together. No page is written here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.types import Scope

from staxpipe.onboarding.api import app as api
from staxpipe.onboarding.api import problems
from staxpipe.onboarding.guards import LARGEST_BODY, Guard, security_headers
from staxpipe.onboarding.limits import TooManyError
from staxpipe.onboarding.pages import (
    activity,
    details,
    export_pages,
    health,
    help_pages,
    home,
    invitations,
    link_requests,
    members,
    oidc,
    sign_in,
    statuses,
    tokens,
    unlinking,
)
from staxpipe.onboarding.rendering import make_templates
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe.onboarding.site import NotTheirsError, Site, visit
from staxpipe.onboarding.static_files import KeptFiles
from staxpipe.settings import Settings

if TYPE_CHECKING:
    from staxpipe.oidc.provider import Provider

_STATIC = Path(__file__).with_name("static")
_log = logging.getLogger(__name__)

_WORDS = {
    400: ("That did not arrive in one piece", "The form that your browser sent cannot be read. Go back and try again."),
    403: ("You need a link to get in", ""),
    404: ("There is no such page", "The address is wrong, or the page is not for you to see."),
    405: ("That cannot be done here", "Go back and use the buttons of the page."),
    413: ("That is too much", "The form holds more text than it may. Go back and shorten it."),
    429: ("That was too often", ""),
    500: ("Something went wrong on our side", "Nothing you did caused this. Please try again in a minute."),
    503: ("The database does not answer", "staxpipe is starting or being repaired. Please try again in a minute."),
}


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings, engine: Engine, clock: Callable[[], datetime] = _utc_now) -> FastAPI:
    """The pages on a migrated database. The caller owns the engine."""
    app = FastAPI(title="staxpipe", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    site = Site(settings, engine, clock, make_templates(_STATIC), Signer(settings.signing_key()), _provider(settings))
    app.state.site = site
    pages = (
        home,
        sign_in,
        invitations,
        link_requests,
        details,
        members,
        statuses,
        export_pages,
        unlinking,
        activity,
        tokens,
        help_pages,
        health,
    )
    for page in pages:
        app.include_router(page.router)
    if site.provider is not None:
        app.include_router(oidc.router)
    app.mount("/static", KeptFiles(directory=_STATIC), name="static")
    app.state.api = api.create_api(site)
    app.mount(api.PATH, app.state.api, name="api")

    def error_page(request: Request, status: int, said: str = "") -> Response:
        # 403: nobody is signed in, or the session was ended.
        cookie = None if status == 403 else request.cookies.get(site.cookie)
        session = site.signer.read_session(cookie, site.clock())
        title, text = _WORDS.get(status, _WORDS[500 if status >= 500 else 400])
        text = said or text
        template = "signed_out.html" if status == 403 else "error.html"
        values = {"title": title, "text": text, "again": status >= 500 and request.method == "GET"}
        return site.render(template, session, request.url.path, values, status)

    def http_error(request: Request, error: Exception) -> Response:
        if isinstance(error, NotTheirsError):
            error.visit.note_refusal(error.action, error.subject)
        if isinstance(error, TooManyError):
            response = error_page(request, error.status_code, error.sentences)
        else:
            response = error_page(request, error.status_code if isinstance(error, HTTPException) else 500)
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    def unreadable(request: Request, _: Exception) -> Response:
        return error_page(request, 400)

    def no_database(request: Request, error: Exception) -> Response:
        _log.error("the metadata database does not answer: %s", error)
        return error_page(request, 503)

    def crash(request: Request, _: Exception) -> Response:  # the server logs the exception itself
        response = error_page(request, 500)
        response.headers.update(security_headers(settings.base_url))  # this answer does not pass the guard
        return response

    def cross_site(request: Request) -> Response:
        try:  # not its path: that may be a sign-in link
            visit(request).note_refusal("form.sent", "cross-site", {"origin": request.headers.get("origin", "")})
        except OperationalError as error:  # it is refused all the same
            _log.error("the metadata database does not answer: %s", error)
        title = "This did not come from our own page"
        text = "Your browser says that another site sent this form. Open the page yourself and try again."
        return site.render("error.html", Session(), request.url.path, {"title": title, "text": text}, 403)

    def too_large(request: Request) -> Response:
        return problems.answer(413) if is_of_api(request.scope) else error_page(request, 413)

    def is_of_api(scope: Scope) -> bool:
        return str(scope["path"]).startswith(f"{api.PATH}/")

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(OperationalError, no_database)
    app.add_exception_handler(Exception, crash)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(
        Guard,
        base_url=settings.base_url,
        cross_site_page=cross_site,
        too_large_page=too_large,
        without_cookies=is_of_api,
    )
    return app


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc_issuer is None:
        return None
    from staxpipe.oidc.provider import Provider  # what it needs takes memory, which most have no use for

    return Provider(settings)
