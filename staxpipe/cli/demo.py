"""`staxpipe demo`: the whole product against an emulated AWS, on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from staxpipe.demo.progress import Progress


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when everything was shown, instead of at Ctrl-C.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A summary as one JSON object; progress goes to standard error.")
    ] = False,
    home: Annotated[
        Path | None,
        typer.Option(help="An empty folder for the demo's state, which is kept; otherwise a fresh one, removed after."),
    ] = None,
    mistakes: Annotated[
        bool,
        typer.Option(
            "--mistakes", help="Show what goes wrong instead: accounts that were linked with one mistake each."
        ),
    ] = False,
) -> None:
    """See everything work, without an AWS account: about a minute or two.

    An emulated AWS with a payer account gets several months of a generated cost report. The demo links the account
    through the real form and the real CloudFormation template; staxpipe finds, loads and reconciles the months by
    itself, picks up restated ones, sends a mail, and ends with a table of cost by service and month. With --mistakes
    people each do one thing wrong, and their pages say what.

    Nothing outside a folder of its own is touched, and no real AWS account is reached. Afterwards everything stays
    up to be looked at, until Ctrl-C; --once ends it. The exit code is 0 only if every part worked.
    """
    from staxpipe.demo.requirements import require

    require()
    from staxpipe.demo.isolation import own_environment, own_folder
    from staxpipe.demo.progress import Progress

    # SIGINT too: a shell that starts a program in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console(stderr=as_json, highlight=False)
    progress = Progress(console)
    show = _mistakes if mistakes else _everything
    shown_all = False
    try:
        with own_environment(), own_folder(home) as folder, show(folder, progress, console, as_json) as say_where:
            shown_all = True
            if not once:
                say_where()
                console.print("\nCtrl-C stops everything.")
                Event().wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(0 if shown_all else 130) from None
    console.print(f"Done in {progress.seconds:.0f} s. Everything has stopped.")


@contextmanager
def _everything(folder: Path, progress: Progress, console: Console, as_json: bool) -> Iterator[Callable[[], None]]:
    """The whole way. Gives what says where to go on looking, while everything is up."""
    from staxpipe.demo.progress import DemoError
    from staxpipe.demo.run import demonstrate
    from staxpipe.demo.show import as_json as summary
    from staxpipe.demo.show import show, show_addresses

    with demonstrate(folder, datetime.now(UTC), progress) as (outcome, runtime):
        if as_json:
            _print(summary(outcome))
        else:
            show(console, outcome)
        if not outcome.agrees:
            months = ", ".join(str(month.period) for month in outcome.months if not month.agrees)
            raise DemoError("Compare", f"what staxpipe shows of {months} differs from what was delivered", folder)
        yield lambda: show_addresses(console, outcome, runtime.settings, runtime.sign_in_link())


@contextmanager
def _mistakes(folder: Path, progress: Progress, console: Console, as_json: bool) -> Iterator[Callable[[], None]]:
    """What goes wrong. Gives what says which pages to look at."""
    from staxpipe.demo.practice import practise
    from staxpipe.demo.show_puzzles import as_json as summary
    from staxpipe.demo.show_puzzles import show

    with practise(folder, progress) as (puzzles, runtime):
        if as_json:
            _print(summary(puzzles))
        yield lambda: show(console, puzzles, folder, runtime.sign_in_link())


def _print(summary: object) -> None:
    print(json.dumps(summary, indent=2, ensure_ascii=False), flush=True)


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001  # what Python passes
    raise KeyboardInterrupt
