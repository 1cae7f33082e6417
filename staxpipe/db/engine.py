"""Making a SQLAlchemy engine from a database address, and nothing else."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url


def psycopg2_url(address: str) -> str:
    """The address with its driver named: SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3."""
    return make_url(address).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def make_engine(address: str) -> Engine:
    """An engine for the metadata database; connections are checked before use, so a restarted server is no error."""
    return create_engine(psycopg2_url(address), pool_pre_ping=True, pool_size=5, max_overflow=10)
