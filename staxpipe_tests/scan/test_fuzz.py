"""A short, deterministic run of what `make fuzz` does for minutes."""

from pathlib import Path

import pytest

from tools.fuzz_scanner import compiled, fuzz


def test_sanitizers_find_nothing_and_values_are_those_of_pythons_csv_module(tmp_path: Path) -> None:
    if compiled(tmp_path, []) is None:
        pytest.skip("there is no gcc with AddressSanitizer")
    assert fuzz(cases=300, seconds=0, seed=4) == 300
