"""What staxpipe wrote down on its way, as queries see it: quarantine, the audit log, and the accounts of organisations.

Columns are named here one by one: what a table gets later is seen by nobody until it is named, and no table with
secrets in it (requests, links, sign-in links) is among them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """A view that is made for a query.

    Attributes:
        rows: what stands after FROM in Postgres.
        columns: of the view, each with its expression and its type in Postgres.
        of_account: SQL that is true of one billing account's rows, with one place for it; None: rows have no account.
        of_period: the same for a month.
    """

    rows: str
    columns: dict[str, tuple[str, str]]
    of_account: str | None = None
    of_period: str | None = None


QUARANTINE = Record(
    "quarantine AS kept JOIN deliveries AS delivery ON delivery.id = kept.delivery",
    {
        "period": ("delivery.period", "text"),
        "export_id": ("delivery.export_id", "integer"),
        "delivery": ("delivery.id", "bigint"),
        "state": ("delivery.state", "text"),  # of the delivery: only what is 'loaded' is of today
        "file": ("kept.file", "text"),
        "row": ("kept.row", "bigint"),
        "column": ('kept."column"', "text"),
        "value": ("kept.value", "text"),
        "reason": ("kept.reason", "text"),
        "cost": ("kept.cost", "numeric"),
    },
    # The account of a row that cannot be read may be what cannot be read: whose delivery it is in is known.
    of_account=(
        "EXISTS (SELECT FROM reconciliations AS line "
        "WHERE line.delivery = delivery.id AND line.billing_account_id = %s)"
    ),
    of_period="delivery.period = %s",
)

AUDIT_LOG = Record(
    "audit_log AS act",
    {
        "id": ("act.id", "bigint"),
        "at": ("act.at", "timestamp with time zone"),
        "actor": ("act.actor", "text"),
        "action": ("act.action", "text"),
        "subject": ("act.subject", "text"),
        "result": ("act.result", "text"),
        "source_ip": ("act.source_ip", "text"),
        "detail": ("act.detail::text", "text"),  # JSON
    },
)

ACCOUNTS = Record(
    "accounts AS account",
    {
        "account_id": ("account.account_id", "text"),
        "name": ("account.name", "text"),
        "status": ("account.status", "text"),
        "ou_path": ("account.ou_path", "text"),
        "ou_id": ("account.ou_id", "text"),
        "tags": ("account.tags::text", "text"),  # JSON
        "management_account_id": ("account.management_account_id", "text"),
        "first_seen": ("account.first_seen", "timestamp with time zone"),
        "seen_at": ("account.seen_at", "timestamp with time zone"),
        "left_at": ("account.left_at", "timestamp with time zone"),
    },
)

RECORDS = {"quarantine": QUARANTINE, "audit_log": AUDIT_LOG, "accounts": ACCOUNTS}
