"""The compiled scanner as a library of C functions, if it is there.

Plain C without Python's headers, reached by ctypes: one library serves every Python, and while it works others run.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_uint64, c_void_p
from functools import cache
from pathlib import Path

ABI = 2
"""Must be that of `scanner.c`: a library of an older checkout would read memory that is not its own."""

LIBRARY = Path(__file__).with_name("_scanner.so")
"""What `hatch_build.py` compiles, on every system under this name."""


class UnavailableError(Exception):
    """The native scanner cannot be used here; the words say why."""


class Report(Structure):
    """`report` of scanner.c."""

    batch_rows: int
    rows: int
    row: int
    column: int
    fields: int

    _fields_ = (
        ("batch_rows", c_int64),
        ("rows", c_int64),
        ("row", c_int64),
        ("column", c_int64),
        ("fields", c_int64),
    )


@cache
def library() -> ctypes.CDLL:
    """The functions of `scanner.c`; loaded once.

    Raises:
        UnavailableError: it was not compiled when staxpipe was installed, or does not load.
    """
    return load(LIBRARY)


def load(path: Path) -> ctypes.CDLL:
    """Load a compiled scanner.

    Raises:
        UnavailableError: there is none at `path`, it does not load, or belongs to another version.
    """
    if not path.exists():
        raise UnavailableError("the native reader was not compiled when staxpipe was installed")
    try:
        loaded = ctypes.CDLL(str(path))
        abi = int(loaded.staxpipe_abi())
    except (OSError, AttributeError) as error:
        raise UnavailableError(f"the native reader does not load: {error}") from None
    if abi != ABI:
        raise UnavailableError("the compiled native reader is that of another version: install staxpipe again")
    loaded.staxpipe_new.restype = c_int
    loaded.staxpipe_new.argtypes = [c_int64, POINTER(c_int64), *[c_int64] * 5, c_uint64, POINTER(c_void_p)]
    loaded.staxpipe_free.restype = None
    loaded.staxpipe_free.argtypes = [c_void_p]
    loaded.staxpipe_begin.restype = None
    loaded.staxpipe_begin.argtypes = [c_void_p, POINTER(c_void_p)]
    loaded.staxpipe_feed.restype = c_int
    loaded.staxpipe_feed.argtypes = [c_void_p, c_char_p, c_int64, c_int, POINTER(c_int64)]
    loaded.staxpipe_report.restype = None
    loaded.staxpipe_report.argtypes = [c_void_p, POINTER(Report)]
    loaded.staxpipe_sizes.restype = None
    loaded.staxpipe_sizes.argtypes = [c_void_p, c_int64, POINTER(c_int64)]
    loaded.staxpipe_take.restype = None
    loaded.staxpipe_take.argtypes = [c_void_p, c_int64, c_void_p, c_void_p, c_void_p]
    return loaded
