"""What an engine's errors show, and what they keep to themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError


def test_an_error_does_not_show_the_values_of_its_statement(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(ProgrammingError) as caught:
        connection.execute(text("SELECT nothing FROM nowhere WHERE external_id = :it"), {"it": "a-secret-of-the-link"})
    assert "nowhere" in str(caught.value)
    assert "a-secret-of-the-link" not in str(caught.value)
