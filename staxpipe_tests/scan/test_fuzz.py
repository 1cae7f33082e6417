"""A short, deterministic run of what `make fuzz` does for minutes."""

import pytest

from tools.fuzz_scanner import NoSanitizerError, fuzz


@pytest.mark.long
def test_sanitizers_find_nothing_and_values_are_those_of_pythons_csv_module() -> None:
    try:
        assert fuzz(cases=300, seconds=0, seed=4) == 300
    except NoSanitizerError as error:
        pytest.skip(f"no gcc with AddressSanitizer: {str(error)[:200]}")
