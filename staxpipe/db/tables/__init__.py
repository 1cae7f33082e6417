"""The metadata tables, declared once. Constraints carry the rules; migrations are in `migrations/`.

Tables are imported from here, so that whoever has one has them all in `metadata`. Line items are not here (they are in
the lake), nor are the marts (`staxpipe.warehouse`). Money is `numeric`, times are `timestamptz`, ids of people-visible
things are short random text.
"""

from staxpipe.db.tables.declaring import metadata
from staxpipe.db.tables.guarding import api_tokens, ended_sessions, rate_limits
from staxpipe.db.tables.ledger import deliveries, exports, lake_states, period_sources, source_choices
from staxpipe.db.tables.linking import deletion_receipts, doctor_reports, invites, link_requests, links, sign_in_links
from staxpipe.db.tables.operation import audit_log, outbox, sweep_positions
from staxpipe.db.tables.organization import accounts, member_roles, organization_readings
from staxpipe.db.tables.results import (
    comparisons,
    delivery_identities,
    delivery_services,
    delivery_sums,
    findings,
    quarantine,
    reconciliations,
)

__all__ = [
    "accounts",
    "api_tokens",
    "audit_log",
    "comparisons",
    "deletion_receipts",
    "deliveries",
    "delivery_identities",
    "delivery_services",
    "delivery_sums",
    "doctor_reports",
    "ended_sessions",
    "exports",
    "findings",
    "invites",
    "lake_states",
    "link_requests",
    "links",
    "member_roles",
    "metadata",
    "organization_readings",
    "outbox",
    "period_sources",
    "quarantine",
    "rate_limits",
    "reconciliations",
    "sign_in_links",
    "source_choices",
    "sweep_positions",
]
