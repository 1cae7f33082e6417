"""The tables of staxpipe's own doings: what it has to say, who did what, and where its sweeps stopped."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables.declaring import metadata, moment, now

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # what makes a message the same message
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    now("created_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    now("next_attempt_at"),
    moment("sent_at"),
    moment("given_up_at"),
    Column("error", Text),
    Index("ix_outbox_due", "next_attempt_at", postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL")),
)

audit_log = Table(
    "audit_log",
    metadata,
    # A trigger of the database refuses to change or remove a row: see migration 0007.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    now("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("source_ip", Text),  # the client's address; of a command: the user and the machine
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Index("ix_audit_log_subject", "subject", "id"),
)

sweep_positions = Table(
    "sweep_positions",
    metadata,
    # Where a bounded sweep stopped, so that the next one starts there and a slow one starves nobody.
    Column("sweep", Text, primary_key=True),
    Column("position", Text, nullable=False),
)
