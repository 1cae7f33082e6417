"""A real S3 server for the benchmarks: SeaweedFS, on loopback, in a folder of its own, gone with the block.

Its program comes with the benchmarks' packages (`benchmarks/requirements.in`). It sends no telemetry.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY = "bench"
SECRET_KEY = "bench-secret"  # noqa: S105 - of a server that only this machine can reach, for minutes
REGION = "us-east-1"
START_SECONDS = 60.0
_SERVERS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class SeaweedFS:
    """A running server."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time that it has used until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def seaweedfs(program: Path, work: Path) -> Iterator[SeaweedFS]:
    """Start it, with its data in a new folder below `work`, and end it with the block.

    Raises:
        RuntimeError: it did not start; with the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="seaweedfs-", dir=work) as name:
        folder = Path(name)
        identity = {
            "name": "bench",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin"],
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        names = [f"{server}{kind}" for server in _SERVERS for kind in (".port", ".port.grpc")]
        ports = dict(zip(names, _ports(len(names)), strict=True))
        options = {
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "filer": "true",
            "s3": "true",
            "s3.config": config,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
            "volume.max": 100,
            "master.volumeSizeLimitMB": 1024,
            **ports,
        }
        log = folder / "log"
        with log.open("wb") as printed:
            server = subprocess.Popen(
                [program, "server", *(f"-{option}={value}" for option, value in options.items())],
                stdout=printed,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=folder,
            )
        try:
            url = f"http://127.0.0.1:{ports['s3.port']}"
            _wait_for(url, server, log)
            yield SeaweedFS(url, server.pid)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def find_program(work: Path) -> Path:
    """Where the benchmarks' environment keeps it; the process ends with advice where it is not there."""
    program = work / "venv" / "bin" / "weed"
    if not program.is_file():
        sys.exit(f"There is no {program}. `make bench` installs it; `--weed` names another.")
    return program


def _ports(count: int) -> list[int]:
    """Free ports of loopback."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [port.getsockname()[1] for port in taken]
    finally:
        for port in taken:
            port.close()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=2).close()  # noqa: S310 - loopback
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    raise RuntimeError("\n".join(["SeaweedFS did not start:", *lines]))
