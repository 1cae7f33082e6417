"""Compiles the native CSV scanner while the project is installed or made into a wheel.

By the C compiler of the `ziglang` package, so that the machine needs none of its own. Where that is missing or fails,
or the tree cannot be written to, the installation goes on, and CSV is read by pyarrow.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("staxpipe/scan/scanner.c")
LIBRARY = Path("staxpipe/scan/_scanner.so")
GLIBC = "2.28"
"""As old as the one that pyarrow's own wheels ask for."""

MACOS = "12.0"
SECONDS = 600

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling loads it by this base
    """Hatchling's hook: called for wheels and for editable installations, which are wheels too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling passes it
        """Compile, and tell hatchling what came of it."""
        root = Path(self.root)
        target = target_of(platform.system(), platform.machine(), platform.libc_ver()[0])
        problem = without_older(root)
        if problem is None:
            problem = "this kind of machine is not known" if target is None else compile_for(target[0], root)
        if target is None or problem is not None:
            self.app.display_warning(f"The native CSV reader was not compiled, so pyarrow reads CSV: {problem}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target[1]}"
        build_data["artifacts"].append(f"/{LIBRARY.as_posix()}")


def target_of(system: str, machine: str, libc: str) -> tuple[str, str] | None:
    """What to compile for, as the compiler calls it and as a wheel does; None where it is not known.

    Always named, never "this machine": else the library would use what other processors of the kind do not have.
    """
    arch = _MACHINES.get(machine.lower())
    if arch is None:
        return None
    if system == "Linux" and libc == "glibc":
        return f"{arch}-linux-gnu.{GLIBC}", f"manylinux_{GLIBC.replace('.', '_')}_{arch}"
    if system == "Linux":
        return f"{arch}-linux-musl", f"musllinux_1_2_{arch}"
    if system == "Darwin":
        return f"{arch}-macos.{MACOS}", f"macosx_{MACOS.replace('.', '_')}_{'arm64' if arch == 'aarch64' else arch}"
    return None


def without_older(root: Path) -> str | None:
    """Remove the library of an earlier installation, worse than none; in words what hindered it, if anything did."""
    try:
        (root / LIBRARY).unlink(missing_ok=True)
    except OSError as error:
        return str(error)
    return None


def compile_for(target: str, root: Path) -> str | None:
    """Compile the library into the tree; in words what hindered it, if anything did."""
    try:
        with tempfile.TemporaryDirectory(prefix="staxpipe-build-") as folder:
            made = Path(folder) / LIBRARY.name
            command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-std=c11", "-O3", "-g0", "-shared"]
            command += ["-fPIC", "-fvisibility=hidden", "-o", str(made), str(root / SOURCE)]
            # A cache of its own: there may be no home, or none that can be written to.
            environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            if done.returncode != 0 or not made.exists():
                said = done.stderr.strip().splitlines()
                return said[-1] if said else f"the compiler ended with status {done.returncode}"
            _put(made, root / LIBRARY)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def _put(made: Path, where: Path) -> None:
    """Put a library in its place at once and whole: whoever has the old one loaded keeps it."""
    beside = where.with_suffix(".new")
    try:
        beside.write_bytes(made.read_bytes())
        beside.replace(where)
    finally:
        beside.unlink(missing_ok=True)  # of a disk that is full
