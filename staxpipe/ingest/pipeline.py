"""Working through several files with several threads, with the outcome that one thread would have had.

Every thread does all of the work: it takes the next batch of whichever open file is free, works on it, and comes back.
So there is no queue, no thread waits for another's share of the work, and what is in memory is what the threads hold.
Files are opened in their order, as many at once as there are threads; outcomes are added up in the order of the files
and of the batches in them; and of several errors the first in that order is raised, as if nothing after it had been
read. Nothing here knows what is in a file.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

FILES_AHEAD = 2
"""How many files a thread, beyond the first that is not done, may be begun: their outcomes wait in memory."""


class Outcome(Protocol):
    """What became of some batches; of any part of them to begin with: what a whole file and all files came to."""

    def add(self, other: Self, /) -> None:
        """Add the outcome of batches that come after these; may raise, which counts as their error."""
        ...


Batch = TypeVar("Batch")
Result = TypeVar("Result", bound=Outcome)

Place = tuple[int, int]
"""Where something is: the file's position, and the batch's in the file. -1: the file as a whole."""

EVERYWHERE: Place = (-1, -1)


@dataclass
class _File(Generic[Batch, Result]):
    """A file that is read; `batches` is moved on by one thread at a time."""

    position: int
    batches: Iterator[Batch]
    stack: ExitStack
    outcome: Result
    taken: int = 0
    added: int = 0
    waiting: dict[int, Result] = field(default_factory=dict)  # outcomes whose turn to be added has not come
    ended: bool = False

    @property
    def done(self) -> bool:
        return self.ended and self.added == self.taken


class Work(Generic[Batch, Result]):
    """Files whose batches are worked on, once. Everything below `_changed` is touched only by who holds it."""

    def __init__(
        self,
        files: int,
        open_file: Callable[[int], AbstractContextManager[Iterator[Batch]]],
        new_worker: Callable[[], Callable[[Batch], Result]],
        new_outcome: Callable[[], Result],
        progress: Callable[[int, Result], None],
        threads: int,
    ) -> None:
        """Say what is to be done; `run` does it.

        Args:
            files: how many there are.
            open_file: gives a file's batches, by its position. Called in order, never twice at once. A context may be
                left by another thread than the one that entered it.
            new_worker: makes what a thread works on batches with; called once a thread, in that thread.
            new_outcome: what no batch at all comes to.
            progress: told a file's position and the outcome of one of its batches, in whatever order they are done.
            threads: how many work at the same time; 1 is the caller's own.
        """
        self._files = files
        self._open_file = open_file
        self._new_worker = new_worker
        self._new_outcome = new_outcome
        self._progress = progress
        self._threads = threads
        self._changed = threading.Condition()
        self._begun: dict[int, _File[Batch, Result]] = {}  # by position: those that are not in the total yet
        self._free: deque[_File[Batch, Result]] = deque()
        self._next = 0  # the file to be opened next
        self._opening = False
        self._reading = 0  # how many files are being moved on
        self._at_work = 0  # how many threads are
        self._ended = 0  # how many were
        self._first = 0  # the first file that is not in the total
        self._total = new_outcome()
        self._error: tuple[Place, BaseException] | None = None

    def run(self) -> Result:
        """Do it all; returns what all of it came to. Every thread has ended and every file is closed afterwards, except
        where a second interrupt comes meanwhile.

        Raises:
            BaseException: the first error in the order of files and batches, whoever raised it.
        """
        try:
            if self._threads == 1:
                self._work()
            else:
                self._work_in_threads()
        finally:  # where an interrupt came between
            if not self._at_work:  # what others still read cannot be closed; they do that when they are done with it
                for file in self._begun.values():
                    file.stack.close()
        self._add_up_to_error()
        if self._error is not None:
            raise self._error[1]
        return self._total

    def _work_in_threads(self) -> None:
        # Daemons: whoever interrupts twice does not wait for a download to end.
        threads = [
            threading.Thread(target=self._work_in_thread, name=f"load-{n}", daemon=True) for n in range(self._threads)
        ]
        # Joined only when they are done: an interrupted `join` of Python 3.11 and 3.12 takes a thread for ended.
        with self._errors_at(EVERYWHERE):  # a person's interrupt: each thread stops after the batch that it has
            for thread in threads:
                thread.start()
            with self._changed:
                self._changed.wait_for(lambda: self._ended == len(threads))
        with self._changed:
            self._changed.wait_for(lambda: not self._at_work)
        for thread in threads:
            if thread.ident is not None:
                thread.join()

    def _work_in_thread(self) -> None:
        with self._changed:
            self._at_work += 1
        try:
            self._work()
        finally:
            with self._changed:
                self._at_work -= 1
                self._ended += 1
                self._changed.notify_all()

    def _work(self) -> None:
        """What a thread does."""
        with self._errors_at(EVERYWHERE):
            worker = self._new_worker()
            while (taken := self._take()) is not None:
                file, number, batch = taken
                del taken  # so that nothing of a batch is left when the next one is read
                with self._errors_at((file.position, number)):
                    self._collect(file, number, worker(batch))
                del batch

    def _take(self) -> tuple[_File[Batch, Result], int, Batch] | None:
        """The next batch of a file that nobody else is reading; None where there is nothing left to do."""
        while True:
            with self._changed:
                while not (self._may_open() or self._free):
                    if not self._reading and not self._may_open_later():
                        return None
                    self._changed.wait()
                file = None if self._may_open() else self._free.popleft()
                self._opening = self._opening or file is None
                self._reading += 1
            if file is None:
                file = self._open()
            taken = None if file is None else self._read(file)
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()
            if taken is not None:
                return taken

    def _may_open(self) -> bool:
        return (
            not self._opening
            and self._may_open_later()
            and len(self._free) + self._reading < self._threads
            and self._next < self._first + FILES_AHEAD * self._threads
        )

    def _may_open_later(self) -> bool:
        return self._next < self._files and self._wanted((self._next, 0))

    def _wanted(self, place: Place) -> bool:
        """Whether what is there is still to be done: nothing after an error is."""
        return self._error is None or place < self._error[0]

    def _open(self) -> _File[Batch, Result] | None:
        """Open the next file; nobody else opens one meanwhile."""
        position = self._next
        stack = ExitStack()
        file = None
        with self._errors_at((position, 0)):
            file = _File(position, stack.enter_context(self._open_file(position)), stack, self._new_outcome())
        with self._changed:
            if file is not None:
                self._begun[position] = file
            self._next += 1
            self._opening = False
            self._changed.notify_all()
        return file

    def _read(self, file: _File[Batch, Result]) -> tuple[_File[Batch, Result], int, Batch] | None:
        """A file's next batch; None where there is none that is wanted. The file is free again, or closed."""
        number = file.taken
        batch = None
        with self._errors_at((file.position, number)):
            if self._wanted((file.position, number)):
                batch = next(file.batches, None)
        if batch is None:
            with self._errors_at((file.position, number)):
                file.stack.close()
        with self._changed:
            if batch is not None:
                file.taken += 1
                self._free.append(file)
                return file, number, batch
            file.ended = True
            self._add_files()
        return None

    def _collect(self, file: _File[Batch, Result], number: int, result: Result) -> None:
        """Keep an outcome, and add what has come to its turn."""
        with self._changed:
            file.waiting[number] = result
            while file.added in file.waiting and self._wanted((file.position, file.added)):
                with self._errors_at((file.position, file.added)):
                    file.outcome.add(file.waiting.pop(file.added))
                    file.added += 1
            self._progress(file.position, result)
            self._add_files()
            self._changed.notify_all()

    def _add_files(self) -> None:
        """Add the files that are done to the total, in their order."""
        while (file := self._begun.get(self._first)) is not None and file.done and self._wanted((self._first, -1)):
            self._add_file(file)

    def _add_file(self, file: _File[Batch, Result]) -> None:
        with self._errors_at((file.position, -1)):
            self._total.add(file.outcome)
            del self._begun[file.position]
            self._first += 1

    def _add_up_to_error(self) -> None:
        """What precedes an error in its own file may not go with the files before: that is an error before it."""
        file = self._begun.get(self._first)
        if self._error is not None and file is not None and self._error[0][0] == self._first:
            self._add_file(file)

    @contextlib.contextmanager
    def _errors_at(self, place: Place) -> Iterator[None]:
        """Keep an error for the caller's thread, if it is the first; nothing after its place is done any more."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001  # it is raised there, whatever it is
            with self._changed:
                if self._wanted(place):
                    self._error = place, error
                self._changed.notify_all()
