"""``python -m staxpipe.onboarding`` as a process: it serves, stops when told, and explains when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.errors import PermanentError
from staxpipe.onboarding.server import check_database, listen, server
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe.settings import read_settings


def command(tmp_path: Path, **variables: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STAXPIPE_")}
    given = {f"STAXPIPE_{name.upper()}": value for name, value in variables.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "staxpipe.onboarding"],
        env={**clean, "STAXPIPE_HOME": str(tmp_path), **given},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def failure(process: subprocess.Popen[str]) -> str:
    """What a process that cannot start says."""
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith("staxpipe: ")
    assert "Traceback" not in said
    return said


def test_it_serves_until_it_is_told_to_stop(database_url: str, engine: Engine, tmp_path: Path) -> None:
    port = free_port()
    process = command(tmp_path, database_url=database_url, web_port=str(port))
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.ConnectError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert answer.json() == {"status": "ok"}
        assert "server" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert said == ""
    finally:
        process.kill()
        process.communicate()
    assert "/sign-in/" not in said
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


def test_without_a_database_address_it_says_what_to_do(tmp_path: Path) -> None:
    assert "STAXPIPE_DATABASE_URL is not set" in failure(command(tmp_path))


def test_wrong_settings_are_all_named(tmp_path: Path) -> None:
    said = failure(command(tmp_path, web_port="99999", region="mars"))
    assert "STAXPIPE_WEB_PORT" in said
    assert "STAXPIPE_REGION" in said


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    said = failure(command(tmp_path, database_url="postgresql://ada:hush-hush@127.0.0.1:1/none"))
    assert "127.0.0.1:1/none" in said
    assert "does not answer" in said
    assert "hush-hush" not in said


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PermanentError, match=rf"port {port}.*in use.*STAXPIPE_WEB_PORT"):
            listen(read_settings({"web_port": port}))


def test_an_address_of_another_machine_is_a_clear_error() -> None:
    with pytest.raises(PermanentError, match=r"cannot listen on 192\.0\.2\.1"):
        listen(read_settings({"host": "192.0.2.1", "web_port": 0}))


def test_a_database_without_tables_is_a_clear_error(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with pytest.raises(PermanentError, match="has no staxpipe tables"):
        check_database(engine)


def test_tokens_stay_out_of_the_log_and_no_forwarded_address_is_taken_unseen(engine: Engine, tmp_path: Path) -> None:
    config = server(read_settings({"home": tmp_path, "public_url": "https://costs.example.com"}), engine).config
    assert not config.access_log
    assert not config.proxy_headers


def test_a_mistake_of_ours_is_written_with_its_stack_and_without_what_was_sent(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE link_requests RENAME TO gone")
    settings = read_settings({"home": tmp_path, "web_port": free_port()})
    cookie = Signer(settings.signing_key()).session(Session(True), datetime.now(UTC))
    request = "x" * 22
    running = server(settings, engine)
    with listen(settings) as listener:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                assert thread.is_alive()
                time.sleep(0.01)
            with httpx.Client(base_url=settings.base_url, cookies={"staxpipe": cookie}) as browser:
                answer = browser.get(f"/requests/{request}")
        finally:
            running.should_exit = True
            thread.join(20)
    said = capsys.readouterr().err
    assert answer.status_code == 500
    assert "Traceback (most recent call last)" in said
    assert 'relation "link_requests" does not exist' in said
    assert "staxpipe/onboarding/site.py" in said
    assert request not in said
    assert cookie not in said
