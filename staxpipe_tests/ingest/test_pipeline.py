"""Whatever the number of threads and however they are scheduled: the outcome, or the error, that one thread has."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.ingest.pipeline import FILES_AHEAD, Work

Place = tuple[int, object]


class BrokenError(Exception):
    """A file or a batch is broken, at a place."""


@dataclass
class Seen:
    """The batches, in the order in which they were added."""

    batches: list[tuple[int, int]] = field(default_factory=list)
    refuses: tuple[int, int] | None = None

    def add(self, other: Seen) -> None:
        if self.refuses in other.batches and self.batches and self.batches[-1][0] != other.batches[0][0]:
            raise BrokenError("does not go with the files before")
        self.batches += other.batches


@dataclass
class Files:
    """Files of so many batches each, some places of which are broken."""

    sizes: Sequence[int]
    broken: frozenset[Place] = frozenset()
    refuses: tuple[int, int] | None = None
    opened: list[int] = field(default_factory=list)
    open_now: set[int] = field(default_factory=set)
    most_open: int = 0

    @contextmanager
    def open(self, position: int) -> Iterator[Iterator[tuple[int, int]]]:
        self.opened.append(position)
        self.open_now.add(position)
        self.most_open = max(self.most_open, len(self.open_now))
        try:
            self.check((position, "header"))
            yield self.batches(position)
        finally:
            self.open_now.remove(position)

    def batches(self, position: int) -> Iterator[tuple[int, int]]:
        for number in range(self.sizes[position]):
            self.check((position, f"reading {number}"))
            yield position, number

    def check(self, place: Place) -> None:
        if place in self.broken:
            raise BrokenError(place)

    def worker(self) -> Callable[[tuple[int, int]], Seen]:
        def work(batch: tuple[int, int]) -> Seen:
            time.sleep(0.0003 * (hash(batch) % 3))  # so that threads overtake each other
            self.check(batch)
            return Seen([batch])

        return work

    def outcome(self, threads: int) -> object:
        """Every batch in its order, or what the error says."""
        self.opened.clear()
        new = lambda: Seen(refuses=self.refuses)  # noqa: E731
        try:
            return Work(len(self.sizes), self.open, self.worker, new, lambda *_: None, threads).run().batches
        except BrokenError as error:
            return error.args


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Where tests run in the background, interrupts are ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def loading() -> list[threading.Thread]:
    """The threads of the pipeline that are alive."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("load-")]


@st.composite
def files(draw: st.DrawFn) -> Files:
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 6]), max_size=6))
    batches = [(at, number) for at, size in enumerate(sizes) for number in range(size)]
    places: list[Place] = [*batches, *((at, f"reading {number}") for at, number in batches)]
    places += [(at, "header") for at in range(len(sizes))]
    broken = draw(st.sets(st.sampled_from(places), max_size=3)) if places else set()
    return Files(sizes, frozenset(broken), draw(st.sampled_from([None, None, *batches])))


@given(files(), st.integers(2, 5))
def test_several_threads_have_the_outcome_of_one(these: Files, threads: int) -> None:
    alone = these.outcome(1)
    assert these.outcome(threads) == alone
    assert these.open_now == set()
    assert these.most_open <= threads
    assert these.opened == sorted(these.opened)


def test_what_comes_after_an_error_is_not_read() -> None:
    these = Files([1] * 200, frozenset({(2, 0)}))
    assert these.outcome(2) == ((2, 0),)
    assert max(these.opened) < 10


def test_a_file_that_takes_long_holds_few_outcomes_of_later_ones_in_memory() -> None:
    these = Files([1] * 20)

    def worker() -> Callable[[tuple[int, int]], Seen]:
        def work(batch: tuple[int, int]) -> Seen:
            if batch == (0, 0):
                time.sleep(0.1)
                assert len(these.opened) <= 2 * FILES_AHEAD
            return Seen([batch])

        return work

    Work(20, these.open, worker, Seen, lambda *_: None, 2).run()
    assert len(these.opened) == 20


def test_an_interrupt_ends_every_thread() -> None:
    these = Files([1000])

    def worker() -> Callable[[tuple[int, int]], Seen]:
        def work(batch: tuple[int, int]) -> Seen:
            if batch == (0, 5):
                _thread.interrupt_main()
            time.sleep(0.001)
            return Seen([batch])

        return work

    with interrupts_raised(), pytest.raises(KeyboardInterrupt):
        Work(1, these.open, worker, Seen, lambda *_: None, 2).run()
    assert these.open_now == set()
    assert not loading()


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_waits_for_what_threads_still_read_and_a_second_one_leaves_it_to_them(times: int) -> None:
    these = Files([1, 1])
    both_read, go_on = threading.Barrier(3), threading.Event()

    @contextmanager
    def slow(position: int) -> Iterator[Iterator[tuple[int, int]]]:
        def batches() -> Generator[tuple[int, int], None, None]:
            both_read.wait()
            go_on.wait()
            yield position, 0

        with these.open(position), closing(batches()) as read:
            yield read

    def interrupt() -> None:
        both_read.wait()
        for _ in range(times):
            time.sleep(0.1)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # wakes it from waiting, too
        if times == 1:
            time.sleep(0.1)
            go_on.set()

    impatient = threading.Thread(target=interrupt)
    impatient.start()
    with interrupts_raised(), pytest.raises(KeyboardInterrupt):
        Work(2, slow, these.worker, Seen, lambda *_: None, 2).run()
    assert these.open_now == (set() if times == 1 else {0, 1})
    go_on.set()
    for thread in [impatient, *loading()]:
        thread.join()
    assert these.open_now == set()


def test_progress_is_told_every_batch_and_its_error_ends_all() -> None:
    these = Files([3, 3, 3])
    told: list[tuple[int, int]] = []
    Work(3, these.open, these.worker, Seen, lambda _, done: told.extend(done.batches), 3).run()
    assert sorted(told) == [(at, number) for at in range(3) for number in range(3)]

    def stop(_position: int, _done: Seen) -> None:
        raise KeyboardInterrupt

    for threads in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            Work(3, these.open, these.worker, Seen, stop, threads).run()
    assert these.open_now == set()
    assert not loading()


def test_a_worker_that_cannot_be_made_is_an_error_too() -> None:
    def none() -> Callable[[tuple[int, int]], Seen]:
        raise BrokenError("no worker")

    with pytest.raises(BrokenError, match="no worker"):
        Work(1, Files([1]).open, none, Seen, lambda *_: None, 2).run()
