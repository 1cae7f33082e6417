"""Listening for roles: sweep after sweep for as long as somebody is about to create one, and no longer.

A sensor looks again only after a pause that suits all its other work; a person who has just created a stack looks at
the page. What one sweep does is `sweep`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from staxpipe.db import probes
from staxpipe.linking.sweep import Probe, SweepReport, sweep
from staxpipe.settings import Settings

SOON = timedelta(seconds=10)
"""A request whose next probe is not further away is waited for; all others are for the next time."""
_LOOK_AGAIN = 2.0  # seconds at most between two looks at what is due: people change requests meanwhile


def listen(
    engine: Engine,
    settings: Settings,
    probe: Probe,
    clock: Callable[[], datetime],
    seconds: float,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
    **of_sweep: Any,
) -> SweepReport:
    """Sweep at once, and again whenever a request is due within `patience` seconds, until an account is linked.

    Everything ends within `seconds`, as a sweep's own deadline does. Whoever calls learns of a new link at once.

    Args:
        engine: the metadata database.
        settings: as for `sweep`.
        probe: as for `sweep`.
        clock: the time, asked before every sweep.
        seconds: for all of it.
        patience: after so many seconds no other sweep is begun.
        sleep: for tests.
        of_sweep: more arguments of `sweep`.
    """
    began = time.monotonic()
    heard = SweepReport()
    while True:
        _add(heard, sweep(engine, settings, probe, clock(), seconds - (time.monotonic() - began), **of_sweep))
        if heard.linked:
            return heard
        with engine.connect() as connection:
            pause = wait(probes.next_probe(connection, clock()), clock())
        if pause is None or time.monotonic() - began + pause >= patience:
            return heard
        sleep(pause)


def wait(next_probe: datetime | None, now: datetime) -> float | None:
    """The seconds to the next sweep; None where nobody waits for one."""
    if next_probe is None or next_probe - now > SOON:
        return None
    return min(max((next_probe - now).total_seconds(), 0.0), _LOOK_AGAIN)


def _add(heard: SweepReport, report: SweepReport) -> None:
    """What happened is added up; who still waits is as the last sweep that asked found it."""
    heard.linked += report.linked
    heard.refused += report.refused
    heard.expired += report.expired
    if report.linked or report.refused or report.waiting or report.unknown:
        heard.waiting, heard.unknown = report.waiting, report.unknown
