"""How an invitation stands, in words: pure functions that the page of invitations shows, and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from staxpipe.db.invites import MOST_MAILS, SHORTEST_PAUSE, Invite
from staxpipe.db.outbox import Fate


class InvitationState(StrEnum):
    """What became of an invitation."""

    WAITING = "waiting"  # for its mail to be sent
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    OPENED = "opened"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


_WORDS = {
    InvitationState.WAITING: ("Not sent yet", "wait"),
    InvitationState.SENT: ("Sent, not opened yet", "wait"),
    InvitationState.UNDELIVERABLE: ("Could not be delivered", "bad"),
    InvitationState.OPENED: ("Opened", "good"),
    InvitationState.EXPIRED: ("Expired", "warn"),
    InvitationState.WITHDRAWN: ("Withdrawn", ""),
}


@dataclass(frozen=True)
class Standing:
    """One invitation's state, and what may be done about it. `url` is for those who may hand it on themselves."""

    invite: Invite
    state: InvitationState
    words: str
    tone: str
    is_open: bool
    may_send_again: bool
    may_withdraw: bool
    url: str | None = None


def standing(invite: Invite, mail: Fate | None, now: datetime, actor: str, operator: bool, url: str | None) -> Standing:
    """Say how an invitation stands to `actor`; `mail` is what became of the last mail about it."""
    state = _state(invite, mail, now)
    words, tone = _WORDS[state]
    if state is InvitationState.EXPIRED and invite.first_used_at is not None:
        words = "Opened, then expired"
    is_open = invite.is_open(now)
    may_send_again = invite.withdrawn_at is None and invite.mails < MOST_MAILS
    withdrawable = is_open and may_withdraw(actor, operator, invite)
    return Standing(invite, state, words, tone, is_open, may_send_again, withdrawable, url if is_open else None)


def may_withdraw(actor: str, operator: bool, invite: Invite) -> bool:
    """An operator may, whoever invited, and the invited person: nobody else locks a colleague out."""
    return operator or actor in {invite.inviter, invite.email}


def why_not_again(invite: Invite, now: datetime) -> str:
    """Why an invitation is not sent another time."""
    if invite.withdrawn_at is not None:
        return f"The invitation of {invite.email} was withdrawn. Invite the address anew, above."
    if invite.mails >= MOST_MAILS:
        return f"{invite.email} got {invite.mails} mails about this request already; that is enough."
    minutes = max(round((invite.mailed_at + SHORTEST_PAUSE - now).total_seconds() / 60), 1)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"The last mail to {invite.email} was sent just now. Wait {wait}, and look into the spam folder meanwhile."


def _state(invite: Invite, mail: Fate | None, now: datetime) -> InvitationState:
    if invite.withdrawn_at is not None:
        return InvitationState.WITHDRAWN
    if not invite.is_open(now):
        return InvitationState.EXPIRED
    if invite.first_used_at is not None:
        return InvitationState.OPENED
    return {Fate.GIVEN_UP: InvitationState.UNDELIVERABLE, Fate.SENT: InvitationState.SENT}.get(
        mail or Fate.WAITING, InvitationState.WAITING
    )
