"""Telling people that data was deleted: a row in the outbox, in the transaction that finishes the receipt."""

from __future__ import annotations

from sqlalchemy import Connection

from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.links import Link
from staxpipe.db.outbox import enqueue
from staxpipe.ingest.announcement import recipients
from staxpipe.settings import Settings
from staxpipe.unlinking import words
from staxpipe.unlinking.rows import RECEIPT_KIND
from staxpipe.unlinking.scope import Scope


def announce_deletion(connection: Connection, settings: Settings, link: Link, receipt: DeletionReceipt) -> None:
    """Send the receipt to the one who linked, the one who asked, and the operator; once for ever."""
    scope = Scope.of(receipt)
    to = recipients(settings, link.contact)
    if "@" in receipt.asked_by and receipt.asked_by not in to:
        to.append(receipt.asked_by)
    finished = receipt.finished_at or receipt.asked_at
    payload = {
        "to": to,
        "account_id": link.account_id,
        "url": f"{settings.base_url}/requests/{link.request_id}/unlink",
        "receipt": receipt.id,
        "asked_by": words.who(receipt.asked_by),
        "asked_at": receipt.asked_at.isoformat(),
        "finished_at": finished.isoformat(),
        "role_arn": link.role_arn,
        "deleted": words.counted(receipt.found or {}),
        "checked": len(words.entries(receipt.remaining or {})),
        "sources": list(scope.sources) if scope else [],
        "kept": list(scope.handed_over) if scope else [],
    }
    enqueue(connection, f"{RECEIPT_KIND}:{link.id}", RECEIPT_KIND, payload)
