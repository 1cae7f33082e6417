"""Bringing a database to the shape that this version of staxpipe needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, func, select, table
from sqlalchemy.exc import OperationalError, ProgrammingError

from staxpipe.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "staxpipe_schema"  # not Alembic's usual name: Dagster's migrations use that, maybe beside us
MIGRATION_LOCK = 0x57A8_1DB0  # any number, the same in every version

LOCK_TIMEOUT = "30s"
"""For so long a step waits for a table that somebody else reads or writes: whoever comes after it waits as long."""

_IN_USE = {"40P01", "55P03"}  # deadlock_detected, lock_not_available


def migrate(engine: Engine) -> None:
    """Apply every step that the database lacks: all of them or, when anything fails or dies, none.

    One transaction and one advisory lock in it: two at once wait for each other, and a killed one leaves nothing.

    Raises:
        PermanentError: the database was made by a newer staxpipe, or its user may not create tables.
        TransientError: the database cannot be reached, or somebody else holds its tables.
    """
    try:
        with engine.connect() as connection:
            if _steps(connection) == (newest_step(),):
                return  # as nearly always: Alembic, which takes long to import, is not needed
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            connection.execute(select(func.set_config("lock_timeout", LOCK_TIMEOUT, True)))
            _upgrade(connection)
    except ProgrammingError as error:
        raise PermanentError(
            f"The database {_place(engine)} cannot be migrated: {str(error.orig).strip()}\n"
            "Its user must be allowed to create tables in it."
        ) from error
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) in _IN_USE:
            raise TransientError(
                f"The database {_place(engine)} is in use, so it was not migrated and is as it was. End what reads or "
                "changes its tables (another staxpipe, a dashboard's long query), and try again."
            ) from error
        raise TransientError(f"The database {_place(engine)} cannot be reached: {str(error.orig).strip()}") from error


def newest_step() -> str:
    """What all steps lead to: their files are numbered, and a step's name is its file's number."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def _steps(connection: Connection) -> tuple[str, ...]:
    """The newest steps that were applied: one, or none."""
    if connection.scalar(select(func.to_regclass(VERSION_TABLE))) is None:
        return ()
    return tuple(connection.scalars(select(column("version_num")).select_from(table(VERSION_TABLE))))


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    current = _steps(connection)
    if current == tuple(script.get_heads()):
        return  # somebody else was faster
    _check_known(script, current)
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, "head")


def _check_known(script: ScriptDirectory, current: tuple[str, ...]) -> None:
    from alembic.util import CommandError

    for revision in current:
        try:
            script.get_revision(revision)
        except CommandError:
            known = False
        else:
            known = True
        if not known:
            raise PermanentError(
                f"The database is at step {revision!r}, which this version of staxpipe does not know: "
                "a newer version made it. Upgrade staxpipe."
            )


def _place(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
