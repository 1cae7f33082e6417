"""One commit to the lake's table at a time, across processes."""

from __future__ import annotations

from sqlalchemy import Engine, NullPool, create_engine, func, select

COMMIT_LOCK = 0x57A8_1C03  # any number, the same in every version


class CommitLock:
    """A context that one process at a time is in. It goes with its connection, so a killed process never leaves it."""

    def __init__(self, engine: Engine) -> None:
        # A connection of its own: waiting for the lock must not use up the pool that its holder needs to commit.
        self._engine = create_engine(engine.url, poolclass=NullPool)

    def __enter__(self) -> None:
        self._connection = self._engine.connect()
        self._connection.execute(select(func.pg_advisory_xact_lock(COMMIT_LOCK)))

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
