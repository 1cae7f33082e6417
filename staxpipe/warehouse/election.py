"""Which export counts for an account's month."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from staxpipe.model import BillingPeriod, Finding


def elect_source(
    connection: Connection, export_id: int, billing_account_ids: Iterable[str], period: BillingPeriod
) -> tuple[Finding, ...]:
    """Make the export the source of these accounts' month, where no other is; a finding for each where one is."""
    raise NotImplementedError
