"""On what was measured: the machine, and the versions of everything that took part."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

from benchmarks.contestants import FOCUS_CONVERTER, PEERS

PACKAGES = ("duckdb", "datafusion", "polars", "pandas", "pyarrow", "isal", "focus-converter")
_ASK = (
    "import importlib.metadata as m, json, sys; "
    "found = {d.metadata['Name']: d.version for d in m.distributions()}; "
    "print(json.dumps({name: found[name] for name in sys.argv[1:] if name in found}))"
)


def machine() -> dict[str, str]:
    """What the machine is, and how busy it was when this was asked."""
    return {
        "cores": str(os.cpu_count()),
        "CPU": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average before": f"{os.getloadavg()[0]:.1f}",
    }


def versions() -> dict[str, str]:
    """Python, and the packages that are compared, each as the environment that runs it has it."""
    return {"Python": platform.python_version(), **_of(PEERS), **_of(FOCUS_CONVERTER, ("focus-converter",))}


def _of(python: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    if not python.exists():
        return {}
    asked = subprocess.run([python, "-c", _ASK, *packages], check=True, capture_output=True, text=True)
    return {str(name): str(version) for name, version in json.loads(asked.stdout).items()}


def _line(file: str, key: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
