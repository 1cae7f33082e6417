"""From where a command is given, also where the user has no name."""

from __future__ import annotations

import getpass
import socket

import pytest

from staxpipe.local.terminal import whereabouts


def test_it_is_the_user_and_the_machine() -> None:
    assert whereabouts() == f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set in the environment")])
def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert whereabouts().startswith("user ")
    assert whereabouts().endswith(f"@{socket.gethostname()}")
