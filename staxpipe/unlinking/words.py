"""What a receipt counts, in words: for the page, the mail and the terminal alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.link_requests import OPERATOR

_KINDS = {
    "daily_costs_all": ("daily cost", "daily costs"),
    "findings": ("finding", "findings"),
    "quarantine": ("quarantined value", "quarantined values"),
    "delivery_services": ("line of the journal", "lines of the journal"),
    "delivery_sums": ("control total", "control totals"),
    "delivery_identities": ("checked identity", "checked identities"),
    "reconciliations": ("line of the ledger", "lines of the ledger"),
    "comparisons": ("comparison with AWS", "comparisons with AWS"),
    "outbox": ("message", "messages"),
    "doctor_reports": ("report of the doctor", "reports of the doctor"),
    "accounts": ("account of the organisation", "accounts of the organisation"),
    "organization_readings": ("reading of the organisation", "readings of the organisation"),
    "source_choices": ("choice of a source", "choices of a source"),
    "deliveries": ("delivery in the ledger", "deliveries in the ledger"),
    "exports": ("export in the ledger", "exports in the ledger"),
}
_PLACES = {
    ("lake", "rows"): ("line item in the lake", "line items in the lake"),
    ("lake", "deliveries"): ("delivery that could be read in the lake", "deliveries that could be read in the lake"),
    ("lake", "snapshots"): ("snapshot of the lake's table", "snapshots of the lake's table"),
    ("lake", "files"): ("file of the lake", "files of the lake"),
    ("lake", "bytes"): ("byte of the lake", "bytes of the lake"),
    ("landing", "files"): ("copied file", "copied files"),
    ("landing", "bytes"): ("byte of copied files", "bytes of copied files"),
}


def entries(counts: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Every count of a receipt with what it counts, zeros too, what people know best first."""
    places = [
        (int(counts[place][what]), names)
        for (place, what), names in _PLACES.items()
        if place in counts and what in counts[place]
    ]
    rows = [(int(count), _KINDS.get(name, (name, name))) for name, count in counts.get("rows", {}).items()]
    return [(count, one if count == 1 else many) for count, (one, many) in [*places, *rows]]


def counted(counts: Mapping[str, Any]) -> list[str]:
    """What there is, without the zeros: 1,204 line items in the lake, 3 messages."""
    return [f"{count:,} {name}" for count, name in entries(counts) if count]


def who(actor: str) -> str:
    """How people call who did something."""
    return "whoever runs staxpipe" if actor == OPERATOR else actor


def stopped(by: str, now: datetime) -> str:
    """For the page of a link that a person has paused."""
    return (
        f"Stopped by {who(by)} on {_moment(now)}. Nothing is read from this account any more. What was loaded is still "
        "there: it waits for a word on whether it is kept or deleted."
    )


def going_on(by: str, now: datetime) -> str:
    """For the page of a link that was stopped and is to be read again."""
    return (
        f"To be read again, as {by} asked on {_moment(now)}: first its role is proved anew, which takes about a "
        "minute; then reading goes on by itself."
    )


def kept(by: str, now: datetime) -> str:
    """For the page of a link that ended while its data stays."""
    return (
        f"Unlinked by {who(by)} on {_moment(now)}. Nothing is read from this account any more. What was loaded stays "
        "as it was then, and can be asked."
    )


def being_deleted(by: str, now: datetime) -> str:
    """For the page of a link whose data is going."""
    return f"Unlinked by {who(by)} on {_moment(now)}, who asked to delete what was loaded. That is under way."


def deleted(receipt: DeletionReceipt) -> str:
    """For the page of a link whose data is gone."""
    when = _moment(receipt.finished_at or receipt.asked_at)
    return f"What was loaded from this account was deleted on {when}, as {who(receipt.asked_by)} had asked."


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
