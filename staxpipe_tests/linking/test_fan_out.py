"""Many questions in a bounded time: slow and broken ones keep nobody waiting."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest

from staxpipe.errors import TransientError
from staxpipe.linking.fan_out import NoAnswer, ask_all


def test_every_item_gets_its_own_answer() -> None:
    answers = {asked.item: asked.answer for asked in ask_all(range(50), lambda n: n * n, 8, 10)}
    assert answers == {number: number * number for number in range(50)}


def test_nothing_to_ask() -> None:
    assert list(ask_all([], lambda item: item, 8, 10)) == []


def test_they_are_asked_at_the_same_time() -> None:
    began = time.monotonic()
    answers = list(ask_all(range(64), lambda _: time.sleep(0.1), 16, 10))
    assert len(answers) == 64
    assert time.monotonic() - began < 64 * 0.1 / 3


def test_one_that_breaks_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def question(number: int) -> int:
        if number == 3:
            raise ZeroDivisionError("poisoned")
        if number == 4:
            raise TransientError("AWS is tired.")
        return number

    answers = {asked.item: asked.answer for asked in ask_all(range(6), question, 2, 10)}
    assert answers[3] == NoAnswer("There is an error in staxpipe itself; its log has the details.", bug=True)
    assert answers[4] == NoAnswer("AWS is tired.")
    assert [answers[number] for number in (0, 1, 2, 5)] == [0, 1, 2, 5]
    assert "poisoned" in caplog.text


def test_at_the_deadline_those_under_way_are_told_apart_from_those_not_begun() -> None:
    release = threading.Event()
    try:
        answers = {
            asked.item: asked.answer
            for asked in ask_all(
                ["quick", "slow", "hanging", "next", "last"],
                lambda name: name if name == "quick" else str(release.wait(10)),
                2,
                0.3,
            )
        }
    finally:
        release.set()
    assert answers["quick"] == "quick"
    assert isinstance(answers["slow"], NoAnswer)
    assert isinstance(answers["hanging"], NoAnswer)
    assert "next" not in answers
    assert "last" not in answers


def test_of_an_item_that_breaks_only_its_id_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass(frozen=True)
    class Item:
        id: str
        secret: str

    def question(_: Item) -> int:
        raise ZeroDivisionError("poisoned")

    assert len(list(ask_all([Item("the-id", "the-secret")], question, 1, 10))) == 1
    assert "the-id" in caplog.text
    assert "the-secret" not in caplog.text
