"""Which of the two CSV readers runs: decided once a process for each setting, and said then in the log."""

from __future__ import annotations

import logging
from enum import StrEnum
from functools import cache

from staxpipe.errors import PermanentError
from staxpipe.scan.library import UnavailableError, library
from staxpipe.settings import read_settings

_log = logging.getLogger(__name__)


class CsvReader(StrEnum):
    """What reads CSV; both give the same batches and refuse the same files."""

    NATIVE = "native"
    ARROW = "arrow"


@cache
def chosen_reader(setting: str | None = None) -> CsvReader:
    """The reader that the setting csv_reader asks for; None reads that setting, where nobody has read it yet.

    Raises:
        PermanentError: it asks for the native one, and that cannot be used here.
    """
    wanted = read_settings().csv_reader if setting is None else setting
    reader, words = decide(wanted, None if wanted == "arrow" else obstacle())
    _log.info(words)
    return reader


def decide(setting: str, obstacle: str | None) -> tuple[CsvReader, str]:
    """The reader for a setting, and what to say of it; `obstacle` is why the native one cannot be used, if so.

    Raises:
        PermanentError: the native one is asked for and cannot be used.
    """
    if setting == "arrow":
        return CsvReader.ARROW, "CSV is read by pyarrow, as the setting csv_reader says."
    if obstacle is None:
        return CsvReader.NATIVE, "CSV is read by the native reader."
    if setting == "native":
        raise PermanentError(f"STAXPIPE_CSV_READER asks for the native CSV reader, but {obstacle}.")
    return CsvReader.ARROW, f"CSV is read by pyarrow, several times slower than natively: {obstacle}."


def obstacle() -> str | None:
    """Why the native reader cannot be used here; None if it can."""
    try:
        library()
    except UnavailableError as error:
        return str(error)
    return None
