"""A server made to seem far away: each connection waits for its answers and gets only so many bytes a second.

On loopback every way of reading is bound by CPU time. Over a network one connection is bound by distance, whatever the
machine could do; this shows what a way makes of that.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 64 * 1024


@contextmanager
def far(url: str, bytes_a_second: float, delay_seconds: float) -> Iterator[str]:
    """The address of the same server, `delay_seconds` away, with at most `bytes_a_second` on each connection."""
    near = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with suppress(OSError):  # closed: the block is left
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(near)
                threading.Thread(target=_ask, args=(client, server, delay_seconds), daemon=True).start()
                threading.Thread(target=_answer, args=(server, client, bytes_a_second), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _ask(client: socket.socket, server: socket.socket, delay_seconds: float) -> None:
    with suppress(OSError), client, server:
        while chunk := client.recv(_CHUNK):
            time.sleep(delay_seconds)
            server.sendall(chunk)


def _answer(server: socket.socket, client: socket.socket, bytes_a_second: float) -> None:
    free = 0.0  # the moment from which on more may be sent
    with suppress(OSError):
        while chunk := server.recv(_CHUNK):
            free = max(free, time.monotonic() - 0.01) + len(chunk) / bytes_a_second
            client.sendall(chunk)
            time.sleep(max(0.0, free - time.monotonic()))
