"""The database that the settings mean: a given one, the embedded one that already runs, or the embedded one for now.

Whoever needs the database calls `open_database`; only `up` and this module know the embedded server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from staxpipe.db.engine import make_engine, psycopg2_url
from staxpipe.db.migrate import migrate
from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.lock import FileLock, is_held, private_folder
from staxpipe.local.postgres import EmbeddedPostgres, FolderHeldError
from staxpipe.local.postgres_folder import running_server_url
from staxpipe.settings import Settings

DATABASE = "staxpipe"
DAGSTER_DATABASE = "dagster"
JOIN_SECONDS = 150.0


@contextmanager
def open_database(settings: Settings, meanwhile: Callable[[], None] | None = None) -> Iterator[Engine]:
    """An engine on the migrated metadata database; `engine.url` is its address.

    Without a given one, the embedded server of a running `staxpipe up` serves; where none runs, one is started and
    stops when the last command that uses it is done. `meanwhile` is what the caller has to do anyway, such as imports:
    it is done while a server that has to be started comes up; where none has to be, it is not called.

    Raises:
        PermanentError: the database cannot be used as it is (see the message).
        TransientError: it cannot be reached now.
    """
    if settings.database_url is not None:
        with migrated_engine(settings.database_url.get_secret_value()) as engine:
            yield engine
        return
    with embedded_url(settings, meanwhile) as url, migrated_engine(url) as engine:
        yield engine


@contextmanager
def migrated_engine(url: str) -> Iterator[Engine]:
    """An engine on a database that has today's tables."""
    engine = make_engine(url)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def embedded_url(settings: Settings, meanwhile: Callable[[], None] | None = None) -> Iterator[str]:
    """The address of the database `staxpipe` on the embedded server, which runs at least as long as this context."""
    folder = private_folder(embedded_folder(settings))
    with FileLock(folder / "users") as use:
        # Shared by all who use a server. Who started one only for now stops it after the last of them; who comes
        # meanwhile waits here, then finds no server and starts one.
        _open_or_explain(use)
        while True:
            if (url := _join(folder)) is not None:
                yield url
                return
            server = EmbeddedPostgres(folder, settings.postgres_port)
            try:
                server.start(meanwhile)
            except FolderHeldError:
                continue  # somebody was faster
            break
        try:
            create_databases(server)
            yield server.url(DATABASE)
        finally:
            use.release()
            with FileLock(folder / "users") as alone:
                alone.acquire(wait=True)
                server.stop()


def embedded_folder(settings: Settings) -> Path:
    """Where the embedded server keeps its state."""
    return settings.home.expanduser().absolute() / "postgres"


def create_databases(server: EmbeddedPostgres) -> None:
    """Make our two databases on the embedded server where they are not there yet."""
    ensure_database(server.url(DATABASE), beside="postgres")
    ensure_database(server.url(DAGSTER_DATABASE), beside="postgres")


def ensure_database(url: str, beside: str) -> None:
    """Make a database if it does not exist, through a connection to one that does (`beside`, on the same server).

    Raises:
        PermanentError: the user may not make one.
        TransientError: the server cannot be reached.
    """
    address = make_url(psycopg2_url(url))
    admin = create_engine(address.set(database=beside), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            there = text("SELECT count(*) FROM pg_database WHERE datname = :name")
            if connection.scalar(there, {"name": address.database}):
                return
            quoted = admin.dialect.identifier_preparer.quote_identifier(str(address.database))
            try:
                connection.execute(text(f"CREATE DATABASE {quoted}"))
            except DBAPIError as error:
                if connection.scalar(there, {"name": address.database}):
                    return  # somebody else made it at the same moment
                raise PermanentError(
                    f"The database {address.database} does not exist on {address.host}, and {address.username} may not "
                    f"create it: {str(error.orig).strip()}\n"
                    "Create it, or name another by STAXPIPE_DAGSTER_DATABASE_URL."
                ) from error
    except DBAPIError as error:
        raise TransientError(
            f"The database server {address.host}:{address.port or 5432} cannot be reached: {str(error.orig).strip()}"
        ) from error
    finally:
        admin.dispose()


def _open_or_explain(use: FileLock) -> None:
    try:
        use.acquire(shared=True, wait=True)
    except PermissionError:
        raise PermanentError(
            f"{use.path.parent} belongs to another user. Run this as that user, or use another folder by STAXPIPE_HOME."
        ) from None


def _join(folder: Path) -> str | None:
    """The address of the database on the server that somebody runs in the folder; None where nobody does.

    What files say is believed only while a living process holds the folder's lock.
    """
    deadline = time.monotonic() + JOIN_SECONDS
    while is_held(folder / "lock"):
        url = running_server_url(folder, DATABASE)
        if url is not None and _exists(url):
            return url
        if time.monotonic() > deadline:
            raise TransientError(f"Another staxpipe is starting the database in {folder} and does not get done.")
        time.sleep(0.05)
    return None


def _exists(url: str) -> bool:
    """Whether the database is there: right after the first start it is not, for a moment."""
    engine = create_engine(url)
    try:
        engine.connect().close()
    except DBAPIError:
        return False
    finally:
        engine.dispose()
    return True
