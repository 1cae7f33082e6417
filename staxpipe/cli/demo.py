"""`staxpipe demo`: the whole product against an emulated AWS, on this machine."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Annotated

import typer
from rich.console import Console


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when everything was shown, instead of at Ctrl-C.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A summary as one JSON object; progress goes to standard error.")
    ] = False,
    home: Annotated[
        Path | None,
        typer.Option(help="An empty folder for the demo's state, which is kept; otherwise a fresh one, removed after."),
    ] = None,
) -> None:
    """See everything work, without an AWS account: about a minute or two.

    An emulated AWS with a payer account gets several months of a generated cost report. The demo links the account
    through the real form and the real CloudFormation template; staxpipe finds, loads and reconciles the months by
    itself, picks up restated ones, sends a mail, and ends with a table of cost by service and month.

    Nothing outside a folder of its own is touched, and no real AWS account is reached. Afterwards everything stays
    up to be looked at, until Ctrl-C; --once ends it. The exit code is 0 only if every part worked.
    """
    from staxpipe.demo.requirements import require

    require()
    from staxpipe.demo.isolation import own_environment, own_folder
    from staxpipe.demo.progress import DemoError, Progress
    from staxpipe.demo.run import demonstrate
    from staxpipe.demo.show import as_json as summary
    from staxpipe.demo.show import show, show_addresses

    # SIGINT too: a shell that starts a program in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console(stderr=as_json, highlight=False)
    progress = Progress(console)
    shown_all = False
    try:
        with own_environment(), own_folder(home) as folder, demonstrate(folder, datetime.now(UTC), progress) as shown:
            outcome, runtime = shown
            if as_json:
                print(json.dumps(summary(outcome), indent=2, ensure_ascii=False), flush=True)
            else:
                show(console, outcome)
            if not outcome.agrees:
                months = ", ".join(str(month.period) for month in outcome.months if not month.agrees)
                raise DemoError("Compare", f"what staxpipe shows of {months} differs from what was delivered", folder)
            shown_all = True
            if not once:
                show_addresses(console, outcome, runtime.settings, runtime.sign_in_link())
                console.print("\nCtrl-C stops everything.")
                Event().wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(0 if shown_all else 130) from None
    console.print(f"Done in {progress.seconds:.0f} s. Everything has stopped.")


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001  # what Python passes
    raise KeyboardInterrupt
