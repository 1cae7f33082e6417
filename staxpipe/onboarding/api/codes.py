"""Every reason why something is not done: the name that programs tell it apart by, its status, and what it means.

The answer's own sentence is often more exact; without one, it is what stands here. The description shows all of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """The HTTP status that goes with a code, and a sentence or two for a person."""

    status: int
    words: str


CODES = {
    "unreadable": Reason(400, "What was sent cannot be read: it is not JSON in UTF-8."),
    "token-missing": Reason(401, "Send a token: the header Authorization with “Bearer sxp_…”."),
    "token-invalid": Reason(401, "This token is not known here, has expired, or was revoked or suspended."),
    "another-contact": Reason(403, "This token acts for one person, whose requests have no other contact."),
    "not-found": Reason(404, "There is none, or it is not for this token to see."),
    "method-not-allowed": Reason(405, "That cannot be done here: the description says which methods this address has."),
    "conflict": Reason(409, "That does not go with how the request stands now."),
    "already-linked": Reason(409, "The reports in this bucket, below this prefix, are linked already."),
    "another-account": Reason(409, "This link is of another account: nothing was ended."),
    "cancelled": Reason(409, "The request was cancelled. Begin another one, under another key."),
    "changed-meanwhile": Reason(409, "Somebody saved other details since they were read."),
    "deletion-ordered": Reason(409, "The data is being deleted, and that cannot be taken back."),
    "ended": Reason(409, "The link has ended. Begin another request, under another key."),
    "full": Reason(409, "The request has as many accounts as it may have. Begin another one."),
    "key-used": Reason(409, "This key began a request that says something else. Use another key."),
    "linked": Reason(409, "The account is linked. Pause the link or end it instead."),
    "not-linked": Reason(409, "The request is not linked (yet): there is no link. It can be cancelled."),
    "not-sent-again": Reason(
        409, "The last mail was sent just now, enough were sent, or the invitation was withdrawn."
    ),
    "nothing-to-deploy": Reason(409, "The account is not known yet, or the request is over."),
    "nothing-to-look-for": Reason(409, "staxpipe neither listens for a role nor waits for reports."),
    "too-late": Reason(409, "The details cannot be changed any more: it is over, or reports were found already."),
    "too-many-colleagues": Reason(409, "More colleagues than may be invited to one request."),
    "too-large": Reason(413, "What was sent is larger than 64 KiB, and was not read."),
    "invalid": Reason(422, "Something that was sent is not as it must be: see `errors`."),
    "too-often": Reason(429, "That was done too often."),
    "mistake-of-ours": Reason(
        500, "Something went wrong on our side; nothing you did caused this. Try again in a minute."
    ),
    "no-database": Reason(
        503, "The database does not answer: staxpipe is starting or being repaired. Try again in a minute."
    ),
}

ALWAYS = ("token-missing", "token-invalid", "invalid", "too-often", "mistake-of-ours", "no-database")
"""What any operation that wants a token may answer."""

SENT = ("unreadable", "too-large")
"""What any operation that something is sent to may answer, too."""


def usual(status: int) -> str:
    """The code of a status that nothing more is known of: the first that goes with it."""
    known = {reason.status for reason in CODES.values()}
    there = status if status in known else 500 if status >= 500 else 409
    return next(code for code, reason in CODES.items() if reason.status == there)
