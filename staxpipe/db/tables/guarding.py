"""The tables that guard the pages: how often something was done of late, and which sessions were ended early."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text

from staxpipe.db.tables.declaring import metadata

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
