"""A mail server that keeps what it gets, so that the demo can show the mails that staxpipe sends."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from email import message_from_bytes, policy
from threading import Lock
from typing import Any, Self

from aiosmtpd.controller import Controller


@dataclass(frozen=True)
class Mail:
    """A mail that was caught."""

    to: tuple[str, ...]
    subject: str
    text: str


class Mailbox:
    """An SMTP server on loopback, as a context manager."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._mails: list[Mail] = []
        self._controller: Controller | None = None
        self.url = ""

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        if self._controller is not None:
            self._controller.stop()

    def mails(self) -> list[Mail]:
        """All mails so far, the oldest first."""
        with self._lock:
            return list(self._mails)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: ARG002, N802
        """Keep a mail; aiosmtpd calls this by its name."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain",))
        mail = Mail(tuple(envelope.rcpt_tos), str(message["subject"]), body.get_content() if body else "")
        with self._lock:
            self._mails.append(mail)
        return "250 OK"
