"""The embedded Postgres survives what machines and people do to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import psycopg2
import pytest

from staxpipe.errors import PermanentError
from staxpipe.local.launch import Become, RunAs, unprivileged_user
from staxpipe.local.lock import is_held
from staxpipe.local.ports import port_problem
from staxpipe.local.postgres import EmbeddedPostgres, FolderHeldError
from staxpipe.local.postgres_folder import running_server_url
from staxpipe.local.postgres_program import program
from staxpipe_tests.local.conftest import execute, is_gone, python, query, wait_until

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="a kernel's feature")
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SERVE = """
import sys
from pathlib import Path
from staxpipe.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.process_id, server.url("postgres"), flush=True)
sys.stdin.read()
server.stop()
print("stopped", flush=True)
"""


def test_it_starts_answers_and_stops(home: Path) -> None:
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    url = server.url("postgres")
    process = server.process_id
    assert str(query(url, "SELECT version()")).startswith("PostgreSQL 18")
    server.stop()
    assert process is not None
    assert is_gone(process)
    assert not is_held(home / "postgres" / "lock")
    with pytest.raises(psycopg2.OperationalError):
        query(url, "SELECT 1")


def test_what_is_done_meanwhile_is_done_once_and_its_failure_stops_the_server(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder)
    running: list[bool] = []
    server.start(lambda: running.append(server.running()))
    assert running == [True]
    server.stop()

    def fails() -> None:
        raise RuntimeError("it cannot be imported")

    with pytest.raises(RuntimeError, match="imported"):
        server.start(fails)
    assert not server.running()
    assert not is_held(server_folder / "lock")


def test_only_who_knows_the_password_gets_in_and_only_from_this_machine(home: Path) -> None:
    with EmbeddedPostgres(home / "postgres") as server:
        wrong = f"postgresql://staxpipe:wrong@127.0.0.1:{server.port}/postgres"
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            query(wrong, "SELECT 1")
        rules = query(server.url("postgres"), "SELECT array_agg(DISTINCT auth_method)::text FROM pg_hba_file_rules")
        assert rules == "{scram-sha-256}"
        assert query(server.url("postgres"), "SHOW listen_addresses") == "127.0.0.1"
        assert query(server.url("postgres"), "SHOW unix_socket_directories") == ""
    password = home / "postgres" / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert len(password.read_text()) >= 32
    assert not (home / "postgres" / "password.new").exists()


def test_what_was_written_is_there_after_a_restart_at_the_same_address(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as server:
        first = server.url("postgres")
        execute(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(server_folder) as server:
        assert server.url("postgres") == first
        assert query(first, "SELECT answer FROM kept") == 42


def test_another_port_is_taken_when_the_last_one_is_not_free(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as server:
        last = server.port
    with socket.create_server(("127.0.0.1", last)), EmbeddedPostgres(server_folder) as server:
        assert server.port != last
        assert query(server.url("postgres"), "SELECT 1") == 1


def test_a_taken_port_that_was_asked_for_is_an_error_that_names_the_setting(server_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PermanentError, match=f"port {port}.*another program(.|\n)*STAXPIPE_POSTGRES_PORT"):
            EmbeddedPostgres(server_folder, port).start()
    assert not is_held(server_folder / "lock")


def test_a_folder_has_one_server(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder), pytest.raises(FolderHeldError, match=f"process {os.getpid()}"):
        EmbeddedPostgres(server_folder).start()


def test_a_half_made_data_folder_is_made_anew(home: Path) -> None:
    folder = home / "postgres"
    child = python(SERVE, folder)
    wait_until(lambda: (folder / "data.new").exists())
    child.kill()
    child.communicate()
    assert not (folder / "data").exists(), "the kill came too late to prove anything"
    with EmbeddedPostgres(folder) as server:
        assert query(server.url("postgres"), "SELECT 1") == 1
    assert not (folder / "data.new").exists()


def test_the_database_is_not_opened_without_its_password(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    (server_folder / "password").unlink()
    with pytest.raises(PermanentError, match="password is missing"):
        EmbeddedPostgres(server_folder).start()


def test_a_killed_server_starts_again_at_the_same_address_with_every_acknowledged_commit(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as server:
        url = server.url("postgres")
        execute(url, "CREATE TABLE written (number int)")
        writer = psycopg2.connect(url.replace("+psycopg2", ""))
        writer.autocommit = True
        acknowledged = 0
        process = server.process_id
        assert process is not None
        begin = time.monotonic()
        with writer.cursor() as cursor:
            try:
                while True:
                    cursor.execute("INSERT INTO written VALUES (%s)", [acknowledged + 1])
                    acknowledged += 1
                    if acknowledged == 200:
                        os.kill(process, signal.SIGKILL)  # the backend notices a little later
            except psycopg2.Error:
                pass
        assert time.monotonic() - begin < 30
        wait_until(lambda: not server.running())
        server.start()
        assert server.url("postgres") == url
        assert query(url, f"SELECT count(*) FROM written WHERE number <= {acknowledged}") == acknowledged
        assert acknowledged >= 200


@linux_only
def test_the_server_ends_with_a_killed_parent_and_the_next_one_starts_at_once(server_folder: Path) -> None:
    child = python(SERVE, server_folder)
    assert child.stdout is not None
    process, url = child.stdout.readline().split()
    execute(url, "CREATE TABLE kept AS SELECT 7 AS answer")
    child.kill()
    child.communicate()
    with EmbeddedPostgres(server_folder) as server:  # while the old one may still be going down
        assert query(server.url("postgres"), "SELECT answer FROM kept") == 7
        assert is_gone(int(process))


def test_a_process_file_that_names_a_stranger_does_not_keep_it_from_starting(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as server:
        lines = (server_folder / "data" / "postmaster.pid").read_text().splitlines()
        url = server.url("postgres")
    stranger = python("import sys; sys.stdin.read()")  # as after a restart of the machine: the number is reused
    (server_folder / "data" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    if os.geteuid() == 0:
        os.chown(server_folder / "data" / "postmaster.pid", *_owner(server_folder / "data"))
    try:
        with EmbeddedPostgres(server_folder) as server:
            assert query(url, "SELECT 1") == 1
        assert stranger.poll() is None, "the stranger was harmed"
    finally:
        stranger.communicate()


def test_others_find_a_running_server_and_not_one_that_is_gone(server_folder: Path) -> None:
    assert running_server_url(server_folder, "postgres") is None
    with EmbeddedPostgres(server_folder) as server:
        assert running_server_url(server_folder, "postgres") == server.url("postgres")
    assert running_server_url(server_folder, "postgres") is None


def test_variables_meant_for_other_servers_change_nothing(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGHOST": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(server_folder) as server:
        assert query(server.url("postgres"), "SELECT current_user") == "staxpipe"


def test_a_program_that_the_machine_lacks_is_an_error_with_a_way_out() -> None:
    with pytest.raises(PermanentError, match="STAXPIPE_DATABASE_URL"):
        program("no-such-program")


def test_a_port_can_be_free_taken_or_forbidden() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert port_problem("127.0.0.1", port) == "another program listens there"
    assert port_problem("127.0.0.1", port) is None
    assert port_problem("192.0.2.1", port) == "Cannot assign requested address"


@as_root_only
@linux_only
@pytest.mark.parametrize("become", [Become.USER, Become.NAMESPACE, Become.USER_WITH_FILE_ACCESS])
def test_as_root_each_way_of_not_being_root_serves_and_takes_over_from_the_others(
    home: Path, server_folder: Path, become: Become, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = unprivileged_user()
    assert nobody is not None
    for closed in (home.parent, home, server_folder):
        closed.chmod(0o711)
    with EmbeddedPostgres(server_folder) as server:
        execute(server.url("postgres"), "CREATE TABLE kept AS SELECT 7 AS answer")
    run_as = RunAs(become, *nobody)
    monkeypatch.setattr("staxpipe.local.postgres.who_can_run", lambda *_: run_as)
    with EmbeddedPostgres(server_folder) as server:
        assert query(server.url("postgres"), "SELECT answer FROM kept") == 7
        assert _owner(server_folder / "data") == run_as.owner
        inside = Path(f"/proc/{server.process_id}/status").read_text()
        outside_uid = int(inside.partition("Uid:")[2].split()[0])
        assert outside_uid == (0 if become is Become.NAMESPACE else nobody[0])
        assert (server_folder / "password").stat().st_uid == 0


@as_root_only
@linux_only
def test_as_root_a_closed_folder_above_stays_closed(home: Path) -> None:
    home.mkdir(mode=0o700)
    with EmbeddedPostgres(home / "postgres") as server:
        assert query(server.url("postgres"), "SELECT 1") == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700


@as_root_only
def test_an_ordinary_user_needs_no_help(home: Path) -> None:
    user = pwd.getpwnam("nobody").pw_uid
    home.parent.chmod(0o755)
    home.mkdir()
    os.chown(home, user, user)
    child = python(SERVE, home / "postgres", user=user)
    said, complaint = child.communicate(timeout=60)
    assert said.splitlines()[-1:] == ["stopped"], complaint
    assert _owner(home / "postgres" / "data")[0] == user


@as_root_only
def test_somebody_elses_folder_is_an_error_in_words(home: Path, server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    home.parent.chmod(0o755)
    child = python(
        SERVE.replace("server.start()", "\ntry: server.start()\nexcept Exception as error: sys.exit(repr(error))"),
        server_folder,
        user=pwd.getpwnam("nobody").pw_uid,
    )
    _, complaint = child.communicate(timeout=60)
    assert "PermanentError" in complaint
    assert "Permission denied" in complaint


def test_a_folder_that_cannot_be_made_is_an_error_in_words(home: Path) -> None:
    home.write_text("a file where a folder should be")
    with pytest.raises(PermanentError, match=r"cannot be made: .* Set STAXPIPE_HOME"):
        EmbeddedPostgres(home / "postgres").start()


def test_a_server_that_does_not_start_says_what_postgres_said(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    shutil.rmtree(server_folder / "data" / "global")
    with pytest.raises(PermanentError, match=r"does not start(.|\n)*pg_control"):
        EmbeddedPostgres(server_folder).start()


def _owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid
