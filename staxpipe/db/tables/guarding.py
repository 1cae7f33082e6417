"""The tables that guard pages and API: how often something was done of late, sessions that ended early, tokens."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Table, Text

from staxpipe.db.tables.declaring import metadata, moment, now

rate_limits = Table(
    "rate_limits",
    metadata,
    # How often something was done in a span of time that began with the first; `staxpipe.onboarding.limits` judges it.
    Column("key", Text, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Index("ix_rate_limits_ends_at", "ends_at"),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    # Sessions that ended before their time: a cookie that was copied opens nothing after its owner signed out.
    Column("session_id", Text, primary_key=True),  # random, inside the signed cookie; by itself it opens nothing
    Column("forget_at", DateTime(timezone=True), nullable=False),  # then the cookie is over by itself
)

api_tokens = Table(
    "api_tokens",
    metadata,
    # By which programs use the JSON API; a row stays when its token is over, for the audit log names it.
    Column("id", Text, primary_key=True),  # short and random: what commands and the audit log call it
    Column("token_hash", Text, nullable=False, unique=True),  # SHA-256 of the token; the token itself is never stored
    Column("name", Text, nullable=False),  # what it is for, in its maker's words
    Column("scope", Text, nullable=False),  # operator: every request; linker: those of `acts_for`
    Column("acts_for", Text, nullable=False),  # a mail address, or "operator"
    Column("created_by", Text, nullable=False),
    now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("last_used_at"),  # to the minute
    moment("revoked_at"),
    CheckConstraint(
        "(scope = 'operator' AND acts_for = 'operator') OR (scope = 'linker' AND acts_for ~ '@')", name="scope"
    ),
)
