"""A tiny S3 that serves one object and misbehaves as it is told: for faults that no stand-in makes."""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from staxpipe.model import StoredObject

_ERROR = "<Error><Code>{code}</Code><Message>as told</Message></Error>"


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong.

    `status` and `code` answer an error; `cut` ends the body after so many bytes and closes the connection,
    `reset` does so with a TCP reset, `hang` stops sending instead; `flip` damages one byte; `whole` ignores the
    Range header; `longer` answers a range with so many bytes more (or fewer) than were asked for, `shifted` with one
    that begins so much later; `header` adds one.
    """

    status: int = 0
    code: str = ""
    cut: int | None = None
    reset: bool = False
    hang: bool = False
    flip: bool = False
    whole: bool = False
    longer: int = 0
    shifted: int = 0
    header: tuple[str, str] | None = None


@dataclass
class FaultyS3:
    """The object, the faults that come (one a request, then none), and what was asked.

    `at` holds those of the requests for a range that begins somewhere, which come whatever else is asked meanwhile.
    `part_bytes`: how large the parts were in which the object was uploaded; 0 when the server does not say.
    """

    body: bytes
    faults: deque[Fault] = field(default_factory=deque)
    at: dict[int, deque[Fault]] = field(default_factory=dict)
    always: Fault = Fault()
    ranges: list[str | None] = field(default_factory=list)
    part_bytes: int = 0
    etag: str = ""
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.etag = self.etag or hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    @property
    def stored(self) -> StoredObject:
        """The object as a listing would show it."""
        return StoredObject("reports/data", len(self.body), self.etag, datetime(2026, 11, 1, tzinfo=UTC))


@contextmanager
def serving(s3: FaultyS3) -> Iterator[FaultyS3]:
    """Serve it on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            s3.ranges.append(asked)
            match = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked or "")
            start, end = (int(match[1]), int(match[2]) + 1) if match else (0, len(s3.body))
            fault = s3.always
            if s3.at.get(start):
                fault = s3.at[start].popleft()
            elif s3.faults:
                fault = s3.faults.popleft()
            if self.headers.get("If-Match") != f'"{s3.etag}"':
                fault = Fault(412, "PreconditionFailed")
            if fault.status:
                return self._refuse(fault)
            partial = match is not None and not fault.whole
            if partial:
                start, end = start + fault.shifted, end + fault.shifted + fault.longer
            else:
                start, end = 0, len(s3.body)
            body = s3.body[start:end]
            self.send_response(206 if partial else 200)
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(s3.body)}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{s3.etag}"')
            if fault.header:
                self.send_header(*fault.header)
            self.end_headers()
            if fault.flip:
                body = bytes([body[0] ^ 1]) + body[1:]
            self.wfile.write(body if fault.cut is None else body[: fault.cut])
            self.wfile.flush()
            if fault.hang:
                s3.released.wait(30)
            if fault.cut is not None:
                self.close_connection = True
            if fault.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            return None

        def do_HEAD(self) -> None:
            size = s3.part_bytes if "partNumber=1" in self.path else len(s3.body)
            self.send_response(206 if size else 501)
            self.send_header("Content-Length", str(size))
            if size:
                self.send_header("x-amz-mp-parts-count", str(-(-len(s3.body) // size)))
            self.end_headers()

        def _refuse(self, fault: Fault) -> None:
            body = _ERROR.format(code=fault.code).encode()
            self.send_response(fault.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    s3.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield s3
    finally:
        s3.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
