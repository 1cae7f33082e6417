"""How long to wait before a role is looked for again. Pure; when a request expires is kept with the request."""

from __future__ import annotations

import hashlib
from datetime import timedelta

QUICK_PROBES = 100
"""While the person is creating the stack, the role is looked for every 3 to 6 seconds: for 5 to 10 minutes."""
LONGEST = timedelta(hours=1)
ACCUSED = timedelta(seconds=20)
"""Before a role that let in who must not come in is tried a second time, which decides."""

_QUICK_SECONDS = 3.0
_GROWTH = 1.3


def delay(attempts: int, request_id: str) -> timedelta:
    """The wait after so many probes: short at first, then growing to an hour.

    Jitter follows from the request's id, so that requests that were made together do not stay together, and the
    same question always has the same answer.
    """
    jitter = _fraction(f"{request_id}:{attempts}")
    if attempts < QUICK_PROBES:
        return timedelta(seconds=_QUICK_SECONDS * (1 + jitter))
    seconds = 2 * _QUICK_SECONDS * _GROWTH ** min(attempts - QUICK_PROBES, 100)
    return min(LONGEST, timedelta(seconds=seconds)) * (0.8 + 0.2 * jitter)


def _fraction(text: str) -> float:
    """A number in [0, 1) that always is the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
