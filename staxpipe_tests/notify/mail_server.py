"""A real mail server on a free loopback port: it keeps what it takes, and answers as a test tells it to."""

from __future__ import annotations

import socket
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Self

from aiosmtpd.controller import Controller


class MailServer:
    """An aiosmtpd server with a script. Answers are SMTP lines, such as ``451 try again later``."""

    def __init__(self, **options: Any) -> None:
        self.mails: list[EmailMessage] = []
        self.recipient_answers: dict[str, str] = {}
        self.answers: list[str] = []  # to the next messages, one each; then everything is taken
        self.taken = threading.Lock()
        self._scheme = "smtps" if options.pop("smtps", False) else "smtp"
        self._controller = Controller(self, hostname="127.0.0.1", port=_free_port(), **options)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._controller.stop()

    def url(self, user: str = "", host: str = "127.0.0.1") -> str:
        """What STAXPIPE_SMTP_URL would be; `user` as in ``ada:secret``."""
        return f"{self._scheme}://{user}{'@' if user else ''}{host}:{self._controller.port}"

    # aiosmtpd finds these two by their names, and passes more than they need.

    async def handle_RCPT(self, *said: Any) -> str:  # noqa: N802
        _server, _session, envelope, address, _options = said
        if address in self.recipient_answers:
            return self.recipient_answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, *said: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            mail = message_from_bytes(said[-1].content, policy=SMTP)
            assert isinstance(mail, EmailMessage)
            with self.taken:
                self.mails.append(mail)
        return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
