"""Deciding when what is started again, and doing it with small programs in place of the real ones."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.processes import ChildProcess
from staxpipe.local.supervisor import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    STABLE_SECONDS,
    Life,
    Supervisor,
    after_death,
    after_start,
    is_due,
    pause,
)
from staxpipe_tests.local.conftest import is_gone, wait_until


def looking(supervisor: Supervisor, happened: Callable[[], bool]) -> Callable[[], bool]:
    """A condition to wait for while the supervisor looks after its services."""

    def look() -> bool:
        supervisor.look()
        return happened()

    return look


def test_a_new_service_is_due_and_a_running_one_is_not() -> None:
    assert is_due(Life(), now=0.0)
    assert not is_due(after_start(Life(), now=1.0), now=2.0)


def test_after_each_death_in_a_row_the_pause_doubles_up_to_a_limit() -> None:
    assert [pause(deaths) for deaths in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert pause(10_000) == LONGEST_PAUSE


def test_the_dead_are_due_when_their_pause_is_over() -> None:
    dead = after_death(after_start(Life(), now=100.0), now=101.0)
    assert not is_due(dead, now=101.0 + FIRST_PAUSE - 0.01)
    assert is_due(dead, now=101.0 + FIRST_PAUSE)


def test_who_ran_long_enough_begins_anew() -> None:
    life = Life(started_at=0.0, deaths=6)
    assert after_death(life, now=STABLE_SECONDS).deaths == 1
    assert after_death(life, now=STABLE_SECONDS - 1).deaths == 7


@given(st.lists(st.floats(0, 59), min_size=1, max_size=40))
def test_crashing_for_ever_never_means_more_than_two_starts_a_minute_in_the_end(uptimes: list[float]) -> None:
    life, now = Life(), 0.0
    for uptime in uptimes:
        life = after_start(life, now)
        now += uptime
        life = after_death(life, now)
        assert life.restart_at <= now + LONGEST_PAUSE
        now = life.restart_at
    assert life.deaths == len(uptimes)
    assert pause(7) == LONGEST_PAUSE


def child(name: str, script: str, folder: Path, **more: object) -> ChildProcess:
    return ChildProcess(
        name,
        (sys.executable, "-c", script),
        dict(os.environ),
        folder / f"{name}.log",
        **more,  # type: ignore[arg-type]
    )


def _ignore(line: str) -> None:
    """Nobody reads it."""


SLEEP = "import time; time.sleep(600)"
WITH_GRANDCHILD = """
import signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", deaf])
print(grandchild.pid, flush=True)
time.sleep(600)
"""


def test_what_dies_is_started_again_and_people_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    service, stop = child("worker", SLEEP, tmp_path), Event()
    supervisor = Supervisor(said.append)
    supervisor.start([service], 10, stop)
    first = service.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(looking(supervisor, lambda: service.process_id != first))
    assert said == [
        "The worker was killed by SIGKILL. It starts again in 0.5 s.",
        "The worker was started again.",
    ]
    supervisor.stop()
    assert service.process_id is None


def test_a_service_that_never_gets_healthy_is_an_error_that_says_where_to_look(tmp_path: Path) -> None:
    service = child("worker", f"print('waiting for a miracle', flush=True); {SLEEP}", tmp_path, health=lambda: False)
    supervisor = Supervisor(_ignore)
    with pytest.raises(TransientError, match=r"worker did not come up within 1 s(.|\n)*miracle(.|\n)*worker\.log"):
        supervisor.start([service], 1, Event())
    supervisor.stop()


def test_a_service_that_dies_while_starting_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    service = child("worker", "import sys; sys.exit('no such table')", tmp_path, health=lambda: False)
    supervisor = Supervisor(_ignore)
    with pytest.raises(TransientError, match=r"ended with exit code 1(.|\n)*no such table"):
        supervisor.start([service], 10, Event())
    supervisor.stop()


def test_starting_ends_when_people_want_to_stop(tmp_path: Path) -> None:
    service, stop = child("worker", SLEEP, tmp_path, health=lambda: False), Event()
    stop.set()
    supervisor = Supervisor(_ignore)
    supervisor.start([service], 60, stop)
    supervisor.stop()
    assert service.process_id is None


def test_stopping_ends_children_of_children_even_those_that_do_not_listen(tmp_path: Path) -> None:
    service = child("worker", WITH_GRANDCHILD, tmp_path)
    supervisor = Supervisor(_ignore)
    supervisor.start([service], 10, Event())
    wait_until(lambda: service.log.exists() and service.log.read_text().strip())
    grandchild = int(service.log.read_text())
    supervisor.stop(patience=0.5)
    wait_until(lambda: is_gone(grandchild))


def test_children_of_a_child_that_died_are_ended_with_the_rest(tmp_path: Path) -> None:
    service = child("worker", WITH_GRANDCHILD, tmp_path)
    supervisor = Supervisor(_ignore)
    supervisor.start([service], 10, Event())
    wait_until(lambda: service.log.exists() and service.log.read_text().strip())
    orphan, first = int(service.log.read_text()), service.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(looking(supervisor, lambda: service.process_id != first))
    assert not is_gone(orphan), "what it still does (a run that loads) may be done"
    supervisor.stop(patience=0.5)
    wait_until(lambda: is_gone(orphan))


def test_layers_stop_in_reverse(tmp_path: Path) -> None:
    stopped: list[str] = []

    class Recorded(ChildProcess):
        def stop(self, patience: float) -> None:
            super().stop(patience)
            stopped.append(self.name)

    def recorded(name: str) -> Recorded:
        return Recorded(name, (sys.executable, "-c", SLEEP), dict(os.environ), tmp_path / f"{name}.log")

    supervisor = Supervisor(_ignore)
    supervisor.start([recorded("database")], 10, Event())
    supervisor.start([recorded("pages"), recorded("daemon")], 10, Event())
    supervisor.stop()
    assert stopped == ["pages", "daemon", "database"]


def test_a_service_that_cannot_start_now_is_tried_again(tmp_path: Path) -> None:
    class Unlucky(ChildProcess):
        attempts = 0

        def start(self) -> None:
            self.attempts += 1
            if self.attempts == 2:
                raise PermanentError("the disk is full")
            super().start()

    said: list[str] = []
    service = Unlucky("worker", (sys.executable, "-c", SLEEP), dict(os.environ), tmp_path / "worker.log")
    supervisor = Supervisor(said.append)
    supervisor.start([service], 10, Event())
    first = service.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(looking(supervisor, lambda: service.attempts == 3))
    assert said[1:] == ["The worker cannot start: the disk is full", "The worker was started again."]
    supervisor.stop()


def test_supervising_goes_on_until_it_is_to_stop(tmp_path: Path) -> None:
    supervisor, stop = Supervisor(_ignore), Event()
    supervisor.start([child("worker", SLEEP, tmp_path)], 10, stop)
    thread = Thread(target=supervisor.supervise, args=[stop])
    thread.start()
    assert thread.is_alive()
    stop.set()
    thread.join(timeout=5)
    assert not thread.is_alive()
    supervisor.stop()
