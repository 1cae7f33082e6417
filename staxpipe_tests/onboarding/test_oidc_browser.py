"""One walk in a real browser: to the provider and back, and out of both."""

# ruff: noqa: F811  # fixtures that are imported have the names of parameters

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from staxpipe_tests.onboarding.conftest import Pages
from staxpipe_tests.onboarding.test_oidc import Team, site, team  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:get_jwt_config")]  # as in test_oidc


def test_a_real_browser_goes_there_and_back_and_out_again(browser: Browser, site: Pages, team: Team) -> None:
    """127.0.0.1 and localhost are two sites: what the policy of our pages and SameSite let pass is seen here."""
    context = browser.new_context(base_url=site.url)
    context.route(lambda url: urlsplit(url).hostname not in {"127.0.0.1", "localhost"}, lambda route: route.abort())
    page = context.new_page()
    page.goto("/activity")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_role("button", name="ada", exact=True).first.click()
    expect(page).to_have_url(f"{site.url}/activity")
    expect(page.get_by_text("Signed in as ada@example.com")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out of staxpipe")).to_be_visible()
    page.get_by_role("button", name="Sign out of Acme too").click()
    page.get_by_role("button", name="End session").click()
    expect(page).to_have_url(f"{site.url}/")
    expect(page.get_by_role("button", name="Sign in with Acme")).to_be_visible()
    context.close()
