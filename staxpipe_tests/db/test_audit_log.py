"""What was done is kept as one row, whatever characters it came with."""

from __future__ import annotations

from sqlalchemy import Engine

from staxpipe.db import audit_log


def test_an_act_is_kept_with_who_what_where_and_how_it_ended(engine: Engine) -> None:
    with engine.begin() as connection:
        audit_log.record(
            connection, "ada@example.com", "request.cancelled", "request:1", "done", "192.0.2.7", {"state": "listening"}
        )
        audit_log.record(connection, "operator", "signed-in", "session", "done")
        newest, oldest = audit_log.entries(connection)
        assert audit_log.entries(connection, subject="request:1") == [oldest]
        assert audit_log.entries(connection, limit=1) == [newest]
    assert (oldest.actor, oldest.action, oldest.result) == ("ada@example.com", "request.cancelled", "done")
    assert (oldest.source_ip, oldest.detail) == ("192.0.2.7", {"state": "listening"})
    assert oldest.at.tzinfo is not None
    assert (newest.source_ip, newest.detail) == (None, {})


def test_a_value_cannot_pass_for_another_row(engine: Engine) -> None:
    with engine.begin() as connection:
        audit_log.record(
            connection, "eve\r\noperator", "a\x1b[2J", "s\u2028t", "done", "::1\n", {"note": "x\ny", "count": 2}
        )
        (entry,) = audit_log.entries(connection)
    assert (entry.actor, entry.action) == (r"eve\r\noperator", r"a\x1b[2J")
    assert (entry.subject, entry.source_ip) == (r"s\u2028t", r"::1\n")
    assert entry.detail == {"note": r"x\ny", "count": 2}


def test_a_value_cannot_fill_the_disk(engine: Engine) -> None:
    with engine.begin() as connection:
        audit_log.record(connection, "x" * 100_000, "a", "s", "done")
        (entry,) = audit_log.entries(connection)
    assert len(entry.actor) == 500
