"""A browser without a screen: follows links, fills forms and keeps cookies, and sees only what is on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from staxpipe.errors import PermanentError

_SECONDS = 30.0


@dataclass
class Form:
    """A form: where it goes, the values that stand in it, and the words on its buttons."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """What a person can use of a page. `links` are words and addresses; `marked` the text of elements with an id."""

    url: str
    status: int
    heading: str
    links: tuple[tuple[str, str], ...]
    forms: tuple[Form, ...]
    marked: Mapping[str, str]

    def link(self, words: str) -> str:
        """The address of the link with these words.

        Raises:
            PermanentError: there is none.
        """
        for text, address in self.links:
            if words in text:
                return urljoin(self.url, address)
        raise PermanentError(f"The page {self.url} ({self.heading!r}) has no link {words!r}.")

    def form(self, button: str) -> Form:
        """The form with this button.

        Raises:
            PermanentError: there is none.
        """
        for form in self.forms:
            if any(button in words for words in form.buttons):
                return form
        raise PermanentError(f"The page {self.url} ({self.heading!r}) has no button {button!r}.")


class Browser:
    """A session with the pages."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        # Addresses of this machine are never reached through a proxy, whatever the environment says.
        self._client = httpx.Client(
            base_url=base_url, follow_redirects=True, timeout=_SECONDS, trust_env=False, transport=transport
        )

    def close(self) -> None:
        """End the session."""
        self._client.close()

    def open(self, address: str) -> Page:
        """Open a page."""
        return _page(self._client.get(address))

    def press(self, page: Page, button: str, fields: Mapping[str, str] | None = None) -> Page:
        """Fill a form's fields and press its button.

        Raises:
            PermanentError: there is no such button or field.
        """
        form = page.form(button)
        unknown = set(fields or {}) - set(form.values)
        if unknown:
            raise PermanentError(f"The form {button!r} of {page.url} has no field {', '.join(sorted(unknown))}.")
        address = urljoin(page.url, form.action)
        parts = urlsplit(page.url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin", "Referer": page.url}
        values = {**form.values, **(fields or {})}
        if form.method == "post":
            return _page(self._client.post(address, data=values, headers=headers))
        return _page(self._client.get(address, params=values))

    def download(self, address: str) -> str:
        """The text behind a link."""
        return self._client.get(address).raise_for_status().text

    def json(self, address: str) -> dict[str, object]:
        """What the page's own script would ask for."""
        answer = self._client.get(address).raise_for_status().json()
        return dict(answer)


def _page(response: httpx.Response) -> Page:
    reader = _Reader()
    reader.feed(response.text)
    page = Page(
        str(response.url), response.status_code, reader.heading.strip(), tuple(reader.links), tuple(reader.forms),
        reader.marked,
    )  # fmt: skip
    if response.is_error:
        raise PermanentError(f"The page {page.url} answered {page.status}: {page.heading}")
    return page


class _Reader(HTMLParser):
    """Collects links, forms, the heading, and the text of elements that have an id."""

    _VOID = frozenset({"input", "br", "img", "meta", "link", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.heading = ""
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self.marked: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []  # tag and id
        self._link: list[str] | None = None
        self._href = ""
        self._button: list[str] | None = None
        self._form: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        given = {name: value or "" for name, value in attrs}
        if tag not in self._VOID:
            self._open.append((tag, given.get("id")))
            if "id" in given:
                self.marked[given["id"]] = ""
        if tag == "a" and "href" in given:
            self._link, self._href = [], given["href"]
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
        elif self._form is not None and "name" in given:
            self._form.values[given["name"]] = given.get("value", "")
            self._select = given["name"] if tag == "select" else ""
        elif self._form is not None and tag == "option" and "selected" in given:
            self._form.values[self._select] = given.get("value", "")
        if tag == "button":
            self._button = []

    def handle_data(self, data: str) -> None:
        """Text."""
        for tag, name in self._open:
            if name is not None:
                self.marked[name] += data
            if tag == "h1":
                self.heading += data
        for collected in (self._link, self._button):
            if collected is not None:
                collected.append(data)

    def handle_endtag(self, tag: str) -> None:
        """A tag closes, and with it those inside that were left open."""
        if not any(tag == opened for opened, _ in self._open):
            return
        while self._open.pop()[0] != tag:
            pass
        if tag == "a" and self._link is not None:
            self.links.append(("".join(self._link).strip(), self._href))
            self._link = None
        elif tag == "button" and self._button is not None:
            if self._form is not None:
                self._form.buttons.append("".join(self._button).strip())
            self._button = None
        elif tag == "form" and self._form is not None:
            self.forms.append(self._form)
            self._form = None
