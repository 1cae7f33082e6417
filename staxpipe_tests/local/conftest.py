"""What tests of the embedded runtime share: settings on a folder of their own, and a script run as a child."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.settings import Settings, read_settings

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder that an ordinary user could reach; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="staxpipe-test-") as folder:
        yield Path(folder) / "home"


@pytest.fixture(scope="session")
def used_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedded server that ran and was stopped: copying it is quicker than making one."""
    folder = tmp_path_factory.mktemp("used") / "postgres"
    with EmbeddedPostgres(folder):
        pass
    return folder


@pytest.fixture
def server_folder(home: Path, used_server: Path) -> Path:
    """A copy of such a folder, below `home`."""
    home.mkdir()
    shutil.copytree(used_server, home / "postgres")
    return home / "postgres"


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings on that folder, with any free ports and nothing from the environment."""
    for name in [name for name in os.environ if name.startswith("STAXPIPE_")]:
        monkeypatch.delenv(name)
    return read_settings({"home": home, "web_port": 0, "dagster_port": 0})


def query(url: str, sql: str) -> object:
    """One value from a database, by a plain driver."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()


def execute(url: str, sql: str) -> None:
    """One statement, committed."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()


def python(script: str, *arguments: object, user: int | None = None) -> subprocess.Popen[str]:
    """A script in a process of its own, with our package; its output can be read line by line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STAXPIPE_")}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(CHECKOUT), *(path for path in sys.path if "site-packages" in path)]
    )
    return subprocess.Popen(
        [sys.executable if user is None else _interpreter(user), "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def first_line(child: subprocess.Popen[str]) -> str:
    """The next line that a script prints."""
    assert child.stdout is not None
    return child.stdout.readline().rstrip("\n")


def let_go(child: subprocess.Popen[str]) -> None:
    """End a script's input: that is what it waits for."""
    assert child.stdin is not None
    child.stdin.close()


def outcome(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a script that was let go."""
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        said, complaint = child.stdout.read(), child.stderr.read()
    return child.returncode, said, complaint


def _interpreter(user: int) -> str:
    """A Python that another user can run: root's own is often below a closed folder."""
    for candidate in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        command = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(command, user=user, group=user, extra_groups=[], cwd="/", check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip("an ordinary user can run no Python 3.11 on this machine")


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something to become true; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_gone(process: int) -> bool:
    """Whether a process has ended (collected by its parent or not)."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"
