"""Dagster seen from outside, without importing it: its folder, its variables, its database, its health.

How it behaves is in dagster.yaml at the top of the tree.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from staxpipe.errors import PermanentError
from staxpipe.local.launch import launcher_command
from staxpipe.local.lock import private_folder, write_private
from staxpipe.settings import Settings
from staxpipe.shipped import shipped

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_CODE_LOCATIONS = """
query { workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename ... on PythonError { message } } } } ... on PythonError { message } } }
"""


def dagster_home(settings: Settings) -> Path:
    """Dagster's folder below ours."""
    return settings.home.expanduser().absolute() / "dagster"


def write_dagster_home(home: Path) -> None:
    """Put today's dagster.yaml and workspace.yaml there; what runs print goes beside them."""
    private_folder(home)
    for name in ("dagster.yaml", "workspace.yaml"):
        write_private(home / name, shipped(name).read_text())


def environment(settings: Settings, database_url: str, dagster_database_url: str) -> dict[str, str]:
    """The environment of all our programs: this one's, with what they must agree on."""
    home = dagster_home(settings)
    return {
        **os.environ,
        "STAXPIPE_HOME": str(settings.home.expanduser().absolute()),
        "STAXPIPE_DATABASE_URL": database_url,
        "STAXPIPE_DAGSTER_DATABASE_URL": dagster_database_url,
        "STAXPIPE_HOST": settings.host,
        "STAXPIPE_WEB_PORT": str(settings.web_port),
        "STAXPIPE_DAGSTER_PORT": str(settings.dagster_port),
        "STAXPIPE_CONCURRENT_RUNS": str(settings.concurrent_runs),
        "STAXPIPE_DAGSTER_COMPUTE_LOGS": str(home / "compute_logs"),
        "STAXPIPE_DAGSTER_ARTIFACTS": str(home / "artifacts"),
        "DAGSTER_HOME": str(home),
        "PYTHONUNBUFFERED": "1",  # log files show what happened until now
    }


def prepare_database(home: Path, database: Engine, variables: Mapping[str, str]) -> None:
    """Bring Dagster's database to the installed version, and give up runs whose processes cannot exist any more.

    Both are done before the daemon starts: two programs that make the same tables at once get into each other's way,
    and a lost run would hold its account's only place for ever.

    Raises:
        PermanentError: Dagster refuses, in its words.
    """
    version, stamp = importlib.metadata.version("dagster"), home / "database-version"
    if not stamp.exists() or stamp.read_text() != version or not _has_tables(database):
        _run_dagster(["-m", "dagster", "instance", "migrate"], variables)
        write_private(stamp, version)
    if _has_unfinished_runs(database):
        _run_dagster(["-m", "staxpipe.defs.lost_runs"], variables)


def daemon_beats(database: Engine, since: datetime) -> bool:
    """Whether the daemon has looked at its sensors since a moment."""
    query = text("SELECT max(timestamp) FROM daemon_heartbeats WHERE daemon_type = 'SENSOR'")
    try:
        with database.connect() as connection:
            last = connection.scalar(query)
    except DBAPIError:
        return False
    return last is not None and last.replace(tzinfo=UTC) >= since


def answers(url: str) -> bool:
    """Whether a web server answers there, and not with an error of its own."""
    try:
        with _NO_PROXY.open(url, timeout=5) as response:
            return bool(response.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def code_location_problem(dagster_url: str) -> str | None:
    """Why Dagster could not load our definitions, in its words; None when it did."""
    request = urllib.request.Request(  # noqa: S310  # our own address, always http
        f"{dagster_url}/graphql",
        json.dumps({"query": _CODE_LOCATIONS}).encode(),
        {"Content-Type": "application/json"},
    )
    with _NO_PROXY.open(request, timeout=60) as response:
        workspace = json.load(response)["data"]["workspaceOrError"]
    if "message" in workspace:
        return str(workspace["message"])
    for entry in workspace["locationEntries"]:
        loaded = entry["locationOrLoadError"]
        if loaded is not None and "message" in loaded:
            return str(loaded["message"])
    return None


def _has_tables(database: Engine) -> bool:
    with database.connect() as connection:
        return bool(connection.scalar(text("SELECT to_regclass('runs') IS NOT NULL")))


def _has_unfinished_runs(database: Engine) -> bool:
    query = text("SELECT count(*) FROM runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING')")
    with database.connect() as connection:
        return bool(connection.scalar(query))


def _run_dagster(arguments: list[str], variables: Mapping[str, str]) -> None:
    command = launcher_command([sys.executable, *arguments], death_signal=signal.SIGTERM)
    done = subprocess.run(command, env=dict(variables), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-12:])
        raise PermanentError(f"Dagster's database could not be prepared:\n{said}")
