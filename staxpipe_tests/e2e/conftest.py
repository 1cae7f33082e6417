"""Everything that runs in production, started for a test: platform, emulated AWS, mail server, a person's browser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from staxpipe.demo import linking, watching
from staxpipe.demo.browser import Browser
from staxpipe.demo.isolation import demo_settings, own_environment, variables
from staxpipe.demo.mailbox import Mailbox
from staxpipe.demo.world import World
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.local.runtime import Runtime, running
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.e2e import recorded_calls

MONTHS = 4
SCALE = 0.02


def closed_months(now: datetime) -> list[BillingPeriod]:
    """The months before this one, the oldest first."""
    periods = [BillingPeriod.containing(now).previous()]
    while len(periods) < MONTHS:
        periods.append(periods[-1].previous())
    return periods[::-1]


class NumberedMailbox(Mailbox):
    """Keeps each mail's Message-ID too: mails that are sent twice must be recognisable as one."""

    def __init__(self) -> None:
        super().__init__()
        self.message_ids: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Keep a mail; aiosmtpd calls this by its name."""
        answer = await super().handle_DATA(server, session, envelope)
        self.message_ids.append(_message_id(envelope.content))
        return answer


def _message_id(content: bytes) -> str:
    return str(message_from_bytes(content)["Message-ID"])


@dataclass
class Stage:
    """All of it, running."""

    world: World
    runtime: Runtime
    mailbox: NumberedMailbox
    browser: Browser
    periods: list[BillingPeriod]
    said: list[str]  # what the supervisor told people
    record: Path  # what AWS was asked

    def link(self) -> str:
        """A person links the payer's account by form and template; returns the request's id."""
        linking.sign_in(self.browser, self.runtime.sign_in_link())
        page = linking.fill_form(self.browser, self.world)
        linking.create_stack(self.browser, self.world, page)
        request = linking.request_id(page)
        watching.until_linked(self.browser, request)
        return request


@pytest.fixture
def stage() -> Iterator[Stage]:
    """The platform on a fresh folder, nothing linked, nothing delivered."""
    said: list[str] = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="staxpipe-test-"))) / "home"
        stack.enter_context(own_environment())
        record = home.parent / "asked"
        stand_in = stack.enter_context(AwsStandIn(program=recorded_calls.program(record)))
        periods = closed_months(datetime.now(UTC))
        world = World.create(stand_in, Organisation.sample(2018, periods[0], SCALE), SCALE)
        mailbox = stack.enter_context(NumberedMailbox())
        settings = demo_settings(home, world, mailbox.url)
        runtime = stack.enter_context(running(settings, said.append, variables(settings, world)))
        browser = Browser(runtime.settings.base_url)
        stack.callback(browser.close)
        yield Stage(world, runtime, mailbox, browser, periods, said, record)
