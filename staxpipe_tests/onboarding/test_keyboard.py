"""The way to a linked account by keyboard alone: everything is reached in order, and one sees where one is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from staxpipe_tests.onboarding.conftest import Pages

pytestmark = [pytest.mark.browser, pytest.mark.long]

_FOCUSED = """() => {
    const now = document.activeElement, style = getComputedStyle(now), box = now.getBoundingClientRect();
    const before = window.focusedBefore;
    window.focusedBefore = now;
    return {
        name: now.id || now.textContent.trim(),
        marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        stands_out: style.outlineColor.startsWith('rgb('), // a colour with what is behind it in it does not
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
        later: !before || Boolean(before.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element of this id or text has the focus; look at each on the way."""
    page.evaluate("() => { window.focusedBefore = null; }")
    passed: list[Any] = []
    while not passed or passed[-1]["name"] != name:
        assert len(passed) < 40, [focused["name"] for focused in passed]
        page.keyboard.press("Tab")
        passed.append(page.evaluate(_FOCUSED))
    assert [focused for focused in passed if not all(focused.values())] == []


def choose(page: Page, name: str) -> None:
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        tab_to(page, name)
        page.keyboard.type(text)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_whole_way(browser: Browser, pages: Pages, width: int) -> None:
    context = browser.new_context(base_url=pages.url, viewport={"width": width, "height": 740})
    page = context.new_page()
    page.goto(pages.sign_in_link())
    choose(page, "Sign in")
    choose(page, "Link an account")
    choose(page, "Get started")
    choose(page, "Yes, I doGo on: we ask five things, of which two may be left out.")
    write(page, account_id="1234", bucket="acme-billing-reports")
    choose(page, "Save and go on")
    expect(page.get_by_role("alert")).to_be_focused()
    tab_to(page, "account id")  # the first thing after the summary is the way to the field
    page.keyboard.press("Enter")
    expect(page.locator("#account_id")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("123456789012")
    choose(page, "Save and go on")
    choose(page, "I have created the stack")
    expect(page.get_by_role("heading", name="Listening for your IAM role")).to_be_visible()
    choose(page, "Look now")
    expect(page.get_by_role("heading", name="Listening for your IAM role")).to_be_visible()
    context.close()


def test_what_every_page_begins_with_can_be_skipped(browser: Browser, pages: Pages) -> None:
    page = browser.new_page(base_url=pages.url)
    page.goto("/help")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('main').contains(document.activeElement)")
    page.close()
