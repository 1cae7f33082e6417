"""What the demo of what goes wrong tells, and what it leaves to be found out."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from staxpipe.demo.console import Screen
from staxpipe.demo.mistakes import MISTAKES
from staxpipe.demo.practice import Puzzle
from staxpipe.demo.show_puzzles import as_json, show

NO_STACK = Screen("123456789012", "staxpipe-link-a", None, {})
WRONG = Screen("123456789012", "staxpipe-link-b", "CREATE_COMPLETE", {"ExternalId": "x" * 43, "KmsKeyArn": ""})
PUZZLES = [Puzzle("http://pages/requests/a", NO_STACK, MISTAKES[0]), Puzzle("http://pages/b", WRONG, MISTAKES[2])]


def test_pages_and_consoles_are_shown_and_answers_only_in_their_file(tmp_path: Path) -> None:
    output = io.StringIO()
    show(Console(file=output, width=40), PUZZLES, tmp_path, f"http://pages/sign-in/{'t' * 43}")
    shown = output.getvalue()
    assert "  1  http://pages/requests/a\n     AWS console: account 1234-5678-9012, no stack staxpipe-link-a\n" in shown
    assert f"stack staxpipe-link-b: CREATE_COMPLETE\n                  ExternalId={'x' * 43}\n" in shown
    assert "KmsKeyArn" not in shown
    assert f"http://pages/sign-in/{'t' * 43}\n" in shown  # in one piece, to be copied
    assert not [mistake.name for mistake in MISTAKES if mistake.name in shown]
    answers = (tmp_path / "mistakes.txt").read_text()
    assert answers == f"  1  {MISTAKES[0].name}\n  2  {MISTAKES[2].name}\n"
    assert str(tmp_path / "mistakes.txt") in shown


def test_programs_get_the_answers_too() -> None:
    assert [puzzle["mistake"] for puzzle in as_json(PUZZLES)] == [MISTAKES[0].name, MISTAKES[2].name]
