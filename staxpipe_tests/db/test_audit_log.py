"""What was done is kept as one row, whatever characters it came with, and stays."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from staxpipe.db import audit_log
from staxpipe.db.audit_log import AuditEntry
from staxpipe_tests.db.given_away import become_staxpipe_app


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


CHANGES = (
    "UPDATE audit_log SET actor = 'nobody'",
    "UPDATE audit_log SET actor = 'nobody' WHERE false",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "TRUNCATE audit_log CASCADE",
    "MERGE INTO audit_log USING (SELECT 1 AS id) AS it ON audit_log.id = it.id WHEN MATCHED THEN DELETE",
    "INSERT INTO audit_log (actor, action, subject, result) VALUES ('a', 'b', 'c', 'd') "
    "ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
)


def one_act(connection: Connection) -> AuditEntry:
    audit_log.record(connection, "ada@example.com", "request.cancelled", "request:1", "done", "192.0.2.7")
    return audit_log.entries(connection)[0]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_rows_are_neither_changed_nor_removed_even_by_their_owner(engine: Engine, change: str, role: str) -> None:
    with engine.begin() as connection:
        before = one_act(connection)
        connection.exec_driver_sql(
            f"SET LOCAL session_replication_role = {role}"
        )  # ordinary triggers sleep in a replica
        with pytest.raises(ProgrammingError, match="The audit log only grows: "), connection.begin_nested():
            connection.exec_driver_sql(change)
        assert audit_log.entries(connection) == [before]


def test_an_application_that_is_not_the_owner_can_only_add(engine: Engine) -> None:
    """What docs/security.md tells a database administrator to run, run."""
    with engine.connect() as connection:
        become_staxpipe_app(connection)
        before = one_act(connection)
        for forbidden in (
            *CHANGES,
            "ALTER TABLE audit_log DISABLE TRIGGER audit_log_only_grows",
            "DROP TRIGGER audit_log_only_grows ON audit_log",
            "DROP FUNCTION refuse_to_change_audit_log() CASCADE",
            "CREATE OR REPLACE FUNCTION refuse_to_change_audit_log() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            "ALTER TABLE audit_log RENAME TO gone",
            "DROP TABLE audit_log",
            "DROP SCHEMA public CASCADE",
            "SET LOCAL session_replication_role = replica",
        ):
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), connection.begin_nested():
                connection.exec_driver_sql(forbidden)
        assert audit_log.entries(connection) == [before]
        connection.exec_driver_sql("CREATE TABLE of_a_later_migration (id int)")
        connection.exec_driver_sql("UPDATE link_requests SET state = state")


def test_a_page_goes_on_where_the_one_before_ended(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(5):
            audit_log.record(connection, "operator", "a", f"request:{number % 2}", "done")
        first = audit_log.entries(connection, limit=2)
        second = audit_log.entries(connection, limit=2, before=first[-1].id)
        of_one = audit_log.entries(connection, "request:0", 9, before=first[0].id)
    assert [entry.id for entry in (*first, *second)] == [5, 4, 3, 2]
    assert [entry.id for entry in of_one] == [3, 1]


def test_a_subject_that_is_no_text_is_looked_for_as_it_would_be_written(engine: Engine) -> None:
    with engine.begin() as connection:
        audit_log.record(connection, "operator", "a", "odd\x00\ud800", "done")
        assert len(audit_log.entries(connection, "odd\x00\ud800")) == 1
        assert audit_log.entries(connection, "even\x00") == []
