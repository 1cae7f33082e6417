"""A fake at the far edge: a web server that speaks as AWS's billing services do (invoicing, Cost Explorer, Data
Exports), from a list of answers.

Whoever asks it is a real client with a real session; it checks no permission.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request: the operation, its parameters, and the session that signed it."""

    operation: str
    parameters: Mapping[str, Any]
    session_token: str


class BillingServer:
    """Runs while the context lasts. `answers` are used up in order; an error is a (status, code, message)."""

    def __init__(self) -> None:
        self.answers: deque[Mapping[str, Any] | tuple[int, str, str]] = deque()
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].split(".")[-1]
                server.asked.append(Asked(operation, json.loads(body), self.headers["X-Amz-Security-Token"]))
                answer = server.answers.popleft()
                status = 200
                if isinstance(answer, tuple):
                    status, code, message = answer
                    answer = {"__type": code, "message": message}
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, format: str, *args: object) -> None:  # the base class's name
                """Say nothing."""

        return Handler
