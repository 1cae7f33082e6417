"""`open_database` finds the right database, or brings one, for one and for many at once."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.database import create_databases, embedded_folder, ensure_database, open_database
from staxpipe.local.lock import is_held
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.settings import Settings, read_settings
from staxpipe_tests.local.conftest import first_line, let_go, outcome, python, query, wait_until

USE = """
import sys
from pathlib import Path
from staxpipe.local.database import open_database
from staxpipe.settings import Settings
with open_database(Settings(home=Path(sys.argv[1]))) as engine:
    with engine.connect() as connection:
        print(engine.url.port, connection.exec_driver_sql("SELECT count(*) FROM links").scalar(), flush=True)
    sys.stdin.read()
    with engine.connect() as connection:
        print(connection.exec_driver_sql("SELECT count(*) FROM links").scalar(), flush=True)
"""


def test_a_given_database_is_used_and_migrated(settings: Settings, empty_database_url: str) -> None:
    given = read_settings({"home": settings.home, "database_url": empty_database_url})
    with open_database(given) as engine:
        assert engine.url.database == make_url(empty_database_url).database
        assert "deliveries" in inspect(engine).get_table_names()
    assert not settings.home.exists(), "nothing of the embedded one is made"


def test_without_one_the_embedded_one_runs_for_as_long_as_it_is_used(settings: Settings, server_folder: Path) -> None:
    assert embedded_folder(settings) == server_folder
    with open_database(settings) as engine:
        assert "deliveries" in inspect(engine).get_table_names()
        names = engine.connect().execute(text("SELECT datname FROM pg_database")).scalars().all()
        assert {"staxpipe", "dagster"} <= set(names)
        assert is_held(server_folder / "lock")
    assert not is_held(server_folder / "lock")


def test_a_running_one_is_joined_and_left_running(settings: Settings, server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as server:
        create_databases(server)
        process = server.process_id
        with open_database(settings) as engine:
            assert engine.url.port == server.port
        assert server.running()
        assert server.process_id == process


def test_who_started_it_for_now_stops_it_after_the_last_who_uses_it(settings: Settings, server_folder: Path) -> None:
    first = python(USE, settings.home)
    port, links = first_line(first).split()
    second = python(USE, settings.home)
    assert first_line(second).split() == [port, links]
    let_go(first)
    assert first_line(first) == "0"
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(timeout=1)  # it is done, and waits for the second
    let_go(second)
    assert outcome(second) == (0, "0\n", "")
    assert outcome(first) == (0, "", "")
    assert not is_held(server_folder / "lock")


def test_several_that_begin_at_once_share_one_server(settings: Settings, server_folder: Path) -> None:
    children = [python(USE, settings.home) for _ in range(3)]
    assert len({first_line(child) for child in children}) == 1
    for child in children:
        let_go(child)  # all of them: who started the server ends last
    for child in children:
        assert outcome(child) == (0, "0\n", "")
    assert not is_held(server_folder / "lock")


def test_after_its_starter_is_killed_the_next_one_starts_it_again(settings: Settings, server_folder: Path) -> None:
    child = python(USE, settings.home)
    first_line(child)
    child.kill()
    child.communicate()
    with open_database(settings) as engine, engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM links")) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_another_users_state_is_an_error_in_words(settings: Settings, server_folder: Path) -> None:
    with open_database(settings):
        pass
    for folder in (server_folder.parent.parent, server_folder.parent, server_folder):
        folder.chmod(0o755)
    script = """
import os, sys
from pathlib import Path
from staxpipe.local.lock import FileLock
from staxpipe.local import database
try:
    database._open_or_explain(FileLock(Path(sys.argv[1])))
except Exception as error:
    print(repr(error))
"""
    child = python(script, server_folder / "users", user=pwd.getpwnam("nobody").pw_uid)
    said, complaint = child.communicate()
    assert "belongs to another user" in said, complaint


def test_a_missing_database_is_made_once(postgres_url: str) -> None:
    url = make_url(postgres_url).set(database=f"made_{os.getpid()}").render_as_string(hide_password=False)
    try:
        ensure_database(url, beside="postgres")
        ensure_database(url, beside="postgres")
        assert query(url, "SELECT current_database()") == f"made_{os.getpid()}"
    finally:
        admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE made_{os.getpid()} WITH (FORCE)"))
        admin.dispose()


def test_a_user_who_may_not_make_it_is_told_what_to_do(postgres_url: str) -> None:
    role = f"guest_{os.getpid()}"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'"))
    try:
        url = make_url(postgres_url).set(username=role, password="guest", database="not_there")
        with pytest.raises(PermanentError, match="STAXPIPE_DAGSTER_DATABASE_URL"):
            ensure_database(url.render_as_string(hide_password=False), beside="postgres")
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP ROLE {role}"))
        admin.dispose()


def test_a_server_that_is_not_there_is_a_transient_error() -> None:
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1 cannot be reached"):
        ensure_database("postgresql://somebody@127.0.0.1:1/dagster", beside="postgres")


def test_a_lock_that_is_held_without_a_server_is_not_waited_for_for_ever(
    settings: Settings, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staxpipe.local.database.JOIN_SECONDS", 0.2)
    holder = python(
        "import sys; from pathlib import Path; from staxpipe.local.lock import FileLock\n"
        "FileLock(Path(sys.argv[1])).acquire() and (print('held', flush=True), sys.stdin.read())",
        server_folder / "lock",
    )
    wait_until(lambda: is_held(server_folder / "lock"))
    try:
        with pytest.raises(TransientError, match="does not get done"), open_database(settings):
            pass
    finally:
        holder.communicate()
