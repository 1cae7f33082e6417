"""Where the pages of a running `staxpipe up` are, for commands beside it: it may have chosen its port itself."""

from __future__ import annotations

from pathlib import Path

from staxpipe.local.lock import is_held
from staxpipe.settings import Settings

LOCK = "up.lock"
_FILE = "pages-url"


def remember(home: Path, url: str) -> None:
    """Keep the address for as long as the caller holds the folder's lock."""
    (home / _FILE).write_text(url, encoding="utf-8")


def pages_url(settings: Settings) -> str:
    """The address of the pages that run on this folder; where none run, the one that the settings give them."""
    home = settings.home.expanduser().absolute()
    try:
        said = (home / _FILE).read_text(encoding="utf-8") if is_held(home / LOCK) else ""
    except FileNotFoundError:  # it is only just starting
        said = ""
    return said or settings.base_url
