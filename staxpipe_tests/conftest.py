"""Fixtures that several test modules share: a real Postgres with a fresh database a test, and outside data."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from staxpipe.db.engine import make_engine, psycopg2_url
from staxpipe.db.tables import metadata

OUTSIDE_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def outside_data() -> Path:
    """The folder of files that nobody on the project wrote."""
    if not OUTSIDE_DATA.is_dir():
        pytest.skip(f"outside data is not at {OUTSIDE_DATA}")
    return OUTSIDE_DATA


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's address of a real Postgres: STAXPIPE_TEST_DATABASE_URL, or the embedded one."""
    given = os.environ.get("STAXPIPE_TEST_DATABASE_URL")
    if given is None:
        raise NotImplementedError("embedded")
    yield given


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The address of a fresh, migrated, empty database."""
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(psycopg2_url(postgres_url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(psycopg2_url(postgres_url)).set(database=name).render_as_string(hide_password=False)
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    try:
        yield url
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh, migrated, empty database."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()
