"""Something that is fetched from elsewhere, kept for a while, and asked for again when it is old. Knows no HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from staxpipe.errors import StaxpipeError, TransientError

T = TypeVar("T")

LIFETIME = 3600.0
"""Seconds after which it is fetched anew."""

PAUSE = 10.0
"""Seconds after a failure in which nobody waits for another one."""


class Kept(Generic[T]):
    """One value for all threads. What is old serves on while its source is down, and while one of them waits for it."""

    def __init__(self, fetch: Callable[[], T], seconds: Callable[[], float]) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._lock = threading.Lock()
        self._value: T | None = None
        self._fresh_until = 0.0
        self._failure: StaxpipeError | None = None
        self._failed_until = 0.0

    def get(self, *, anew: bool = False) -> T:
        """The value; with `anew` fetched even if it is not old, for whoever knows that it has changed.

        Raises:
            StaxpipeError: it cannot be had, by the error of `fetch`.
        """
        old = self._value
        if not self._lock.acquire(blocking=anew or old is None) and old is not None:
            return old  # a slow source must not hold every thread of the server
        try:
            return self._get(anew)
        finally:
            self._lock.release()

    def _get(self, anew: bool) -> T:
        now = self._seconds()
        if self._value is not None and now < self._fresh_until and not anew:
            return self._value
        if self._failure is None or now >= self._failed_until:
            self._try(now)
        if self._failure is None and self._value is not None:
            return self._value
        if self._value is not None and isinstance(self._failure, TransientError):
            return self._value
        # Without its traceback, which would grow with each who is told.
        raise self._failure.with_traceback(None) if self._failure else AssertionError("nothing was fetched")

    def _try(self, now: float) -> None:
        try:
            self._value = self._fetch()
        except StaxpipeError as error:
            self._failure, self._failed_until = error.with_traceback(None), now + PAUSE
        else:
            self._failure, self._fresh_until = None, now + LIFETIME
