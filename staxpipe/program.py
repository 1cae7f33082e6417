"""How a person types the `staxpipe` command on this machine, so that what we print can be copied and run."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from staxpipe.settings import DEFAULT_HOME, Settings


def typed(settings: Settings, here: Path | None = None) -> str:
    """The command's name where the shell finds it, else its path; before it the state's folder if that is another.

    `here` is the folder in which it will be typed, where that is known: a path below it is shortened.
    """
    home, usual = (folder.expanduser().absolute() for folder in (settings.home, DEFAULT_HOME))
    which = "" if home == usual else f"STAXPIPE_HOME={shlex.quote(str(home))} "
    return which + shlex.quote(program(here))


def program(here: Path | None = None) -> str:
    """The command's name where the shell finds it, else its path; `here` as `typed` has it."""
    script = Path(sys.executable).with_name("staxpipe")
    if shutil.which("staxpipe") or not script.is_file():
        return "staxpipe"
    return str(script.relative_to(here)) if here and script.is_relative_to(here) else str(script)
