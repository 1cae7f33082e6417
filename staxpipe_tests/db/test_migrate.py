"""Migrations lead from nothing to the declared tables: all of it or none of it, also for two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from staxpipe.db import audit_log
from staxpipe.db.engine import make_engine
from staxpipe.db.migrate import MIGRATION_LOCK, MIGRATIONS, VERSION_TABLE, migrate, newest_step
from staxpipe.db.tables import metadata
from staxpipe.errors import PermanentError, TransientError
from staxpipe.warehouse.tables import daily_costs_all
from staxpipe_tests.db.given_away import become_staxpipe_app
from staxpipe_tests.local.conftest import wait_until

assert daily_costs_all.metadata is metadata  # declared elsewhere, migrated with the rest


def is_ours(name: str | None, kind: str) -> bool:
    """Whether a table is of the metadata: the lake's catalog and Alembic keep theirs beside ours."""
    return kind != "table" or not str(name).startswith(("iceberg_", VERSION_TABLE))


def described(connection: Connection) -> dict[str, list[tuple[str, ...]]]:
    """What Postgres itself says of all tables: columns, constraints, indexes, in its own normal form."""
    queries = {
        "columns": """
            SELECT table_name, column_name, data_type, coalesce(character_maximum_length::text, ''), is_nullable,
                   coalesce(column_default, ''), is_identity, coalesce(identity_generation, ''),
                   coalesce(numeric_precision::text, ''), coalesce(numeric_scale::text, '')
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE'""",
        "constraints": """
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0""",
        "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    return {
        kind: sorted(tuple(map(str, row)) for row in connection.execute(text(query)) if is_ours(row[0], "table"))
        for kind, query in queries.items()
    }


@pytest.fixture
def empty_engine(empty_database_url: str) -> Engine:
    return make_engine(empty_database_url)


def test_migrating_from_empty_gives_what_the_tables_declare(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: is_ours(name, kind),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_constraints_and_indexes_are_those_that_the_tables_declare(engine: Engine, empty_engine: Engine) -> None:
    metadata.create_all(empty_engine)
    with engine.connect() as migrated, empty_engine.connect() as declared:
        expected, found = described(declared), described(migrated)
    empty_engine.dispose()
    assert found == expected
    assert any("CHECK" in definition for _, _, definition in found["constraints"])
    assert any(" WHERE " in definition for _, _, definition in found["indexes"])


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        before = described(connection)
    migrate(engine)
    with engine.connect() as connection:
        assert described(connection) == before


def test_the_newest_step_is_the_one_that_all_steps_lead_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_step()]


def test_two_at_once_are_as_good_as_one(empty_engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, empty_engine) for _ in range(4)]:
            done.result()
    with empty_engine.connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {VERSION_TABLE}")) == 1
    empty_engine.dispose()


def test_a_step_that_fails_leaves_nothing(empty_engine: Engine) -> None:
    last = list(metadata.sorted_tables)[-1].name
    with empty_engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {last} (in_the_way int)"))
    with pytest.raises(PermanentError, match="cannot be migrated"):
        migrate(empty_engine)
    assert inspect(empty_engine).get_table_names() == [last]
    with empty_engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {last}"))
    migrate(empty_engine)
    empty_engine.dispose()


def test_one_that_is_killed_halfway_leaves_nothing_and_the_next_one_succeeds(empty_engine: Engine) -> None:
    script = """
import os, sys
from sqlalchemy import event
from staxpipe.db import audit_log
from staxpipe.db.engine import make_engine
from staxpipe.db.migrate import migrate
engine = make_engine(sys.argv[1])
@event.listens_for(engine, "after_cursor_execute")
def pause(connection, cursor, statement, *rest):
    if "CREATE TABLE deliveries" in statement:
        print("halfway", flush=True)
        sys.stdin.read()
migrate(engine)
"""
    url = empty_engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", script, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "halfway\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    wait_until(lambda: not _lock_is_held(empty_engine))
    assert inspect(empty_engine).get_table_names() == []
    migrate(empty_engine)
    assert "deliveries" in inspect(empty_engine).get_table_names()
    empty_engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'from-the-future'"))
    with pytest.raises(PermanentError, match=r"from-the-future.*newer version"):
        migrate(engine)


def test_a_user_who_may_not_create_tables_is_told_so(empty_engine: Engine) -> None:
    role = f"guest_{os.getpid()}"
    with empty_engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'"))
    try:
        guest = create_engine(empty_engine.url.set(username=role, password="guest"))
        with pytest.raises(PermanentError, match="allowed to create tables"):
            migrate(guest)
        guest.dispose()
    finally:
        with empty_engine.begin() as connection:
            connection.execute(text(f"DROP ROLE {role}"))
        empty_engine.dispose()


