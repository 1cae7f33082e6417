"""A database's address in the words of who reads it, and making a SQLAlchemy engine from one."""

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.engine import make_url


def psycopg2_url(address: str) -> str:
    """The address with its driver named: SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3."""
    return make_url(address).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def shown_url(address: str) -> str:
    """The address as every other program takes it, for people to read and copy: no driver, and no password."""
    url = make_url(address)
    options = {name: value for name, value in url.query.items() if "password" not in name}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, options)
    return plain.render_as_string()


def make_engine(address: str) -> Engine:
    """An engine for the metadata database.

    Connections are checked before use, so a restarted server is no error. Errors do not show the values of their
    statement: these go into logs, and ExternalIds are among them.
    """
    return create_engine(psycopg2_url(address), pool_pre_ping=True, pool_size=5, max_overflow=10, hide_parameters=True)
