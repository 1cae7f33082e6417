"""What `staxpipe link` says to the API of a staxpipe, here or elsewhere. Nothing else of ours is needed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

from staxpipe.errors import PermanentError, TransientError

Answer = dict[str, Any]
_SECONDS = 30.0


class NotDoneError(PermanentError):
    """The API refused; `code` is its name for why."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class Client:
    """One staxpipe, by its address and a token. Closes its connections when its context ends."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        # No redirect is followed: the token would go along.
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=_SECONDS,
            transport=transport,
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

    def template(self) -> str:
        """The role's template."""
        return self._send("GET", "/templates/staxpipe-link.yaml").text

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
            raise TransientError(f"staxpipe at {self._url} cannot be reached: {error}.") from None
        if answer.is_success:
            return answer
        raise self._failure(answer)

    def _failure(self, answer: httpx.Response) -> Exception:
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


def key_for(details: Mapping[str, str], nth: int) -> str:
    """The key under which `staxpipe link` begins: the same for the same account, bucket and prefix, so that giving the
    command again goes on with the same request. `nth` counts those that are over.
    """
    said = "\n".join((details["account_id"], details["bucket"], details["prefix"]))
    digest = hashlib.sha256(said.encode()).hexdigest()[:24]
    return f"staxpipe-link/{details['account_id']}/{digest}/{nth}"
