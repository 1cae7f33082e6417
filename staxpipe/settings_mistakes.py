"""Mistakes in settings as sentences for the person who made them. No value is repeated: it may be a password."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

_PREFIX = "STAXPIPE_"


def unreadable_file(file: Path, error: OSError | ValueError) -> str:
    """Why a file of settings cannot be read, where in it, and what to do."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return f"{file} cannot be read: {reason}. Put it right, or take it away."
    found = re.search(r"(.*) \(at line (\d+), column \d+\)", str(error))
    if found is None:
        return f"{file} is not valid TOML: {error}. Write each setting as name = value, and text in quotes."
    number = int(found[2])
    name = file.read_text().splitlines()[number - 1].partition("=")[0].strip()
    shown = f" of `{name}`" if re.fullmatch(r"\w+", name) else ""
    example = name if shown else "region"
    return (
        f"{file}, line {number}: the value{shown} is not valid TOML ({found[1].lower()}). "
        f'Text needs quotes, as in {example} = "...".'
    )


def wrong_settings(error: ValidationError, names: Iterable[str], file: str) -> str:
    """Every setting that is wrong, a line each. `names` are those there are; `file` is where the others stand."""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"  {_unknown(name, names, file)}")
            continue
        reason = problem["msg"].removeprefix("Value error, ")
        lines.append(f"  {f'{_PREFIX}{name.upper()}: ' if name else ''}{reason}")
    return "These settings are wrong:\n" + "\n".join(lines)


def _unknown(name: str, names: Iterable[str], file: str) -> str:
    close = get_close_matches(name.lower().removeprefix(_PREFIX.lower()), list(names), n=1)
    meant = f"; did you mean {close[0]}?" if close else "; README has a table of all settings"
    return f"unknown setting `{name}` in {file}{meant}"
