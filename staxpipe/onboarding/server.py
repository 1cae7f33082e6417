"""Serving the pages as a process of their own: settings, database and port are checked first, in words."""

from __future__ import annotations

import socket
import sys

import uvicorn
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from staxpipe.db.engine import make_engine
from staxpipe.db.tables import link_requests
from staxpipe.errors import PermanentError, StaxpipeError
from staxpipe.onboarding.app import create_app
from staxpipe.settings import Settings, read_settings


def main() -> None:
    """Entry point: exits 1 with a sentence where serving is impossible."""
    try:
        serve()
    except StaxpipeError as error:
        sys.exit(f"staxpipe: {error}")


def serve() -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        PermanentError: a setting is wrong, the database does not answer or is not migrated, or the port is taken.
    """
    settings = read_settings()
    if settings.database_url is None:
        raise PermanentError(
            "STAXPIPE_DATABASE_URL is not set, and the pages do not start a database of their own. Run `staxpipe up`, "
            "which starts everything, or set it to a Postgres that staxpipe's migrations have been applied to."
        )
    engine = make_engine(settings.database_url.get_secret_value())
    try:
        check_database(engine)
        with listen(settings) as listener:
            server(settings, engine).run(sockets=[listener])
    finally:
        engine.dispose()


def server(settings: Settings, engine: Engine) -> uvicorn.Server:
    """The server, not yet running."""
    config = uvicorn.Config(
        create_app(settings, engine),
        access_log=False,  # addresses hold sign-in and invitation tokens; the audit log says who did what
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        proxy_headers=False,  # `staxpipe.onboarding.client` says whose word on the client is taken
    )
    return uvicorn.Server(config)


def check_database(engine: Engine) -> None:
    """Ask the database one question.

    Raises:
        PermanentError: it does not answer, or has not our tables.
    """
    try:
        with engine.connect() as connection:
            connection.execute(select(link_requests.c.id).limit(1))
    except OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise PermanentError(f"The database {where} does not answer: {str(error.orig).strip()}") from None
    except ProgrammingError:
        where = engine.url.render_as_string(hide_password=True)
        raise PermanentError(
            f"The database {where} has no staxpipe tables. Run `staxpipe up`, which applies the migrations."
        ) from None


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else runs.

    Raises:
        PermanentError: it is taken, or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.web_port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.web_port), family=family, backlog=128)
    except OSError as error:
        raise PermanentError(
            f"The pages cannot listen on {settings.host}, port {settings.web_port}: {error.strerror}. Stop what uses "
            "the port, or choose another with STAXPIPE_WEB_PORT (and STAXPIPE_HOST)."
        ) from None
