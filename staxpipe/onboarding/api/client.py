"""What `staxpipe link` says to the API of a staxpipe, here or elsewhere. Nothing else of ours is needed for it."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from staxpipe.errors import PermanentError, TransientError

Answer = dict[str, Any]
_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HERE = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class NotDoneError(PermanentError):
    """The API refused; `code` is its name for why."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class Client:
    """One staxpipe, by its address and a token. Closes its connections when its context ends."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        """Ready to ask; nothing is sent yet.

        Raises:
            PermanentError: the address is none, or the token cannot be one. The sentence does not show the token.
        """
        self._url = _checked_url(url)
        # No redirect is followed: the token would go along.
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1",
            headers={"Authorization": f"Bearer {_checked_token(token)}", "Accept": "application/json"},
            timeout=_SECONDS,
            transport=transport,
            mounts=dict.fromkeys(_HERE),  # whatever HTTP_PROXY says: the token of a staxpipe here stays here
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def begin(self, key: str, details: Mapping[str, str]) -> Answer:
        """Begin a request under a key, or get the one that it began before."""
        return self._ask("POST", "/requests", {"Idempotency-Key": key}, {"details": dict(details)})

    def read(self, request_id: str) -> Answer:
        """Where a request stands."""
        return self._ask("GET", f"/requests/{request_id}")

    def resume(self, request_id: str) -> Answer:
        """Have the role of a request looked for again that has expired or was refused."""
        return self._ask("POST", f"/requests/{request_id}/resume")

    def look(self, request_id: str) -> Answer:
        """Have its role looked for now."""
        return self._ask("POST", f"/requests/{request_id}/look")

    def _ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: object = None) -> Answer:
        answer = self._send(method, path, headers, body)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise PermanentError(f"{self._url} is no staxpipe: it answered without JSON. Is the address right?")
        return found

    def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: object = None
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, headers=headers, json=body)
        except httpx.TransportError as error:
            raise self._unreached(error) from None
        if answer.is_success:
            return answer
        raise self._failure(answer)

    def _unreached(self, error: httpx.TransportError) -> Exception:
        """Why nobody answered: what somebody must change, or what may pass."""
        causes = list(_causes(error))
        untrusted = next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None)
        if untrusted is not None:
            return PermanentError(
                f"{self._url} shows a certificate that this machine does not trust "
                f"({untrusted.verify_message.rstrip('.')}), so the token was not sent. Where your own authority signs, "
                "name its certificates in SSL_CERT_FILE; otherwise have the certificate mended."
            )
        if any(isinstance(each, ssl.SSLError) for each in causes):
            return PermanentError(
                f"{self._url} does not speak TLS as it should ({error}). Does the address begin with http://, or has "
                "it another port?"
            )
        if isinstance(error, httpx.TimeoutException):
            return TransientError(f"staxpipe at {self._url} did not answer within {_SECONDS:.0f} seconds. Try again.")
        return TransientError(
            f"staxpipe at {self._url} cannot be reached ({error}). Does it run there? STAXPIPE_API_URL, or --api-url, "
            "says where."
        )

    def _failure(self, answer: httpx.Response) -> Exception:
        if answer.has_redirect_location:
            return PermanentError(
                f"{self._url} sends elsewhere, to {answer.headers['location']}, and the token does not go along. Is "
                "the address right? Give the one that answers itself."
            )
        try:
            problem = answer.json()
            detail, code, wrong = str(problem["detail"]), str(problem["code"]), list(problem["errors"])
            fields = [f"{one['field']}: {one['detail']}" for one in wrong if one["detail"] not in detail]
        except (ValueError, TypeError, KeyError):
            said = f"{answer.status_code} {answer.reason_phrase}".strip()
            return PermanentError(f"{self._url} answered {said}, and not as staxpipe does. Is the address right?")
        sentence = "\n  ".join((detail, *fields))
        if answer.status_code == 429 or answer.status_code >= 500:
            return TransientError(sentence)
        return NotDoneError(sentence, code)


def in_the_clear(url: str) -> bool:
    """Whether a token that is sent to this address can be read by whoever is on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it: httpx tells the kind of a failed connection by its words only."""
    known: BaseException | None = error
    while known is not None:
        yield known
        known = known.__cause__ or known.__context__


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 80) > 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        usable = False
    else:
        if parts.username is not None or parts.password is not None:
            raise PermanentError("The address of a staxpipe has no user and no password in it: a token lets you in.")
    if not usable:
        raise PermanentError(f"“{url}” is no address of a staxpipe. Write one as in https://costs.example.com.")
    return url.rstrip("/")


def _checked_token(token: str) -> str:
    """Without the line break that a file ends with. What else no header may hold would be shown by the error of who
    sends it.
    """
    tidy = token.strip()
    if not (tidy.isascii() and tidy.isprintable() and tidy and " " not in tidy):
        raise PermanentError(
            "STAXPIPE_API_TOKEN is no token: those begin with sxp_ and have neither spaces nor line breaks in them. "
            "`staxpipe token create` makes one."
        )
    return tidy


def key_for(details: Mapping[str, str], nth: int) -> str:
    """The key under which `staxpipe link` begins: the same for the same account, bucket and prefix, so that giving the
    command again goes on with the same request. `nth` counts those that are over.
    """
    said = "\n".join((details["account_id"], details["bucket"], details["prefix"]))
    digest = hashlib.sha256(said.encode()).hexdigest()[:24]
    return f"staxpipe-link/{details['account_id']}/{digest}/{nth}"
