"""What is fetched is kept, fetched anew when it is old, and served on while its source is down."""

from __future__ import annotations

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from staxpipe.errors import PermanentError, StaxpipeError, TransientError
from staxpipe.oidc.kept import LIFETIME, PAUSE, Kept


class Source:
    """Counts how often it was asked; fails while it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: StaxpipeError | None = None
        self.seconds = 1000.0
        self.kept = Kept(self.fetch, lambda: self.seconds)

    def fetch(self) -> int:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.asked


def test_it_is_asked_for_once_an_hour_and_when_somebody_knows_better() -> None:
    source = Source()
    assert [source.kept.get(), source.kept.get(), source.kept.get(anew=True), source.kept.get()] == [1, 1, 2, 2]
    source.seconds += LIFETIME
    assert source.kept.get() == 3


def test_a_source_that_is_down_is_not_asked_by_everybody_and_is_asked_again() -> None:
    source = Source()
    source.failure = TransientError("down")
    for _ in range(3):
        with pytest.raises(TransientError, match="down"):
            source.kept.get()
    assert source.asked == 1
    source.failure = None
    source.seconds += PAUSE
    assert source.kept.get() == 2


def test_what_is_old_does_while_the_source_is_down_but_not_when_it_is_wrong() -> None:
    source = Source()
    source.kept.get()
    source.seconds += LIFETIME
    source.failure = TransientError("down")
    assert source.kept.get() == 1
    source.seconds += PAUSE
    source.failure = PermanentError("another issuer")
    with pytest.raises(PermanentError, match="another issuer"):
        source.kept.get()


def test_while_one_waits_for_a_slow_source_others_go_on_with_what_is_old() -> None:
    asked, answer = threading.Event(), threading.Event()
    answers = iter((1, 2))
    seconds = 0.0

    def fetch() -> int:
        number = next(answers)
        if number == 2:
            asked.set()
            assert answer.wait(20)
        return number

    kept = Kept(fetch, lambda: seconds)
    assert kept.get() == 1
    seconds += LIFETIME
    waiting = threading.Thread(target=kept.get, daemon=True)
    waiting.start()
    assert asked.wait(20)
    others = ThreadPoolExecutor(1)
    assert others.submit(kept.get).result(20) == 1
    answer.set()
    waiting.join(20)
    others.shutdown()
    assert kept.get() == 2


def test_a_failure_that_many_are_told_of_does_not_grow() -> None:
    source = Source()
    source.failure = TransientError("down")
    lengths = []
    for _ in range(3):
        with pytest.raises(TransientError) as caught:
            source.kept.get()
        lengths.append(len(traceback.extract_tb(caught.tb)))
    assert len(set(lengths)) == 1
