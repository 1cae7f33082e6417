"""How the scanner is compiled: what for, and that installation goes on without it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (("Linux", "x86_64", "glibc"), ("x86_64-linux-gnu.2.28", "manylinux_2_28_x86_64")),
        (("Linux", "aarch64", "glibc"), ("aarch64-linux-gnu.2.28", "manylinux_2_28_aarch64")),
        (("Linux", "x86_64", ""), ("x86_64-linux-musl", "musllinux_1_2_x86_64")),
        (("Darwin", "arm64", ""), ("aarch64-macos.12.0", "macosx_12_0_arm64")),
        (("Linux", "s390x", "glibc"), None),
        (("Plan9", "x86_64", ""), None),
    ],
)
def test_what_is_compiled_for(build: ModuleType, machine: tuple[str, str, str], expected: tuple[str, str]) -> None:
    assert build.target_of(*machine) == expected


def test_without_a_compiler_installation_goes_on(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named ziglang' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert build.compile_for("x86_64-linux-gnu.2.28", ROOT) == "No module named ziglang"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert "No such file" in build.compile_for("x86_64-linux-gnu.2.28", ROOT)
