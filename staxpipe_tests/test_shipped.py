"""Files at the top of the tree are found by the program."""

import pytest

from staxpipe.shipped import shipped


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml", "cfn"])
def test_what_the_program_reads_is_found(name: str) -> None:
    assert shipped(name).exists()


def test_what_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such\.yaml"):
        shipped("no-such.yaml")
