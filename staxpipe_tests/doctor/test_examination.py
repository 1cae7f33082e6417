"""Whom the doctor looks at when somebody asks."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from staxpipe.db import links
from staxpipe.doctor.examination import patients
from staxpipe.errors import PermanentError
from staxpipe_tests.ingest.test_sweep import NOW, make_link


def test_of_what_a_person_stopped_nothing_is_read(engine: Engine) -> None:
    stopped, paused = make_link(engine, "222222222222"), make_link(engine, "333333333333")
    with engine.begin() as connection:
        assert links.stop(connection, stopped.id, "ada@example.com", "Stopped by ada@example.com.", NOW)
        assert links.pause(connection, paused.id, "The role is gone.")
        assert [(patient.subject.id, patient.state) for patient in patients(connection)] == [(paused.id, "paused")]
        with pytest.raises(PermanentError, match="222222222222 was stopped by a person"):
            patients(connection, "222222222222")
        assert patients(connection, "444444444444") == []
