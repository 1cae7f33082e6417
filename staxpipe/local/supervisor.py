"""Keeping services alive: pure functions decide what is to be done, `Supervisor` does it. Which ones: `runtime.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

from staxpipe.errors import StaxpipeError, TransientError
from staxpipe.local.processes import Service

LOOK_SECONDS = 0.5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STABLE_SECONDS = 60.0  # who ran this long has recovered: its next death counts as the first
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Life:
    """What the supervisor remembers of one service. Times are seconds of one monotonic clock."""

    started_at: float | None = None  # None: it does not run
    deaths: int = 0  # in a row
    restart_at: float = 0.0


def after_start(life: Life, now: float) -> Life:
    """It was started."""
    return replace(life, started_at=now)


def after_death(life: Life, now: float) -> Life:
    """It died: the pause before the next start doubles with every death in a row."""
    recovered = life.started_at is not None and now - life.started_at >= STABLE_SECONDS
    deaths = 1 if recovered else life.deaths + 1
    return Life(started_at=None, deaths=deaths, restart_at=now + pause(deaths))


def pause(deaths: int) -> float:
    """Seconds to wait after so many deaths in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 16))


def is_due(life: Life, now: float) -> bool:
    """Whether it is to be started now."""
    return life.started_at is None and now >= life.restart_at


class Supervisor:
    """Starts services in layers, starts again what dies, stops the layers in reverse.

    All calls come from one thread, which must live as long as the services (see `launch`).

    Args:
        say: is told what people should know, a line at a time.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._layers: list[Sequence[Service]] = []
        self._lives: dict[str, Life] = {}
        self._say = say

    def start(self, layer: Sequence[Service], patience: float, stop: Event) -> None:
        """Start services that need those of earlier layers; return when all are healthy, or when `stop` is set.

        Raises:
            StaxpipeError: one cannot start (in its own words), died on the way, or is not healthy after `patience` s.
        """
        self._layers.append(layer)
        for service in layer:
            self._start(service)
        deadline = time.monotonic() + patience
        waiting = list(layer)
        while not stop.is_set():
            waiting = [service for service in waiting if not service.healthy()]
            if not waiting:
                return
            for service in self._services():
                if (how := service.died()) is not None:
                    raise TransientError(f"The {service.name} does not start: it {how}.{service.hint}")
            if time.monotonic() > deadline:
                names = " and the ".join(service.name for service in waiting)
                raise TransientError(f"The {names} did not come up within {patience:.0f} seconds.{waiting[0].hint}")
            stop.wait(0.1)

    def supervise(self, stop: Event) -> None:
        """Watch until `stop` is set."""
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """One look at every service: notice deaths, start what is due."""
        for service in self._services():
            life, now = self._lives[service.name], time.monotonic()
            if life.started_at is not None and (how := service.died()) is not None:
                life = self._lives[service.name] = after_death(life, now)
                self._say(f"The {service.name} {how}. It starts again in {life.restart_at - now:.1f} s.")
            if is_due(life, now):
                try:
                    self._start(service)
                except StaxpipeError as error:
                    self._lives[service.name] = after_death(life, time.monotonic())
                    self._say(f"The {service.name} cannot start: {error}")
                else:
                    self._say(f"The {service.name} was started again.")

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """Stop all, the latest layer first; services of one layer end side by side."""
        for layer in reversed(self._layers):
            for service in layer:
                service.ask_to_stop()
            for service in layer:
                service.stop(patience)
        self._layers.clear()
        self._lives.clear()

    def _services(self) -> list[Service]:
        return [service for layer in self._layers for service in layer]

    def _start(self, service: Service) -> None:
        self._lives.setdefault(service.name, Life())
        service.start()
        self._lives[service.name] = after_start(self._lives[service.name], time.monotonic())
