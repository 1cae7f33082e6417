"""What a person does to link an account: the form, page by page, and the stack. Nothing is known but the pages."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from staxpipe.aws.stacks import Wanted, deploy
from staxpipe.demo.browser import Browser, Page
from staxpipe.demo.world import REGION, World
from staxpipe.errors import PermanentError

CONTACT = "ada@harbour.example"
AT_ONCE = 0.2
"""Seconds between two looks at a stack that the emulated AWS creates."""


@dataclass(frozen=True)
class StackOrder:
    """What the page tells a person to run: the stack's name, and the template's parameters."""

    stack: str
    parameters: dict[str, str]


def sign_in(browser: Browser, link: str) -> Page:
    """Open the sign-in link and press its button."""
    return browser.press(browser.open(link), "Sign in")


def fill_form(browser: Browser, world: World) -> Page:
    """From "get started" to the page that says how to create the role, for the payer."""
    answers = {"account_id": world.payer, "bucket": world.report.bucket, "prefix": world.report.prefix}
    return answer_form(browser, answers | {"contact": CONTACT})


def answer_form(browser: Browser, answers: Mapping[str, str]) -> Page:
    """The same with any answers; they are by the names of the form's fields.

    Raises:
        PermanentError: the form does not take them.
    """
    start = browser.open("/start")
    access = browser.press(start, "Get started")
    details = browser.open(access.link("Yes, I do"))
    page = browser.press(details, "Save and go on", {"region": REGION, **answers})
    if not page.url.endswith("/deploy"):
        raise PermanentError(f"The form did not lead on to the role, but to {page.url} ({page.heading!r}).")
    return page


def request_id(page: Page) -> str:
    """The request that a page belongs to."""
    return page.url.split("/requests/", 1)[1].split("/", 1)[0]


def stack_order(page: Page) -> StackOrder:
    """Read the ready-made command on the page.

    Raises:
        PermanentError: there is none, or it cannot be read.
    """
    words = shlex.split(page.marked.get("command", "").replace("\\\n", " "))
    if words[:3] != ["aws", "cloudformation", "deploy"] or "--stack-name" not in words:
        raise PermanentError(f"The page {page.url} has no `aws cloudformation deploy` command.")
    overrides = words[words.index("--parameter-overrides") + 1 :]
    return StackOrder(
        words[words.index("--stack-name") + 1],
        dict(word.split("=", 1) for word in overrides),
    )


def create_stack(browser: Browser, world: World, page: Page) -> StackOrder:
    """Download the template from the page and deploy it in the payer account as the page says."""
    order = stack_order(page)
    template = browser.download(page.link("Download the template"))
    wanted = Wanted(world.payer, REGION, order.stack, template, order.parameters)
    deploy(world.payer_session, wanted, seconds_apart=AT_ONCE)
    return order
