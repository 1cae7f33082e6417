"""Whether a port can be listened on."""

from __future__ import annotations

import errno
import socket


def port_problem(host: str, port: int) -> str | None:
    """Why nobody can listen there, in words; None where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return "ports below 1024 need the rights of root"
        except OSError as error:
            return (
                "another program listens there" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
            )
    return None
