"""One walk in a real browser: scripts work under the policy, pages update themselves, nothing leaves this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from staxpipe.db import link_requests, probes
from staxpipe.linking.verdicts import NotYetAssumable
from staxpipe.model import DeliveryState
from staxpipe.notify.messages import compose
from staxpipe_tests.notify.payloads import SAMPLES
from staxpipe_tests.onboarding.chromium import watch
from staxpipe_tests.onboarding.conftest import Pages
from staxpipe_tests.onboarding.ledger import add_delivery, add_link

pytestmark = pytest.mark.browser


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window; asked once the style sheet is there, which text does not wait for."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def details(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)
    page.get_by_role("button", name="Save and go on").click()


def test_a_person_links_an_account(browser: Browser, pages: Pages, engine: Engine) -> None:
    context = browser.new_context(base_url=pages.url, viewport={"width": 360, "height": 740})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    hosts, complaints = watch(page)

    page.goto(pages.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Link an account").click()
    page.get_by_role("button", name="Get started").click()
    page.get_by_role("link", name="Yes, I do").click()
    details(page, account_id="1234-5678", bucket="s3://acme-billing-reports/cur/")
    expect(page.get_by_text("exactly 12 digits, and this has 8")).to_be_visible()
    assert page.locator("#bucket").input_value() == "s3://acme-billing-reports/cur/"
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()
    details(page, account_id="1234-5678-9012")

    expect(page.get_by_role("heading", name="Create the read-only role")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("aws cloudformation deploy")
    assert "BucketPrefix=cur" in command
    page.get_by_role("button", name="I have created the stack").click()
    request_id = page.url.rsplit("/", 1)[1]

    # What the sensor would do, while the page only looks on.
    verdict = NotYetAssumable(str(pages.request(request_id).role_arn))
    with engine.begin() as connection:
        soon = pages.clock.now + timedelta(minutes=2)
        probes.record_probe(connection, request_id, verdict.code, verdict.explain(), soon, 1)
    expect(page.get_by_text("Next look in 2 minutes")).to_be_visible(timeout=15_000)
    with engine.begin() as connection:
        probes.mark_linked(connection, request_id, pages.clock.now)
        export = add_link(connection, request_id, pages.clock.now)
        add_delivery(connection, export, "2026-10", DeliveryState.LANDED)
    expect(page.get_by_role("heading", name="Your data is loading")).to_be_visible(timeout=15_000)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'loaded', rows_written = 1234, loaded_at = now()")
    expect(page.get_by_role("heading", name="Your data is ready")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("1,234").first).to_be_visible()
    assert fits(page)

    assert complaints == []
    assert set(hosts) == {"127.0.0.1"}
    context.close()


@pytest.mark.long
def test_without_scripts_the_page_loads_itself_anew_and_hides_what_needs_them(browser: Browser, pages: Pages) -> None:
    context = browser.new_context(base_url=pages.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(pages.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Link an account").click()
    page.get_by_role("button", name="Get started").click()
    page.get_by_role("link", name="Yes, I do").click()
    details(page, account_id="123456789012", bucket="acme-billing-reports")
    expect(page.get_by_text("aws cloudformation deploy")).to_be_visible()
    expect(page.locator("button[data-copy]")).to_be_hidden()
    page.get_by_role("button", name="I have created the stack").click()
    with page.expect_request(re.compile(r"/requests/[\w-]{22}$"), timeout=20_000):
        pass  # the meta refresh
    context.close()


@contextmanager
def _another_site(html: str) -> Iterator[str]:
    """A page under another name of this machine, which browsers take for another site."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_form_on_another_site_changes_nothing(browser: Browser, pages: Pages) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(pages.url + pages.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    with pages.engine.begin() as connection:
        request = link_requests.create(connection, "operator", pages.clock.now, timedelta(days=1))
    action = f"{pages.url}/requests/{request.id}/cancel"
    with _another_site(f'<form method="post" action="{action}"><button>Win</button></form>') as url:
        page.goto(url)
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_text("This did not come from our own page")).to_be_visible()
    assert pages.request(request.id).state == "draft"
    context.close()


@pytest.mark.long
def test_every_way_out_of_a_mistake_fits_a_phone_and_needs_no_scripts(browser: Browser, pages: Pages) -> None:
    context = browser.new_context(base_url=pages.url, viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    hosts, complaints = watch(page)

    def shown(heading: str) -> None:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        page.wait_for_load_state("load")  # styles too
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    page.goto(pages.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Link an account").click()
    page.get_by_role("button", name="Get started").click()
    page.get_by_role("link", name="No, or I am not technical").click()
    page.locator("#addresses").fill("a.colleague.with.a.long.name@subsidiary.example.com")
    page.locator("#invited_by").fill("Grace")
    page.get_by_role("button", name="Send invitations").click()
    page.get_by_role("button", name="Withdraw the invitation").click()
    expect(page.get_by_text("Withdrawn", exact=True)).to_be_visible()
    shown("Invite colleagues")
    page.get_by_role("link", name="See how the request stands").click()
    page.get_by_role("link", name="Yes, I do").click()
    page.get_by_text("There is no report yet").click()
    page.get_by_role("link", name="Have AWS write one").click()
    shown("Have AWS write billing reports")
    page.get_by_role("button", name="Fill this into the form").click()
    details(page, account_id="123456789012")
    shown("Create the read-only role")
    page.get_by_role("link", name="Change", exact=True).click()
    details(page, bucket="the-bucket-that-was-meant", prefix="")
    shown("Update the stack")
    page.get_by_role("button", name="I have updated the stack").click()
    page.get_by_text("I have another account").click()
    page.get_by_role("button", name="Add another account").click()
    details(page, account_id="210987654321", bucket="another-bucket")
    page.get_by_role("button", name="I have created the stack").click()
    expect(page.get_by_text("1234-5678-9012")).to_be_visible()
    shown("Accounts in this request")
    page.get_by_role("link", name="Cancel").click()
    shown("Cancel this request?")
    page.get_by_role("button", name="Cancel the request").click()
    shown("This request was cancelled")
    assert complaints == []
    assert set(hosts) == {"127.0.0.1"}
    context.close()


def test_mails_fit_a_phone(browser: Browser, pages: Pages) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    for kind, payload in SAMPLES.items():
        page.set_content(compose(kind, payload, pages.settings).html)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), kind
    page.close()


def test_on_paper_all_is_there(browser: Browser, pages: Pages) -> None:
    page = browser.new_page(base_url=pages.url)
    page.emulate_media(media="print")
    page.goto("/help/export")
    cut_off = "[...document.querySelectorAll('pre')].filter(pre => pre.scrollHeight > pre.clientHeight + 1).length"
    assert page.evaluate(cut_off) == 0
    expect(page.get_by_text("Please tell us when it is done.")).to_be_visible()  # in an answer that is closed
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.close()
