"""The tables of organisations: their accounts, what the last reading came to, and roles that a payer gives its members.

No mail addresses: AWS tells those of accounts too, and nothing needs them.
"""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables.declaring import ACCOUNT_RULE, metadata, moment, now
from staxpipe.db.tables.linking import link_requests, links

accounts = Table(
    "accounts",
    metadata,
    # As AWS named it last; what it was called before is not kept.
    Column("account_id", Text, primary_key=True),
    Column("management_account_id", Text, nullable=False),
    Column("link_id", ForeignKey(links.c.id), nullable=False),  # by whose role it was read last; goes with its data
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("ou_id", Text, nullable=False),  # the unit that it is in, or the root
    Column("ou_path", Text, nullable=False),  # the names from the top: /Workloads/Production
    Column("tags", JSONB(none_as_null=True)),  # {key: value}; NULL: never read
    moment("tags_at"),
    now("first_seen"),
    now("seen_at"),
    moment("left_at"),  # when it was seen last, once it is gone
    CheckConstraint(f"account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint(f"management_account_id {ACCOUNT_RULE}", name="management_account_id"),
    CheckConstraint("(tags IS NULL) = (tags_at IS NULL)", name="tags"),
    Index("ix_accounts_management_account_id", "management_account_id"),
)

organization_readings = Table(
    "organization_readings",
    metadata,
    # The last one of each linked account, whatever it came to.
    Column("account_id", Text, primary_key=True),
    Column("link_id", ForeignKey(links.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("accounts", Integer, nullable=False),
)

member_roles = Table(
    "member_roles",
    metadata,
    # What one StackSet gives every member: the beginnings of their ExternalIds and of their roles' names.
    Column("request_id", ForeignKey(link_requests.c.id), primary_key=True),  # the first of its group
    Column("external_id", Text, nullable=False, unique=True),  # made by us, never accepted from a client
    Column("role_name", Text, nullable=False, unique=True),
    Column("bucket", Text, nullable=False),  # with {account} in it
    Column("prefix", Text, nullable=False),
    Column("region", Text, nullable=False),  # of the buckets
    now("created_at"),
    Column("stack_region", Text, nullable=False),  # where the StackSet is: it does not move when that is corrected
    CheckConstraint("length(external_id) BETWEEN 32 AND 115", name="external_id"),
)
