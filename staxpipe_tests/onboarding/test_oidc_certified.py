"""Signing in at a provider that the OpenID Foundation has certified, run by Node.js: the whole way in a real browser.

It is strict where `oidc-provider-mock` is not: PKCE is required, a redirect must be registered, addresses and groups
are told at the userinfo endpoint alone, and it asks for consent.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from staxpipe_tests.onboarding.conftest import Pages, Serve

FOLDER = Path(__file__).parent / "certified_provider"
PEOPLE = {
    "ada": {"email": "ada@example.com", "email_verified": True, "groups": ["platform"]},
    "lin": {"email": "lin@example.com", "email_verified": True},
    "eve": {"email": "ada@example.com", "email_verified": False, "groups": ["platform"]},
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("npm") is None, reason="the provider needs Node.js with npm"),
]


@dataclass(frozen=True)
class Certified:
    """The site, and the provider at which its people sign in."""

    site: Pages
    issuer: str


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the provider and what it needs, as the lock file has them."""
    folder = tmp_path_factory.mktemp("provider")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def certified(installed: Path, serve: Serve) -> Iterator[Certified]:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    issuer, secret = f"http://localhost:{port}", "the-client-secret-of-the-tests"
    site = serve(
        oidc_issuer=issuer,
        oidc_client_id="staxpipe-web",
        oidc_client_secret=secret,
        oidc_name="Acme",
        oidc_scopes="openid email groups",
        oidc_operator_group="platform",
        oidc_linkers="lin@example.com",
    )
    told = {
        "port": port,
        "clientId": "staxpipe-web",
        "clientSecret": secret,
        "redirectUri": f"{site.url}/oidc/callback",
        "signedOutUri": f"{site.url}/",
        "people": PEOPLE,
    }
    command = ["node", str(installed / "serve.mjs"), json.dumps(told)]
    with subprocess.Popen(command, cwd=installed, stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout is not None
        assert "ready" in provider.stdout.readline()
        yield Certified(site, issuer)
        provider.terminate()


@pytest.fixture
def page(browser: Browser, certified: Certified) -> Iterator[Page]:
    context = browser.new_context(base_url=certified.site.url)
    yield context.new_page()
    context.close()


def sign_in(page: Page, who: str) -> None:
    page.goto("/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_placeholder("Enter any login").fill(who)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()  # consent


def test_an_operator_goes_there_and_back_and_out_of_both(page: Page, certified: Certified) -> None:
    sign_in(page, "ada")
    expect(page).to_have_url(f"{certified.site.url}/requests")
    expect(page.get_by_text("Signed in as ada@example.com")).to_be_visible()
    expect(page.get_by_role("link", name="Activity")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign out of Acme too").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(f"{certified.site.url}/")
    expect(page.get_by_role("button", name="Sign in with Acme")).to_be_visible()


def test_a_linker_is_none_of_the_operators(page: Page, certified: Certified) -> None:
    sign_in(page, "lin")
    expect(page.get_by_text("Signed in as lin@example.com")).to_be_visible()
    expect(page.get_by_role("link", name="Activity")).to_have_count(0)


def test_an_address_that_is_not_verified_opens_nothing(page: Page, certified: Certified) -> None:
    sign_in(page, "eve")
    expect(page.get_by_text("has not verified that ada@example.com is yours")).to_be_visible()


def test_whoever_declines_there_is_told_so_here(page: Page, certified: Certified) -> None:
    page.goto("/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(re.escape(f"{certified.site.url}/oidc/callback?")))
    expect(page.get_by_text("Acme did not sign you in (access_denied).")).to_be_visible()
