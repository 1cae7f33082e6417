"""From where a command is given, as the audit log says it."""

from __future__ import annotations

import getpass
import os
import socket


def whereabouts() -> str:
    """The user and the machine, as in ada@laptop: a command has no client's address."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in many containers
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