def test_an_unreachable_database_is_a_transient_error_without_its_password() -> None:
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        migrate(make_engine("postgresql://somebody:s3cret@127.0.0.1:1/staxpipe"))
    assert "s3cret" not in str(caught.value)


def test_a_table_that_somebody_reads_is_waited_for_and_not_for_ever(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staxpipe.db.migrate.LOCK_TIMEOUT", "50ms")
    with empty_engine.begin() as connection:
        _upgrade_to(connection, "0011")
    with empty_engine.begin() as reader:
        reader.execute(text("SELECT FROM member_roles"))
        with pytest.raises(TransientError, match="is in use, so it was not migrated"):
            migrate(empty_engine)
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "0", "of that transaction alone"
    empty_engine.dispose()


def _lock_is_held(engine: Engine) -> bool:
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key")
        return bool(connection.scalar(query, {"key": MIGRATION_LOCK}))


def test_requests_that_are_there_keep_their_stack_and_invitations_their_mail(empty_engine: Engine) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    with empty_engine.begin() as connection:
        _upgrade_to(connection, str(script.get_revision("0008").down_revision))
        connection.execute(
            text(
                """
                INSERT INTO link_requests (id, requested_by, account_id, bucket, region, external_id, role_name, state)
                VALUES ('draft', 'operator', NULL, NULL, NULL, repeat('a', 43), 'one', 'draft'),
                       ('old', 'operator', '123456789012', 'bills', 'eu-west-1', repeat('b', 43), 'two', 'listening');
                INSERT INTO invites (id, request_id, email, invited_by, created_at, expires_at)
                VALUES ('i', 'old', 'ada@example.com', 'Grace', '2026-11-03 12:00+00', '2026-11-10 12:00+00')"""
            )
        )
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        requests = connection.execute(text("SELECT id, stack_region, group_id FROM link_requests ORDER BY id")).all()
        invite = connection.execute(text("SELECT mails, mailed_at = created_at, withdrawn_at, inviter FROM invites"))
        assert [tuple(row) for row in requests] == [("draft", None, None), ("old", "eu-west-1", None)]
        assert tuple(invite.one()) == (1, True, None, "operator")
    empty_engine.dispose()


def test_links_that_are_there_go_on_and_the_audit_log_that_is_there_stays(empty_engine: Engine) -> None:
    with empty_engine.begin() as connection:
        _upgrade_to(connection, "0005")
        connection.execute(
            text(
                """
                INSERT INTO link_requests (id, requested_by, account_id, bucket, region, external_id, role_name, state)
                SELECT state, 'operator', '123456789012', 'bills', 'eu-west-1', repeat(left(state, 1), 43), state,
                       'linked' FROM unnest(ARRAY['active', 'paused', 'ended']) AS state;
                INSERT INTO links (id, request_id, account_id, role_arn, external_id, bucket, prefix, region, contact,
                                   state, problem)
                SELECT id, id, account_id, role_name, external_id, bucket, prefix, region, requested_by, id, 'Why.'
                FROM link_requests;
                INSERT INTO audit_log (actor, action, subject, result)
                VALUES ('ada', 'link.created', 'link:1', 'safe')"""
            )
        )
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        links = connection.execute(text("SELECT id, state, problem, stopped_at, stopped_by FROM links ORDER BY id"))
        assert [tuple(row) for row in links] == [
            (state, state, "Why.", None, None) for state in ("active", "ended", "paused")
        ]
        assert connection.execute(text("SELECT actor, source_ip FROM audit_log")).one() == ("ada", None)
        with pytest.raises(ProgrammingError, match="The audit log only grows"):
            connection.execute(text("DELETE FROM audit_log"))
    empty_engine.dispose()


ROWS = """
    INSERT INTO link_requests (id, requested_by, account_id, bucket, region, external_id, role_name, state)
    SELECT left(state, 22), 'ada@example.com', '123456789012', 'bills', 'eu-west-1', rpad(state, 43, '-'), state, state
    FROM unnest(ARRAY['draft', 'listening', 'linked', 'refused', 'expired', 'cancelled']) AS state;
    INSERT INTO invites (id, request_id, email, invited_by, expires_at)
    VALUES ('i', 'listening', 'ben@example.com', 'Ada', '2026-11-10 12:00+00');
    INSERT INTO links (id, request_id, account_id, role_arn, external_id, bucket, prefix, region, contact)
    SELECT 'a-link', id, account_id, role_name, external_id, bucket, prefix, region, requested_by
    FROM link_requests WHERE state = 'linked';
    INSERT INTO exports (source, name, kind, link_id) VALUES ('s3://bills/cur', 'cur', 'cur-2.0', 'a-link');
    INSERT INTO deliveries (export_id, account_id, period, delivery_id, delivered_at, manifest, files, bytes, state)
    SELECT exports.id, '123456789012', '2026-10', state, now(), '{}', 1, 1, state
    FROM exports, unnest(ARRAY['superseded', 'loaded', 'landed']) AS state;
    INSERT INTO period_sources (billing_account_id, period, export_id)
    SELECT '123456789012', '2026-10', id FROM exports;
    INSERT INTO daily_costs_all (billing_account_id, sub_account_id, period, day, service_name, service_category,
                                 charge_category, currency, billed_cost, effective_cost, list_cost, contracted_cost,
                                 line_items, export_id, delivery)
    SELECT '123456789012', account, '2026-10', '2026-10-03', 'EC2', 'Compute', 'Usage', 'USD', 1.1, 2.2, 3.3, 4.4, 5,
           exports.id, 1
    FROM exports, unnest(ARRAY['123456789012', '111122223333', NULL]) AS account;
    INSERT INTO findings (account_id, code, severity, message) VALUES ('123456789012', 'one', 'info', 'Said.');
    INSERT INTO outbox (key, kind, payload) VALUES ('one', 'account_ready', '{}');
    INSERT INTO audit_log (actor, action, subject, result) VALUES ('ada', 'link.created', 'link:1', 'safe');
    INSERT INTO sweep_positions (sweep, position) VALUES ('links', 'a');
"""
OF_ORGANISATIONS = """
    INSERT INTO accounts (account_id, management_account_id, link_id, name, status, ou_id, ou_path)
    SELECT account, '123456789012', 'a-link', 'One of two', 'ACTIVE', 'r-root', '/'
    FROM unnest(ARRAY['123456789012', '111122223333']) AS account;
    INSERT INTO organization_readings (account_id, link_id, at, outcome, words, accounts)
    VALUES ('123456789012', 'a-link', now(), 'read', 'Said.', 2);
    INSERT INTO member_roles (request_id, external_id, role_name, bucket, prefix, region)
    VALUES ('linked', repeat('m', 43), 'staxpipe-link-of-members', 'bills-{account}', '', 'eu-west-1');
"""


def contents(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables of ours."""
    tables = [name for name in inspect(connection).get_table_names() if is_ours(name, "table")]
    query = "SELECT to_jsonb(each) FROM {} AS each ORDER BY to_jsonb(each)::text"
    return {name: [row for (row,) in connection.execute(text(query.format(name)))] for name in tables}


def costs(connection: Connection) -> tuple[object, ...]:
    """What people see of a month: its rows and sums."""
    return tuple(connection.execute(text("SELECT count(*), sum(billed_cost), sum(line_items) FROM daily_costs")).one())


@pytest.mark.parametrize(("step", "rows"), [("0004", ROWS), ("0011", ROWS + OF_ORGANISATIONS)])
def test_rows_and_sums_of_an_earlier_version_stay(empty_engine: Engine, step: str, rows: str) -> None:
    with empty_engine.begin() as connection:
        _upgrade_to(connection, step)
        connection.execute(text(rows))
        before, sums = contents(connection), costs(connection)
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        after = contents(connection)
        assert costs(connection) == sums == (3, Decimal("3.3"), 15)
    empty_engine.dispose()
    for table, kept in before.items():
        known = [{name: row[name] for name in kept[0]} for row in after[table]] if kept else after[table]
        assert sorted(known, key=str) == sorted(kept, key=str), table
    assert {len(before[name]) for name in ("link_requests", "deliveries")} == {6, 3}


def test_whoever_gave_the_audit_log_away_need_not_take_it_back_for_the_newest_step(empty_engine: Engine) -> None:
    with empty_engine.connect() as connection:
        _upgrade_to(connection, "0011")
        become_staxpipe_app(connection)
        _upgrade_to(connection, "head")
        audit_log.record(connection, "ada", "link.created", "link:1", "safe")
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("DELETE FROM audit_log"))
    empty_engine.dispose()


def test_a_stack_set_stays_where_it_is(empty_engine: Engine) -> None:
    with empty_engine.begin() as connection:
        _upgrade_to(connection, "0011")
        connection.execute(text(ROWS + OF_ORGANISATIONS))
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT stack_region FROM member_roles")) == "eu-west-1"
    empty_engine.dispose()


def _upgrade_to(connection: Connection, step: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, step)


def test_who_may_read_daily_costs_still_may_when_the_view_gets_names(empty_engine: Engine) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    role = f"dashboard_{os.getpid()}"
    with empty_engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
    try:
        with empty_engine.begin() as connection:
            _upgrade_to(connection, str(script.get_revision("0011").down_revision))
            connection.execute(text(f"GRANT SELECT ON daily_costs TO {role}"))
        migrate(empty_engine)
        with empty_engine.begin() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            assert connection.execute(text("SELECT sub_account_name FROM daily_costs")).all() == []
    finally:
        with empty_engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
        empty_engine.dispose()
