"""What Alembic runs around every step: only the connection and the transaction that `migrate` gives."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table=given["version_table"])
context.run_migrations()
