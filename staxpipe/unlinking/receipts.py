"""A receipt for programs: what `staxpipe unlink --json` and the API say of a deletion. Pure."""

from __future__ import annotations

from typing import Any

from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.unlinking.scope import Scope


def as_json(receipt: DeletionReceipt) -> dict[str, Any]:
    """JSON values; `deleted` counts what there was and `remaining` the same afterwards, null until that is counted.

    `sources` are the addresses of exports whose data goes, `not_deleted` those of exports that another link reads.
    """
    scope = Scope.of(receipt)
    return {
        "receipt": receipt.id,
        "account_id": receipt.account_id,
        "asked_by": receipt.asked_by,
        "asked_at": receipt.asked_at.isoformat(),
        "finished_at": None if receipt.finished_at is None else receipt.finished_at.isoformat(),
        "error": receipt.error,
        "sources": list(scope.sources) if scope else [],
        "not_deleted": list(scope.handed_over) if scope else [],
        "deleted": receipt.found,
        "remaining": receipt.remaining,
    }
