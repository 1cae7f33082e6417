"""When an organisation is read, and what the last reading came to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from staxpipe.errors import NotGrantedError, StaxpipeError
from staxpipe.organization.members import Answer, ManagedElsewhere, NoOrganization, Organization


class Outcome(StrEnum):
    """What a reading came to."""

    READ = "read"
    MANAGED_ELSEWHERE = "managed-elsewhere"
    NO_ORGANIZATION = "no-organization"
    NOT_GRANTED = "not-granted"
    FAILED = "failed"


AGAIN_AFTER = {
    Outcome.READ: timedelta(hours=20),  # less than a day, so that a daily reading is not missed by minutes
    Outcome.FAILED: timedelta(hours=1),
    # What is refused is not asked for every day: each refusal is a line in the account's CloudTrail.
    Outcome.MANAGED_ELSEWHERE: timedelta(days=7),
    Outcome.NO_ORGANIZATION: timedelta(days=7),
    Outcome.NOT_GRANTED: timedelta(days=7),
}


@dataclass(frozen=True)
class LastReading:
    """The last reading of an account's organisation: when, what it came to, in words, and how many accounts."""

    at: datetime
    outcome: Outcome
    words: str
    accounts: int = 0


def is_due(last: LastReading | None, now: datetime, linked_at: datetime) -> bool:
    """Whether an account's organisation is to be read now; `linked_at` is when its newest link was made.

    What was not told before that may be told by the new link's role.
    """
    if last is None or (last.outcome is not Outcome.READ and linked_at > last.at):
        return True
    return now - last.at >= AGAIN_AFTER[last.outcome]


def reading_of(account: str, answer: Answer | StaxpipeError, now: datetime) -> LastReading:
    """What is kept of a reading beside the accounts themselves."""
    match answer:
        case Organization():
            count = len(answer.members)
            said = f"Names, units and tags of {count:,} {'account' if count == 1 else 'accounts'} are known."
            return LastReading(now, Outcome.READ, f"{said} {answer.untagged}".strip(), count)
        case ManagedElsewhere():
            return LastReading(
                now,
                Outcome.MANAGED_ELSEWHERE,
                f"Account {account} is a member of an organisation. AWS names its accounts to the one that manages it "
                f"alone, {answer.management_account}: link that one for their names.",
            )
        case NoOrganization():
            return LastReading(now, Outcome.NO_ORGANIZATION, f"Account {account} is in no organisation.")
        case NotGrantedError():
            return LastReading(now, Outcome.NOT_GRANTED, str(answer))
        case _:
            return LastReading(now, Outcome.FAILED, str(answer))
