"""How this process asks for memory while it loads: freed memory is kept and used again.

Batches of a hundred megabytes come and go many times a second. By default glibc gives each large piece back to the
system and asks for it anew, and every page of it is then cleared and mapped again: a tenth of the time of a load
(measured), for no lower a peak.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import platform
from pathlib import Path

import pyarrow as pa

_M_TRIM_THRESHOLD = -1  # <malloc.h>
_M_MMAP_THRESHOLD = -3
_LARGEST_THRESHOLD = 32 << 20  # the most that glibc takes
_NEVER = 1 << 30

FULL = 0.9
"""The share of what a process may have from which on it gives back what it keeps."""

_RESIDENT = Path("/proc/self/statm")


def keep_freed_memory() -> None:
    """Make this process keep what it frees, and Arrow take its memory from the same place; glibc only, else nothing.

    It holds for the whole process and may be called again. So it is called by those who start a load, not by what
    loads: a process that does other things as well may want its memory back. What lives by then (hundreds of thousands
    of objects of imported modules) is not searched for garbage any more: that took a twentieth of a load.
    """
    gc.freeze()
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
    libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
    pa.set_memory_pool(pa.system_memory_pool())


def give_back(memory_mb: int) -> None:
    """Return what was kept to the system where the process comes near so many MiB; Linux with glibc only, else nothing.

    What is in use at a time does not grow with a month, but what is kept does: pieces of many sizes leave gaps. With
    50 million rows 1,100 MiB were held for the 300 that were in use.
    """
    if _RESIDENT.exists() and platform.libc_ver()[0] == "glibc":
        resident = int(_RESIDENT.read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
        if resident > FULL * memory_mb * 2**20:
            ctypes.CDLL(None).malloc_trim(0)
