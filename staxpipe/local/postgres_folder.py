"""What the state folder of an embedded Postgres says: its password and port, and whether a server runs on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from staxpipe.local.postgres_program import SUPERUSER

HOST = "127.0.0.1"


def password_file(folder: Path) -> Path:
    """Where the password is of the server whose state is in a folder; only this user can read it."""
    return folder / "password"


def server_url(folder: Path, port: int, database: str) -> str:
    """The address of a database of the server whose state is in a folder."""
    password = password_file(folder).read_text()
    return f"postgresql+psycopg2://{SUPERUSER}:{quote(password, safe='')}@{HOST}:{port}/{database}"


def running_server_url(folder: Path, database: str) -> str | None:
    """The address of a database on the server that another process runs; the caller saw its lock held.

    None where that server is not ready yet (or no longer).
    """
    lines = postmaster_file(folder / "data")
    port = last_port(folder)
    if port is None or len(lines) < 8 or lines[7].strip() != "ready" or lines[3] != str(port):
        return None
    return server_url(folder, port, database)


def last_port(folder: Path) -> int | None:
    """The port of the server that runs on a folder, or ran last; None where none ever did."""
    try:
        return int((folder / "port").read_text())
    except (FileNotFoundError, ValueError):
        return None


def postmaster_file(data: Path) -> list[str]:
    """The lines of `postmaster.pid`: the process first, the port fourth, the status eighth; none where there is no
    such file.
    """
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def runs_on(process: int, data: Path) -> bool:
    """Whether a process is a Postgres server on this data folder: its command says so, a zombie's is empty."""
    if sys.platform == "linux":
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        listing = ["ps", "-o", "command=", "-p", str(process)]
        command = subprocess.run(listing, capture_output=True, text=True, check=False).stdout
    return f"-D {data} " in command
