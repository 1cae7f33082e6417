"""The platform as a whole: what keeps it from starting, and a real one that is mistreated."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import create_engine

from staxpipe.errors import PermanentError
from staxpipe.local import dagster_home
from staxpipe.local.address import pages_url
from staxpipe.local.lock import is_held
from staxpipe.local.processes import ChildProcess
from staxpipe.local.runtime import Runtime, local_url, running, services, with_free_ports
from staxpipe.settings import Settings, read_settings
from staxpipe_tests.local.conftest import CHECKOUT, is_gone, wait_until

UP = """
import sys
from staxpipe.cli.up import up
from staxpipe.errors import StaxpipeError
try:
    up()
except StaxpipeError as error:
    sys.exit(f"staxpipe: {error}")
"""


def test_ports_of_zero_become_free_ones_that_differ(settings: Settings) -> None:
    chosen = with_free_ports(settings)
    assert chosen.web_port != chosen.dagster_port
    assert 0 not in (chosen.web_port, chosen.dagster_port)
    given = read_settings({"web_port": 18601, "dagster_port": 18602})
    assert with_free_ports(given) == given


def test_every_taken_port_is_named_before_anything_starts(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"web_port": one.getsockname()[1], "dagster_port": other.getsockname()[1]}
        runtime = Runtime(settings.model_copy(update=ports))
        with pytest.raises(PermanentError) as caught:
            runtime.start(Event())
    for name, port in ports.items():
        assert f"STAXPIPE_{name.upper()}" in str(caught.value)
        assert str(port) in str(caught.value)
    assert not (settings.home / "postgres").exists()
    assert not is_held(settings.home / "up.lock")


def test_a_folder_has_one_up(settings: Settings) -> None:
    first = Runtime(settings)
    settings.home.mkdir()
    assert first._lock.acquire()
    with pytest.raises(PermanentError, match=f"already .process {os.getpid()}"), running(settings):
        pass
    first.stop()


def test_a_failure_to_start_leaves_nothing_running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermanentError("Dagster refuses")

    monkeypatch.setattr(dagster_home, "prepare_database", refuse)
    with pytest.raises(PermanentError, match="Dagster refuses"), running(settings):
        pass
    assert not is_held(settings.home / "postgres" / "lock")
    assert not is_held(settings.home / "up.lock")


def test_a_given_database_gets_a_sister_for_dagster(settings: Settings, database_url: str, postgres_url: str) -> None:
    given = read_settings({"home": settings.home, "database_url": database_url})
    ours, theirs = Runtime(given)._start_database(Event())
    assert ours == database_url
    assert theirs == database_url.rpartition("/")[0] + "/dagster"
    engine = create_engine(theirs)
    engine.connect().close()
    engine.dispose()


def test_the_programs_listen_where_settings_say(settings: Settings, tmp_path: Path) -> None:
    chosen = settings.model_copy(update={"host": "0.0.0.0", "dagster_port": 18610})
    assert local_url(chosen) == "http://127.0.0.1:18610"
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/dagster")
    commands = {
        service.name: " ".join(service.command)
        for service in services(chosen, tmp_path, tmp_path, {}, engine)
        if isinstance(service, ChildProcess)
    }
    assert "-h 0.0.0.0 -p 18610" in commands["Dagster UI"]
    assert "staxpipe.onboarding" in commands["page server"]
    assert set(commands) == {"Dagster UI", "Dagster daemon", "page server"}


class Up:
    """A real `staxpipe up` in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home.parent / "up.out"
        variables = {name: value for name, value in os.environ.items() if not name.startswith("STAXPIPE_")}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", UP],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                start_new_session=True,
                env={
                    **variables,
                    "STAXPIPE_HOME": str(home),
                    "STAXPIPE_WEB_PORT": "0",
                    "STAXPIPE_DAGSTER_PORT": "0",
                    "COLUMNS": "200",
                },
            )

    def wait_until_up(self) -> None:
        wait_until(lambda: "Ctrl-C stops" in self.said() or self.process.poll() is not None, 150)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.log.read_text()

    def address(self, name: str) -> str:
        found = re.search(rf"{name}\s+(http://\S+)", self.said())
        assert found is not None, self.said()
        return found[1]

    def children(self, words: str) -> list[int]:
        """Process ids of running programs of this installation whose command holds some words."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                ours = str(self.home) in command or str(self.home).encode() in (folder / "environ").read_bytes()
            except OSError:
                continue
            if ours and words in command and int(folder.name) not in (os.getpid(), self.process.pid):
                found.append(int(folder.name))
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_up_serves_restarts_what_is_killed_and_comes_back_after_a_kill(home: Path) -> None:
    up = Up(home)
    try:
        up.wait_until_up()
        assert "ok" in get(up.address("Pages") + "/healthz")
        assert pages_url(read_settings({"home": home})) == up.address("Pages")
        assert "dagster_version" in get(up.address("Dagster") + "/server_info")
        link = re.search(r"http://\S+/sign-in/\S+", up.said())
        assert link is not None
        assert get(link[0])

        for words in ("bin/postgres -D", "dagster._daemon", "dagster_webserver", "staxpipe.onboarding"):
            victims = up.children(words)
            assert victims, words
            os.kill(victims[0], signal.SIGKILL)
            wait_until(lambda words=words, victims=victims: set(up.children(words)) - set(victims), 30)  # type: ignore[misc]
        wait_until(lambda: _answers(up.address("Pages") + "/healthz"), 60)
        wait_until(lambda: _answers(up.address("Dagster") + "/server_info"), 60)
        assert up.said().count("was started again") == 4

        up.process.kill()
        up.process.wait()
        up = Up(home)  # at once
        up.wait_until_up()
        assert "ok" in get(up.address("Pages") + "/healthz")

        second = subprocess.run(
            [sys.executable, "-c", UP],
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
            env={**os.environ, "STAXPIPE_HOME": str(home), "STAXPIPE_WEB_PORT": "0", "STAXPIPE_DAGSTER_PORT": "0"},
        )
        assert second.returncode == 1
        assert f"already (process {up.process.pid})" in second.stderr

        before = up.children("")
        begin = time.monotonic()
        assert up.stop() == 0
        assert time.monotonic() - begin < 30
        assert "Everything is kept" in up.said()
        wait_until(lambda: all(is_gone(process) for process in before))
    finally:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def _answers(url: str) -> bool:
    return dagster_home.answers(url)
