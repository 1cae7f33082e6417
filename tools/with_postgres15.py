"""Run a command against a Postgres 15 of its own: ``python tools/with_postgres15.py pytest -m database``.

Takes Debian's binaries (apt-get install postgresql-15), makes a throw-away server on a free loopback port,
sets STAXPIPE_TEST_DATABASE_URL for the command, and stops the server afterwards. Without the binaries it says so
and succeeds: the embedded version was tested anyway.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")
ORDINARY_USER = "nobody"  # Postgres refuses to run as root


def main(command: list[str]) -> int:
    """Run the command; returns its exit status."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    if not (BINARIES / "postgres").exists():
        print(f"Not run on Postgres 15: {BINARIES} is not there (apt-get install postgresql-15).")
        return 0
    user = ORDINARY_USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="staxpipe-postgres15-"))
    try:
        if user:
            shutil.chown(folder, user)
        return run_with_server(command, folder, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_with_server(command: list[str], folder: Path, user: str | None) -> int:
    """Start the server, run the command with its address, stop the server."""
    data = folder / "data"
    initdb = [
        str(BINARIES / "initdb"),
        "--auth=trust",
        "--username=postgres",
        "--no-sync",
        "--encoding=UTF8",
        "-D",
        str(data),
    ]
    subprocess.run(initdb, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "max_connections": "200",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [BINARIES / "postgres", "-D", data, *arguments], user=user, cwd=folder, stdout=log, stderr=log
        )
    try:
        if not answers(port, server):
            print((folder / "log").read_text(), file=sys.stderr)
            return 1
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        print(f"Postgres 15 at {address}", flush=True)
        return subprocess.run(
            command, env={**os.environ, "STAXPIPE_TEST_DATABASE_URL": address}, check=False
        ).returncode
    finally:
        server.terminate()
        server.wait(timeout=30)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server took a connection within half a minute."""
    ready = [str(BINARIES / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
    for _ in range(150):
        if server.poll() is not None:
            return False
        if subprocess.run(ready, check=False).returncode == 0:
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    sys.exit(main(sys.argv[1:]))
