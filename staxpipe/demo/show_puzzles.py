"""The demo of what goes wrong, for people and as JSON. The answers are in a file, for who wants to look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from staxpipe.demo.console import Screen
from staxpipe.demo.practice import Puzzle
from staxpipe.demo.show import show_for_copying

_ANSWERS = "mistakes.txt"


def show(console: Console, puzzles: Sequence[Puzzle], home: Path, sign_in_link: str) -> None:
    """Each page, and what its owner sees in the AWS console; then where the answers are."""
    console.print(f"\n{len(puzzles)} people each made one mistake. Their pages say what is wrong, and what to do.\n")
    for number, puzzle in enumerate(puzzles, 1):
        console.print(Text.assemble(f"{number:>3}  ", (puzzle.url, "cyan")), soft_wrap=True)
        for line in _lines(puzzle.screen):
            console.print(Text(f"     {line}", style="dim"), soft_wrap=True)
    answers = home / _ANSWERS
    answers.write_text("".join(f"{number:>3}  {puzzle.mistake.name}\n" for number, puzzle in enumerate(puzzles, 1)))
    console.print()
    show_for_copying(console, "Sign in with this link, once:", sign_in_link)
    show_for_copying(console, "What each of them did:", f"cat {answers}")


def as_json(puzzles: Sequence[Puzzle]) -> list[dict[str, object]]:
    """The same for programs, with the answers."""
    return [
        {
            "url": puzzle.url,
            "mistake": puzzle.mistake.name,
            "console": {
                "account_id": puzzle.screen.account_id,
                "stack": puzzle.screen.stack,
                "status": puzzle.screen.status,
                "parameters": dict(puzzle.screen.parameters),
            },
        }
        for puzzle in puzzles
    ]


def _lines(screen: Screen) -> list[str]:
    account = f"{screen.account_id[:4]}-{screen.account_id[4:8]}-{screen.account_id[8:]}"
    if screen.status is None:
        return [f"AWS console: account {account}, no stack {screen.stack}"]
    given = " ".join(f"{name}={value}" for name, value in screen.parameters.items() if value)
    return [f"AWS console: account {account}, stack {screen.stack}: {screen.status}", f"             {given}"]
