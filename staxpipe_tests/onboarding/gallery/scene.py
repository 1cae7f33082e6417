"""What a scene is: one page in one state, how that comes about, and who looks at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from playwright.sync_api import Page
from sqlalchemy import Connection

from staxpipe.onboarding.sessions import Signer

NOW = datetime(2026, 11, 17, 9, 42, tzinfo=UTC)
"""When all scenes are."""


class Who(StrEnum):
    """Who looks at a page."""

    OPERATOR = "operator"
    LINKER = "linker"
    """Who signed in at the provider, two hours ago."""
    INVITED = "invited"
    """By the invitation whose id `Scene.prepare` returns as ``invite_id``."""
    NOBODY = "nobody"


@dataclass(frozen=True)
class World:
    """What a scene is prepared in: a database without rows, the time, and what signs tokens."""

    connection: Connection
    now: datetime
    signer: Signer


def nothing(_: World) -> Mapping[str, str]:
    """No rows at all."""
    return {}


@dataclass(frozen=True)
class Scene:
    """One page in one state.

    `path` is written as the app declares it, with a query where there is one; `prepare` writes rows and returns what
    stands in the path's braces. `act` is what the person does there before the page that is meant appears: it is opened
    first, then `act` leads on. `settings` are those that differ from usual. `database` is False where none answers.
    """

    name: str
    path: str
    prepare: Callable[[World], Mapping[str, str]] = nothing
    who: Who = Who.OPERATOR
    act: Callable[[Page], None] | None = None
    status: int = 200
    settings: Mapping[str, object] = field(default_factory=dict)
    database: bool = True

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]


def sent(button: str, **fields: str) -> Callable[[Page], None]:
    """Fill in fields by their names and press a button."""

    def act(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"[name={name}]").fill(value)
        with page.expect_navigation():
            page.get_by_role("button", name=button).click()

    return act


def posted(below: str, **fields: str) -> Callable[[Page], None]:
    """Send a form that was shown earlier, when it still could be; `below` is added to the page's address."""
    return lambda page: send_form(page, page.url + below, fields)


def send_form(page: Page, address: str, fields: Mapping[str, str]) -> None:
    """Send a form that is not on the page, as a browser does."""
    script = """([address, fields]) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: address });
        for (const [name, value] of Object.entries(fields)) {
            form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        }
        document.body.append(form);
        form.submit();
    }"""
    with page.expect_navigation():
        page.evaluate(script, [address, dict(fields)])
