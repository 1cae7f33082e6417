"""What is fetched is kept, fetched anew when it is old, and served on while its source is down."""

from __future__ import annotations

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
