"""What every answer and every request goes through: security headers, and a refusal of what is cross-site or too big.

The rules follow OWASP ASVS 5.0, chapters 3.4 (headers) and 3.5 (cross-site requests).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024  # bytes; the longest form is a note and ten addresses
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Pico draws arrows and ticks with data: images
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def security_headers(base_url: str) -> dict[str, str]:
    """The headers of every answer."""
    headers = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: browsers then send "Origin: null" with our own forms too, which `cross_site` must refuse.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }
    if is_https(base_url):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def is_https(base_url: str) -> bool:
    """Whether people reach the pages through TLS."""
    return urlsplit(base_url).scheme == "https"


def cross_site(method: str, headers: Mapping[str, str], base_url: str) -> bool:
    """Whether a browser sent this unsafe request on behalf of another site.

    Browsers say where a request comes from: in Sec-Fetch-Site, or (older ones, and plain http) in Origin. A client
    that sends neither is no browser, so nobody's cookies are abused through it.
    """
    if method in _SAFE_METHODS:
        return False
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return False
    allowed = {_origin(base_url), *(f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https"))}
    return origin.lower() not in allowed


def too_large(headers: Mapping[str, str]) -> bool:
    """Whether a request announces a body that is not worth reading. One of no announced length is cut off on the way,
    by Starlette's RequestBodyLimitMiddleware.
    """
    length = headers.get("content-length", "")
    return length.isdecimal() and (len(length) > 12 or int(length) > LARGEST_BODY)


Refusal = Callable[[Request], Response]


class Guard:
    """The middleware: refuses what is cross-site or too large before anything of it is read, and adds the headers that
    an answer does not set itself.

    What is cross-site matters only where a browser's cookie opens something: `without_cookies` says where none does.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_url: str,
        cross_site_page: Refusal,
        too_large_page: Refusal,
        without_cookies: Callable[[Scope], bool],
    ) -> None:
        self._app = app
        self._base_url = base_url
        self._headers = security_headers(base_url)
        self._cross_site_page = cross_site_page
        self._too_large_page = too_large_page
        self._without_cookies = without_cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        answer: ASGIApp = self._app
        if too_large(headers):
            answer = await run_in_threadpool(self._too_large_page, Request(scope, receive))
        elif not self._without_cookies(scope) and cross_site(scope["method"], headers, self._base_url):
            answer = await run_in_threadpool(self._cross_site_page, Request(scope, receive))
        await answer(scope, receive, send_guarded)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
