"""What saving the account form comes to when the request may have changed since the form was shown. Pure.

Two people may finish the same request at once. The form carries which answers it showed (`version`); where others are
saved meanwhile, the second person sees both and chooses, and nothing is lost.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.model import RequestState

EDITABLE = frozenset({RequestState.DRAFT, RequestState.LISTENING, RequestState.REFUSED})
"""States in which the answers may still be changed as one likes."""


class Saving(StrEnum):
    """What is to be done with a form that was sent."""

    NOTHING = "nothing"  # it says what is saved already: a double click, or somebody else wrote the same
    SAVE = "save"
    CORRECT = "correct"  # of a link that found nothing
    ASK = "ask"  # somebody else saved other answers meanwhile
    TOO_LATE = "too late"  # the request cannot be changed any more


@dataclass(frozen=True)
class Difference:
    """One answer in which two people differ."""

    name: str
    saved: str
    written: str


def version(request: LinkRequest) -> str:
    """Which answers a form shows; “new” while there are none."""
    if request.account_id is None:
        return "new"
    answers = (request.account_id, request.bucket, request.prefix, request.region, request.contact)
    return hashlib.sha256(repr(answers).encode()).hexdigest()[:16]


def decide(request: LinkRequest, written: Details, seen: str, *, correctable: bool) -> Saving:
    """What to do with `written`, in a form that showed the answers `seen` (empty: a program, which saw none).

    `correctable` says that the request is linked and nothing was found yet.
    """
    same = not differences(request, written)
    changed_meanwhile = seen not in {"", version(request)}
    if request.state in EDITABLE:
        if same and request.state is RequestState.LISTENING:
            return Saving.NOTHING
        return Saving.ASK if changed_meanwhile and not same else Saving.SAVE
    if same:
        return Saving.NOTHING
    if request.state is RequestState.LINKED and correctable:
        return Saving.ASK if changed_meanwhile else Saving.CORRECT
    return Saving.TOO_LATE


def differences(request: LinkRequest, written: Details) -> tuple[Difference, ...]:
    """Where the form says something else than the request. A contact that is left out says nothing."""
    pairs = (
        ("AWS account id", request.account_id, written.account_id),
        ("Bucket", request.bucket, written.bucket),
        ("Prefix", request.prefix, written.prefix),
        ("Region", request.region, written.region),
        ("News go to", request.contact, written.contact or request.contact),
    )
    return tuple(Difference(name, saved or "", new or "") for name, saved, new in pairs if (saved or "") != (new or ""))


def stack_is_outdated(before: LinkRequest, after: Details) -> bool:
    """Whether a stack that was created for the answers `before` reads the wrong place now."""
    return before.account_id == after.account_id and (before.bucket, before.prefix) != (after.bucket, after.prefix)
