"""How the scanner is compiled: what for, and that installation goes on without it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

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


def installed(build: ModuleType, root: Path) -> tuple[dict[str, Any], str]:
    """What hatchling is told by an installation from this tree, and what the user is."""
    app = mock.Mock()
    told: dict[str, Any] = {"artifacts": []}
    build.BuildHook(str(root), {}, None, None, str(root), "wheel", app).initialize("editable", told)
    return told, " ".join(call.args[0] for call in app.display_warning.mock_calls)


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that writes "compiled" to where it is told to."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nprintf compiled >"$2"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return python


@pytest.fixture
def tree(tmp_path: Path, build: ModuleType) -> Path:
    """A source tree with the library of an earlier installation."""
    library: Path = tmp_path / "tree" / build.LIBRARY
    library.parent.mkdir(parents=True)
    library.write_bytes(b"older")
    return tmp_path / "tree"


@pytest.mark.usefixtures("compiler")
def test_what_is_compiled_takes_the_place_of_an_older_one(build: ModuleType, tree: Path) -> None:
    told, warning = installed(build, tree)
    assert told["artifacts"] == ["/staxpipe/scan/_scanner.so"]
    assert not warning
    assert {path.name: path.read_text() for path in (tree / "staxpipe/scan").iterdir()} == {"_scanner.so": "compiled"}


def test_without_a_compiler_installation_goes_on(build: ModuleType, compiler: Path, tree: Path) -> None:
    compiler.write_text("#!/bin/sh\necho 'No module named ziglang' >&2\nexit 1\n")
    told, warning = installed(build, tree)
    assert told == {"artifacts": []}
    assert warning == "The native CSV reader was not compiled, so pyarrow reads CSV: No module named ziglang"
    assert not list((tree / "staxpipe/scan").iterdir()), "an older library is worse than none"
    compiler.unlink()
    assert "No such file" in installed(build, tree)[1]


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("fails", ["unlink", "write_bytes", "replace"])
def test_in_a_tree_that_cannot_be_written_to_installation_goes_on(
    build: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setattr(Path, fails, mock.Mock(side_effect=OSError(30, "Read-only file system")))
    told, warning = installed(build, tree)
    monkeypatch.undo()
    assert told == {"artifacts": []}
    assert warning.endswith("so pyarrow reads CSV: [Errno 30] Read-only file system")
    assert not list((tree / "staxpipe/scan").glob("*.new"))
