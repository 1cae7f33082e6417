"""Where a request stands, in words: one pure function that the page, its self-update and the JSON answer share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking.verdicts import IgnoresExternalId, NotYetAssumable, OperatorRefused, Unknown, WrongAccount
from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding.estimate import Estimate, remaining
from staxpipe.onboarding.outline import Outline, outline_of
from staxpipe.onboarding.progress import Progress


class Stage(StrEnum):
    """What a person sees of a request: its state and, once linked, its data's."""

    DRAFT = "draft"
    LISTENING = "listening"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    LINKED = "linked"  # nothing found yet, because nobody has looked
    EMPTY = "empty"  # looked, and found no billing reports
    LOADING = "loading"
    READY = "ready"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class Status:
    """A headline, a sentence or two, and whether it changes by itself (then the page looks again).

    `next_look` and `left` are spans of time in words; `hindered` says that it goes on, and not as it should.
    """

    stage: Stage
    headline: str
    text: str
    changes: bool = False
    next_look: str | None = None
    left: str | None = None
    hindered: bool = False

    @property
    def tone(self) -> str:
        """How it is to be taken: ``good``, ``wait``, ``warn``, ``bad``, or nothing in particular."""
        return "warn" if self.hindered else _TONES.get(self.stage, "")


_TONES = {
    Stage.LISTENING: "wait",
    Stage.LOADING: "wait",
    Stage.LINKED: "good",
    Stage.READY: "good",
    Stage.EMPTY: "warn",
    Stage.EXPIRED: "warn",
    Stage.REFUSED: "bad",
    Stage.PAUSED: "bad",
}


def describe(request: LinkRequest, progress: Progress | Outline | None, now: datetime) -> Status:
    """Say where a request stands. `progress` is that of its link, where there is one; of an outline of it, nobody can
    tell how long it takes.
    """
    if request.state is not RequestState.LINKED or progress is None:
        return _BEFORE_LINK[request.state](request, now)
    if isinstance(progress, Outline):
        return _with_link(request, progress, None)
    return _with_link(request, outline_of(progress), remaining(progress, now))


def last_look(request: LinkRequest) -> str:
    """What the last look for a role found, and how many there were, for lists; empty where nobody has looked yet, or
    the headline says it.
    """
    if request.state is not RequestState.LISTENING or request.verdict is None:
        return ""
    count = request.probe_attempts
    return f"{_FOUND.get(request.verdict, request.verdict)}, {count} {'look' if count == 1 else 'looks'}"


_FOUND = {
    NotYetAssumable.code: "no answer yet",
    IgnoresExternalId.code: "takes a wrong ExternalId or none",
    WrongAccount.code: "in another account",
    Unknown.code: "AWS could not be asked",
    OperatorRefused.code: "our own credentials are refused",
}


def _draft(request: LinkRequest, now: datetime) -> Status:  # noqa: ARG001  # one shape for all
    return Status(Stage.DRAFT, "Not complete yet", "The account's details are still missing.")


def _listening(request: LinkRequest, now: datetime) -> Status:
    waiting = request.next_probe_at - now if request.next_probe_at else timedelta()
    soon = "any moment now" if waiting <= timedelta(seconds=5) else f"in {duration(waiting)}"
    text = request.verdict_detail or "As soon as the stack is complete, staxpipe finds the role by itself."
    if request.verdict == OperatorRefused.code:
        headline = "staxpipe cannot look for your role now"
        return Status(Stage.LISTENING, headline, text, changes=True, next_look=soon, hindered=True)
    return Status(Stage.LISTENING, "Listening for your IAM role", text, changes=True, next_look=soon)


def _refused(request: LinkRequest, now: datetime) -> Status:  # noqa: ARG001
    text = request.verdict_detail or "The role is not safe to use."
    if request.verdict == WrongAccount.code:
        return Status(Stage.REFUSED, "The role is in another account", text)
    return Status(Stage.REFUSED, "The role was found and is not safe", text)


def _expired(request: LinkRequest, now: datetime) -> Status:  # noqa: ARG001
    text = "Nobody finished this request in time, so staxpipe has stopped looking for the role. Nothing is lost."
    if request.account_id is None:
        text = "Nobody said in time which account is to be linked. You can still do it."
    return Status(Stage.EXPIRED, "This request has expired", text)


