"""Months of a link that was stopped between lake and marts: they go back to what readers see.

A run that has committed a month and may not publish it leaves line items that no daily cost agrees with. Where the link
goes on, or the account is linked again, the delivery is read again and published.
"""

from __future__ import annotations

from staxpipe.db import deliveries as ledger
from staxpipe.db import links
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.ingest.exclusive import month_held
from staxpipe.ingest.platform import Platform
from staxpipe.lake.table import LakeFile
from staxpipe.model import DeliveryState


def settle(platform: Platform, entry: LedgerEntry) -> bool:
    """Put the delivery that readers see back into the lake; False where that is not needed any more."""
    with month_held(platform.engine, entry.export_id, entry.period):
        with platform.engine.begin() as connection:
            current = ledger.known(connection, entry.id)
            if current is None or current.state is not DeliveryState.COMMITTED or current.link_id is None:
                return False
            if links.is_wanted(connection, current.link_id):
                return False  # linked again meanwhile
            seen = ledger.loaded(connection, entry.export_id, entry.period)
        files = [] if seen is None else platform.lake.files_of_delivery(entry.export_id, entry.period, seen)
        if files is None:
            raise ValueError(f"the lake has lost {seen}, the delivery of {entry.period} that readers see")
        back = [LakeFile(file.path, file.billing_account_id, file.rows, file.bytes) for file in files]
        platform.lake.replace(entry.export_id, entry.period, back, seen or "")
        with platform.engine.begin() as connection:
            ledger.mark(connection, entry.id, DeliveryState.LANDED, snapshot_id=None, committed_at=None)
    return True
