"""Telling how far the demo is: one line a step, with its time; and which step failed, in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from staxpipe.errors import StaxpipeError, TransientError

_Seen = TypeVar("_Seen")


class DemoError(StaxpipeError):
    """One part of the demo failed: which, why, and where its log is."""

    def __init__(self, part: str, reason: str, log: Path | None) -> None:
        where = f"\nMore is in {log}." if log else ""
        super().__init__(f"The demo failed at “{part}”: {reason}{where}")
        self.part = part


@dataclass(frozen=True)
class Done:
    """A step that was done, and how long it took."""

    title: str
    seconds: float


class Progress:
    """Shows steps on a console as they are done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self.done: list[Done] = []

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str, log: Path | None = None) -> Iterator[Callable[[str], None]]:
        """One step. Gives a function that says what is being waited for.

        Raises:
            DemoError: with the step's name, when something that can fail does.
        """
        began = time.monotonic()
        try:
            with self._console.status(title) as status:
                yield lambda words: status.update(f"{title}: {words}")
        except DemoError:
            raise
        except (StaxpipeError, httpx.HTTPError, ClientError, BotoCoreError, SQLAlchemyError) as error:
            raise DemoError(title, str(error), log) from error
        seconds = time.monotonic() - began
        self.done.append(Done(title, seconds))
        self._console.print(Text.assemble(("✓ ", "green"), f"{title} ", (f"{seconds:.1f} s", "dim")))

    def note(self, words: str) -> None:
        """Something that people should know, below the current step."""
        self._console.print(Text(f"  {words}", style="dim"), soft_wrap=True)


def wait_for(what: str, look: Callable[[], _Seen | None], seconds: float, every: float = 0.5) -> _Seen:
    """Look again and again until there is something to see.

    Raises:
        TransientError: there was nothing after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen is not None:
            return seen
        if time.monotonic() > deadline:
            raise TransientError(f"{what} did not happen within {seconds:.0f} seconds.")
        time.sleep(every)
