"""The tables of linking: who asked, was invited, signed in; what is linked and how well, and what was deleted."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from staxpipe.db.tables.declaring import ACCOUNT_RULE, metadata, moment, now, one_of
from staxpipe.model import LinkState, RequestState

link_requests = Table(
    "link_requests",
    metadata,
    Column("id", String(22), primary_key=True),  # random, in every page's address
    Column("state", Text, nullable=False, server_default=RequestState.DRAFT),
    Column("requested_by", Text, nullable=False),  # a mail address, or "operator"
    Column("account_id", Text),
    Column("bucket", Text),
    Column("prefix", Text, nullable=False, server_default=""),
    Column("region", Text),
    Column("external_id", Text, nullable=False, unique=True),  # made by us, never accepted from a client
    Column("role_name", Text, nullable=False, unique=True),
    Column("probe_attempts", Integer, nullable=False, server_default="0"),
    moment("next_probe_at"),
    Column("verdict", Text),  # the last probe's verdict, by its code
    Column("verdict_detail", Text),  # and in words, for the page
    now("created_at"),
    now("updated_at"),
    moment("expires_at"),
    Column("group_id", ForeignKey("link_requests.id")),  # the first of several accounts; of the first itself, none
    Column("stack_region", Text),  # where the stack is: a bucket's region may be corrected, a stack does not move
    Column("begun_by", Text),  # the address of who began it, where that was somebody signed in at the team's provider
    one_of("state", RequestState),
    CheckConstraint(f"account_id IS NULL OR account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint("length(external_id) BETWEEN 32 AND 128", name="external_id"),
    CheckConstraint(
        "state IN ('draft', 'cancelled', 'expired') "
        "OR (account_id IS NOT NULL AND bucket IS NOT NULL AND region IS NOT NULL)",
        name="complete",
    ),
    Index("ix_link_requests_due", "next_probe_at", postgresql_where=text("state = 'listening'")),
    Index("ix_link_requests_group_id", "group_id"),
    Index("ix_link_requests_begun_by", "begun_by", "created_at", postgresql_where=text("begun_by IS NOT NULL")),
)

invites = Table(
    "invites",
    metadata,
    Column("id", String(22), primary_key=True),  # inside the signed token
    Column("request_id", ForeignKey(link_requests.c.id), nullable=False),
    Column("email", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("invited_by", Text, nullable=False),
    Column("inviter", Text, nullable=False, server_default="operator"),  # who it was to us: an actor of the audit log
    now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("first_used_at"),
    moment("withdrawn_at"),
    Column("mails", Integer, nullable=False, server_default="1"),  # how many were sent to this address, ever
    now("mailed_at"),  # the last of them
    UniqueConstraint("request_id", "email", name="uq_invites_request_email"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", Text, primary_key=True),  # SHA-256 of the token; the token itself is never stored
    now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("used_at"),
)

links = Table(
    "links",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("request_id", ForeignKey(link_requests.c.id), nullable=False, unique=True),
    Column("account_id", Text, nullable=False),
    Column("role_arn", Text, nullable=False),
    Column("external_id", Text, nullable=False, unique=True),
    Column("bucket", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("contact", Text, nullable=False),  # who is told that the data is ready
    Column("state", Text, nullable=False, server_default=LinkState.ACTIVE),
    Column("problem", Text),  # why it is paused, or why its bucket cannot be read, in words
    now("linked_at"),
    now("verified_at"),
    moment("discovered_at"),  # the last complete listing of the bucket
    now("next_look_at"),  # when the bucket is listed again, or the role tried of a paused one
    moment("stopped_at"),  # since when it is not read because a person said so: only a person lets it go on
    Column("stopped_by", Text),
    one_of("state", LinkState),
    CheckConstraint("stopped_at IS NULL OR state <> 'active'", name="stopped"),
    CheckConstraint(f"account_id {ACCOUNT_RULE}", name="account_id"),
    Index(
        "uq_links_active_role",
        "account_id",
        "role_arn",
        unique=True,
        postgresql_where=text("state <> 'ended'"),
    ),
)

doctor_reports = Table(
    "doctor_reports",
    metadata,
    Column("request_id", ForeignKey(link_requests.c.id), primary_key=True),  # its link's, too, once there is one
    Column("at", DateTime(timezone=True), nullable=False),
    Column("report", JSONB, nullable=False),  # the last one alone
)

deletion_receipts = Table(
    "deletion_receipts",
    metadata,
    # What became of a link's data that somebody asked to delete; it stays when everything else of the data is gone.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("link_id", ForeignKey(links.c.id), nullable=False, unique=True),
    Column("account_id", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    now("asked_at"),
    Column("scope", JSONB),  # which exports and months are the link's alone; decided once, before anything is deleted
    Column("found", JSONB),  # what there was of them, counted before anything was deleted
    Column("remaining", JSONB),  # and counted again afterwards
    moment("finished_at"),  # when the second count was zero
    Column("attempts", Integer, nullable=False, server_default="0"),
    now("next_attempt_at"),
    Column("error", Text),
    CheckConstraint(f"account_id {ACCOUNT_RULE}", name="account_id"),
    CheckConstraint("finished_at IS NULL OR (found IS NOT NULL AND remaining IS NOT NULL)", name="proved"),
    Index("ix_deletion_receipts_due", "next_attempt_at", postgresql_where=text("finished_at IS NULL")),
)
