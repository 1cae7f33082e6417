"""What we know of Dagster from outside: its health, its folder, and problems that it reports."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import Engine, text

from staxpipe.db.engine import make_engine
from staxpipe.errors import PermanentError
from staxpipe.local import dagster_home
from staxpipe.settings import Settings


@contextmanager
def web_server(status: int, body: object) -> Iterator[str]:
    """A server that always answers the same."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class's name
            content = json.dumps(body).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, True), (500, False), (503, False)])
def test_a_server_answers_unless_it_fails(status: int, healthy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # meant for the world outside
    with web_server(status, {}) as url:
        assert dagster_home.answers(url) is healthy


def test_nobody_there_is_not_an_answer() -> None:
    assert not dagster_home.answers("http://127.0.0.1:1/healthz")


def workspace(loaded: object) -> object:
    return {"data": {"workspaceOrError": {"locationEntries": [{"name": "staxpipe", "locationOrLoadError": loaded}]}}}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (workspace({"__typename": "RepositoryLocation"}), None),
        (workspace({"__typename": "PythonError", "message": "No module named x"}), "No module named x"),
        ({"data": {"workspaceOrError": {"message": "no workspace"}}}, "no workspace"),
    ],
)
def test_why_our_definitions_do_not_load_is_said(answer: object, problem: str | None) -> None:
    with web_server(200, answer) as url:
        assert dagster_home.code_location_problem(url) == problem


def test_the_daemon_beats_when_it_looked_at_its_sensors_lately(engine: Engine) -> None:
    now = datetime.now(UTC)
    assert not dagster_home.daemon_beats(engine, now)  # not even a table yet
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE daemon_heartbeats (daemon_type text, timestamp timestamp)"))
    assert not dagster_home.daemon_beats(engine, now)
    with engine.begin() as connection:
        beat = text("INSERT INTO daemon_heartbeats VALUES (:kind, :at)")
        connection.execute(beat, {"kind": "SENSOR", "at": (now - timedelta(seconds=5)).replace(tzinfo=None)})
        connection.execute(beat, {"kind": "BACKFILL", "at": (now + timedelta(seconds=5)).replace(tzinfo=None)})
    assert not dagster_home.daemon_beats(engine, now)
    assert dagster_home.daemon_beats(engine, now - timedelta(seconds=10))


def test_dagster_is_prepared_once_a_version_and_again_on_an_empty_database(
    settings: Settings, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = dagster_home.dagster_home(settings)
    dagster_home.write_dagster_home(home)
    variables = dagster_home.environment(settings, empty_database_url, empty_database_url)
    engine = make_engine(empty_database_url)
    ran: list[list[str]] = []
    real = dagster_home._run_dagster

    def recorded(arguments: list[str], environment: dict[str, str]) -> None:
        ran.append(arguments)
        real(arguments, environment)

    monkeypatch.setattr(dagster_home, "_run_dagster", recorded)
    dagster_home.prepare_database(home, engine, variables)
    dagster_home.prepare_database(home, engine, variables)
    assert ran == [["-m", "dagster", "instance", "migrate"]]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with DagsterInstance.from_config(str(home)) as instance:
        run = create_run_for_test(instance, status=DagsterRunStatus.SUCCESS)
    dagster_home.prepare_database(home, engine, variables)
    assert len(ran) == 1
    (home / "database-version").write_text("1.0.0")
    dagster_home.prepare_database(home, engine, variables)
    assert len(ran) == 2
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE runs SET status = 'STARTED', run_body = replace(run_body, 'SUCCESS', 'STARTED')")
        )
    dagster_home.prepare_database(home, engine, variables)
    assert ran[2:] == [["-m", "staxpipe.defs.lost_runs"]]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT run_id, status FROM runs")).all() == [(run.run_id, "FAILURE")]
    engine.dispose()


def test_what_dagster_refuses_is_said_in_its_words(settings: Settings, engine: Engine) -> None:
    home = dagster_home.dagster_home(settings)
    dagster_home.write_dagster_home(home)
    (home / "dagster.yaml").write_text("no_setting_of_dagsters: 1")  # a database that is away it tries again and again
    nowhere = "postgresql+psycopg2://somebody@127.0.0.1:1/dagster"
    with pytest.raises(PermanentError, match=r"could not be prepared(.|\n)*no_setting_of_dagsters"):
        dagster_home.prepare_database(home, engine, dagster_home.environment(settings, nowhere, nowhere))


def test_all_programs_agree_on_where_things_are(settings: Settings, tmp_path: Path) -> None:
    variables = dagster_home.environment(settings, "postgresql://one", "postgresql://other")
    assert variables["STAXPIPE_DATABASE_URL"] == "postgresql://one"
    assert variables["STAXPIPE_DAGSTER_DATABASE_URL"] == "postgresql://other"
    assert variables["DAGSTER_HOME"] == str(settings.home / "dagster")
    assert variables["STAXPIPE_CONCURRENT_RUNS"] == "2"


def test_dagsters_folder_is_written_anew_and_private(settings: Settings) -> None:
    home = dagster_home.dagster_home(settings)
    dagster_home.write_dagster_home(home)
    (home / "dagster.yaml").write_text("of an older version")
    dagster_home.write_dagster_home(home)
    assert "STAXPIPE_DAGSTER_DATABASE_URL" in (home / "dagster.yaml").read_text()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
