"""The demo of what goes wrong as it runs, with everything real. Each mistake's page has tests in `onboarding`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from staxpipe.demo import linking
from staxpipe.demo.browser import Browser
from staxpipe.demo.isolation import own_environment
from staxpipe.demo.mistakes import MISTAKES
from staxpipe.demo.practice import practise
from staxpipe.demo.progress import Progress

DOCTOR = [sys.executable, "-c", "from staxpipe.cli import main; main()", "doctor"]
WORDS = {
    "the stack was not created": "Listening",
    "a role made by hand takes any ExternalId": "takes any ExternalId",
}


@pytest.mark.e2e
@pytest.mark.long
def test_each_page_speaks_of_its_own_mistake_and_commands_reach_the_same_aws(tmp_path: Path) -> None:
    chosen = [mistake for mistake in MISTAKES if mistake.name in WORDS]
    assert len(chosen) == len(WORDS)
    with own_environment(), practise(tmp_path / "home", Progress(Console(quiet=True)), chosen) as (puzzles, runtime):
        browser = Browser(runtime.settings.base_url)
        linking.sign_in(browser, runtime.sign_in_link())
        for puzzle in puzzles:
            assert WORDS[puzzle.mistake.name] in browser.download(puzzle.url)
        browser.close()
        told = subprocess.run(
            ["sh", "-c", f". {runtime.home}/variables.sh; {shlex.join(DOCTOR)}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert told.returncode == 1, told.stderr
    assert "1 to be mended" in told.stdout  # without credentials it would know nothing about the role that listens
