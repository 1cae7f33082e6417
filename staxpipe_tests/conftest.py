"""Fixtures that several test modules share: a real Postgres with a fresh database a test, and outside data."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from staxpipe.db.engine import make_engine, psycopg2_url
from staxpipe.db.migrate import migrate
from staxpipe.local.postgres import EmbeddedPostgres

OUTSIDE_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Nothing in a test outlives a crash of the machine: not waiting for the disk makes databases quick.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A busy machine is no finding: what is too slow is measured by benchmarks, not by whoever shares the processor.
hypothesis.settings.register_profile("staxpipe", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("staxpipe")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Postgres, so that it can be run against another version alone."""
    for item in items:
        if isinstance(item, pytest.Function) and "postgres_url" in item.fixturenames:
            item.add_marker("database")


@pytest.fixture(scope="session")
def outside_data() -> Path:
    """The folder of files that nobody on the project wrote."""
    if not OUTSIDE_DATA.is_dir():
        pytest.skip(f"outside data is not at {OUTSIDE_DATA}")
    return OUTSIDE_DATA


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's address of a real Postgres: STAXPIPE_TEST_DATABASE_URL, or the embedded one."""
    given = os.environ.get("STAXPIPE_TEST_DATABASE_URL")
    if given is not None:
        yield psycopg2_url(given)
        return
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "server", server_settings=QUICK) as server:
        yield server.url("postgres")


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """The name of a migrated, empty database that nobody is connected to: others are copies of it."""
    with _fresh_database(postgres_url, "template") as url:
        engine = make_engine(url)
        migrate(engine)
        engine.dispose()
        yield str(make_url(url).database)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The address of a fresh database without any table."""
    with _fresh_database(postgres_url, "empty") as url:
        yield url


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """The address of a fresh, migrated, empty database."""
    with _fresh_database(postgres_url, "test", f" TEMPLATE {template_database}") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh, migrated, empty database."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def module_engine(postgres_url: str, template_database: str) -> Iterator[Engine]:
    """An engine on a database that is fresh, migrated and empty when a module's tests begin, which share it."""
    with _fresh_database(postgres_url, "module", f" TEMPLATE {template_database}") as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@contextmanager
def _fresh_database(postgres_url: str, purpose: str, clause: str = "") -> Iterator[str]:
    """The address of a database with a name of its own, dropped afterwards."""
    name = f"{purpose}_{secrets.token_hex(6)}"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{clause}"))
    try:
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write as to a terminal of 80 columns without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
