"""How the demo tells where it is and what failed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from staxpipe.demo.progress import DemoError, Progress, wait_for
from staxpipe.errors import PermanentError, TransientError


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(output: io.StringIO) -> Progress:
    return Progress(Console(file=output, width=100))


def test_a_step_that_is_done_is_told_with_its_time(progress: Progress, output: io.StringIO) -> None:
    with progress.step("Fill the form"):
        pass
    assert re.fullmatch(r"✓ Fill the form \d+\.\d s\n", output.getvalue())
    assert [step.title for step in progress.done] == ["Fill the form"]


@pytest.mark.parametrize("error", [PermanentError("The role is missing."), httpx.ConnectError("The role is missing.")])
def test_a_step_that_fails_is_named_with_reason_and_log(progress: Progress, error: Exception) -> None:
    with pytest.raises(DemoError) as raised, progress.step("Link", Path("/tmp/pages.log")):
        raise error
    assert str(raised.value) == "The demo failed at “Link”: The role is missing.\nMore is in /tmp/pages.log."
    assert progress.done == []


def test_a_bug_stays_a_bug(progress: Progress) -> None:
    with pytest.raises(ZeroDivisionError), progress.step("Link"):
        _ = 1 / 0


def test_waiting_ends_with_what_was_seen_or_with_words() -> None:
    looks = iter([None, None, "there"])
    assert wait_for("A mail", lambda: next(looks), 5, every=0) == "there"
    with pytest.raises(TransientError, match="A mail did not happen within 0 seconds"):
        wait_for("A mail", lambda: None, 0, every=0)
