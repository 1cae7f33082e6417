"""Mail servers that behave and misbehave, and settings for messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from staxpipe.settings import Settings, read_settings
from staxpipe_tests.notify.mail_server import MailServer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A staxpipe that people reach at cost.example.com."""
    return read_settings(
        {
            "home": tmp_path,
            "public_url": "https://cost.example.com",
            "operator_email": "ops@example.com",
            "mail_from": "staxpipe <cost@example.com>",
        }
    )


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server that takes everything and keeps it, until it is told otherwise."""
    with MailServer() as server:
        yield server


@pytest.fixture
def make_mail_server() -> Iterator[Any]:
    """Mail servers with the options of aiosmtpd's Controller; stopped when the test ends."""
    servers: list[MailServer] = []

    def make(**options: Any) -> MailServer:
        servers.append(MailServer(**options).__enter__())
        return servers[-1]

    yield make
    for server in servers:
        server.__exit__(None, None, None)
