"""The browser sees what is on a page, and only that."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from staxpipe.demo.browser import Browser
from staxpipe.errors import PermanentError

PAGE = """<html><body><h1>Which <em>account</em>?</h1>
<form method="post" action="/sign-out"><button>Sign out</button></form>
<form method="post" action="save">
  <input type="hidden" name="key" value="k&amp;1">
  <input name="bucket" value="">
  <select name="region"><option value="us-east-1">US</option><option value="eu-west-1" selected>EU</option></select>
  <textarea name="note"></textarea>
  <button type="submit"><b>Save</b> and go on</button>
</form>
<p><a href="/help">Questions <b>first</b>?</a><br><pre><code id="command">aws \\
 deploy</code></pre></body></html>"""


class Server:
    """Answers like the pages, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/form/save":
            return httpx.Response(303, headers={"Location": "/done", "Set-Cookie": "session=s1; Path=/"})
        if request.url.path == "/done":
            return httpx.Response(200, html="<h1>Saved</h1>")
        if request.url.path == "/missing":
            return httpx.Response(404, html="<h1>There is no such page</h1>")
        return httpx.Response(200, html=PAGE)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def browser(server: Server) -> Browser:
    return Browser("http://pages.example", httpx.MockTransport(server))


def test_a_form_is_sent_as_it_stands_with_what_was_filled_in(browser: Browser, server: Server) -> None:
    page = browser.press(browser.open("/form/details"), "Save and go on", {"bucket": "acme-billing"})
    assert (page.url, page.heading) == ("http://pages.example/done", "Saved")
    sent = server.requests[1]
    assert sent.headers["origin"] == "http://pages.example"
    assert parse_qs(sent.content.decode(), keep_blank_values=True) == {
        "key": ["k&1"], "bucket": ["acme-billing"], "region": ["eu-west-1"], "note": [""],
    }  # fmt: skip
    assert server.requests[2].headers["cookie"] == "session=s1"


def test_a_page_is_its_heading_links_and_marked_text(browser: Browser) -> None:
    page = browser.open("/form/details")
    assert page.heading == "Which account?"
    assert page.link("Questions first") == "http://pages.example/help"
    assert page.marked["command"] == "aws \\\n deploy"


def test_what_is_not_on_the_page_cannot_be_used(browser: Browser) -> None:
    page = browser.open("/form/details")
    with pytest.raises(PermanentError, match="no button 'Delete'"):
        browser.press(page, "Delete")
    with pytest.raises(PermanentError, match="no link 'Elsewhere'"):
        page.link("Elsewhere")
    with pytest.raises(PermanentError, match="no field prefix"):
        browser.press(page, "Save", {"prefix": "x"})


def test_an_error_page_says_what_it_says(browser: Browser) -> None:
    with pytest.raises(PermanentError, match="answered 404: There is no such page"):
        browser.open("/missing")
