import shutil
from pathlib import Path

import pytest

from staxpipe.scan import library as module
from staxpipe.scan.library import LIBRARY, UnavailableError, load


def test_the_scanner_is_compiled_where_the_tests_run() -> None:
    """Else every test of the native reader would be skipped and nobody would know."""
    assert load(LIBRARY).staxpipe_abi() == module.ABI, "run `make setup` to compile it"


def test_a_library_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="was not compiled when staxpipe was installed"):
        load(tmp_path / "none.so")


def test_a_library_that_does_not_load_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.so"
    path.write_bytes(b"no library")
    with pytest.raises(UnavailableError, match=r"does not load: .*broken\.so"):
        load(path)


def test_a_library_of_another_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "older.so"
    shutil.copy(LIBRARY, path)
    monkeypatch.setattr(module, "ABI", -1)
    with pytest.raises(UnavailableError, match="another version: install staxpipe again"):
        load(path)
