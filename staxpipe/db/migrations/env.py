"""What Alembic runs around every step: only the connection and the transaction that `migrate` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
