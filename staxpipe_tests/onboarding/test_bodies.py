"""Bodies that are too large are refused before they are read, whether or not they say how large they are."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from staxpipe.onboarding.guards import LARGEST_BODY, too_large
from staxpipe_tests.onboarding.conftest import Pages, begin

MEGABYTES_10 = 10 * 1024 * 1024


@pytest.mark.parametrize(
    ("length", "refused"),
    [("0", False), (str(LARGEST_BODY), False), (str(LARGEST_BODY + 1), True), ("9" * 5000, True), ("x", False)],
)
def test_what_is_announced_decides(length: str, refused: bool) -> None:
    assert too_large({"content-length": length}) is refused


def test_nothing_announced_is_not_refused_beforehand() -> None:
    assert not too_large({})


class Wire:
    """A connection to the pages on which a test says exactly which bytes are sent, and when."""

    def __init__(self, pages: Pages, path: str, headers: str) -> None:
        place = urlsplit(pages.url)
        assert place.hostname is not None
        cookie = "; ".join(f"{name}={value}" for name, value in pages.operator().cookies.items())
        self._socket = socket.create_connection((place.hostname, place.port or 80), timeout=20)
        head = f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n{headers}\r\n"
        self.send(head.encode() + b"\r\n")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def status(self) -> int:
        """Of the answer, which must come although the body is not complete."""
        return int(self._socket.recv(65536).split(b" ", 2)[1])

    def close(self) -> None:
        self._socket.close()


FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/requests", "/sign-out", "/sign-in/x", "/nowhere"])
def test_ten_megabytes_are_refused_before_the_first_of_them_is_sent(pages: Pages, path: str) -> None:
    wire = Wire(pages, path, f"{FORM}\r\nContent-Length: {MEGABYTES_10}")
    assert wire.status() == 413
    wire.close()


def test_without_a_length_the_answer_comes_when_it_is_too_much(pages: Pages) -> None:
    wire = Wire(pages, "/requests", f"{FORM}\r\nTransfer-Encoding: chunked")
    chunk = b"key=" + b"x" * 16_380
    for _ in range(5):
        wire.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    assert wire.status() == 413  # and no last chunk was sent
    wire.close()


def test_whoever_sends_all_of_it_is_told_in_words(pages: Pages) -> None:
    browser = pages.operator()
    url = f"/requests/{begin(browser)}/details"

    def pieces() -> Iterator[bytes]:
        yield b"bucket="
        for _ in range(160):
            yield b"x" * 65_536

    for content in (b"bucket=" + b"x" * MEGABYTES_10, pieces()):
        answer = browser.post(url, content=content, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 413
        assert "more text than it may" in answer.text
        assert "content-security-policy" in answer.headers