def _cancelled(request: LinkRequest, now: datetime) -> Status:  # noqa: ARG001
    text = "staxpipe looks for no role any more. If you created the stack already, delete it in the AWS console."
    if request.account_id is None:
        text = "Nothing was created in AWS, so there is nothing to undo there."
    return Status(Stage.CANCELLED, "This request was cancelled", text)


def _just_linked(request: LinkRequest, now: datetime) -> Status:  # noqa: ARG001
    text = "The role is there and safe. staxpipe now looks through your bucket for billing reports."
    return Status(Stage.LINKED, "Linked", text, changes=True)


_BEFORE_LINK: dict[RequestState, Callable[[LinkRequest, datetime], Status]] = {
    RequestState.DRAFT: _draft,
    RequestState.LISTENING: _listening,
    RequestState.REFUSED: _refused,
    RequestState.EXPIRED: _expired,
    RequestState.CANCELLED: _cancelled,
    RequestState.LINKED: _just_linked,
}


def _with_link(request: LinkRequest, progress: Outline, estimate: Estimate | None) -> Status:
    if progress.link_state is LinkState.ENDED:
        text = progress.problem or "staxpipe does not read this account any more. What was loaded is kept."
        return Status(Stage.ENDED, "This link has ended", text)
    if progress.link_state is LinkState.PAUSED:
        text = progress.problem or "The role does not let staxpipe in at present."
        return Status(Stage.PAUSED, "This link is paused", text, changes=True)
    if not progress.months:
        return _without_months(progress)
    if progress.pending and not _only_updates(progress):
        left = f"{between(estimate.least, estimate.most)} left" if estimate else "too early to say how long it takes"
        told = f"A mail to {request.contact} says when it is done." if request.contact else "Come back when you like."
        text = f"You can close this page: the data loads by itself. {told}"
        return Status(Stage.LOADING, "Your data is loading", text, changes=True, left=left)
    if not progress.loaded:
        text = "None of the months found could be loaded. Each says why below."
        return Status(Stage.PAUSED, "Nothing could be loaded", text, changes=True)
    if progress.failed:
        text = "Some months could not be loaded; each says why below. All others are ready."
        return Status(Stage.READY, "Your data is ready, with gaps", text, changes=True, hindered=True)
    text = "New and corrected reports are loaded by themselves as AWS delivers them."
    return Status(Stage.READY, "Your data is ready", text, changes=True)


def _without_months(progress: Outline) -> Status:
    if progress.problem:
        return Status(Stage.EMPTY, "Linked, but there is nothing to load", progress.problem, changes=True)
    if progress.discovered_at is None:
        text = "The role is there and safe. staxpipe now looks through your bucket for billing reports."
        return Status(Stage.LINKED, "Linked", text, changes=True)
    text = (
        "There is no billing report below this prefix yet. AWS delivers the first one up to 24 hours after a report "
        "was set up; staxpipe keeps looking. If the bucket should hold some, check its name and prefix."
    )
    return Status(Stage.EMPTY, "Linked, but there is nothing to load", text, changes=True)


def _only_updates(progress: Outline) -> bool:
    """Whether all that is on its way is one month new, beside a history that is loaded: then the data is ready."""
    return progress.pending == 1 and progress.loaded > 1 and progress.newest_pending


def duration(span: timedelta) -> str:
    """A span of time as people say it: roughly."""
    seconds = max(span.total_seconds(), 0)
    for length, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "a moment"


def between(least: timedelta, most: timedelta) -> str:
    """A span of time of which only the bounds are known, as people say it: never narrower than it is."""
    if most < timedelta(minutes=1):
        return "less than a minute"
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
    length, name = next((unit for unit in units if most.total_seconds() >= 2 * unit[0]), units[-1])
    low = int(least.total_seconds() // length)
    high = max(math.ceil(most.total_seconds() / length), low + 1)
    words = f"{high} {name}" if high == 1 else f"{high} {name}s"
    if low >= 1:
        return f"between {low} and {words}"
    if least < timedelta(minutes=1):
        return f"at most {words}"
    return f"between {duration(timedelta(minutes=int(least.total_seconds() // 60)))} and {words}"
