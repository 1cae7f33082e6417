"""The check of an account's organisation: whether its accounts have names. Pure: from what the last reading came to.

It is the one check that no look makes: an organisation is read once a day (`staxpipe.organization`).
"""

from __future__ import annotations

from staxpipe.aws.switches import ORGANIZATIONS
from staxpipe.doctor.findings import Check, State
from staxpipe.organization.due import LastReading, Outcome

CODE = "organization"
_TITLE = "Names of accounts"


def organization_check(reading: LastReading) -> Check:
    """What the doctor says of a reading. To read no organisation is a choice, so nothing of it is to be mended."""
    match reading.outcome:
        case Outcome.FAILED:
            return Check(CODE, _TITLE, State.UNKNOWN, reading.words, "It is tried again within hours.")
        case Outcome.NOT_GRANTED:
            return Check(
                CODE,
                _TITLE,
                State.HOLDS,
                f"They are not read, by choice. {reading.words}",
                f"{ORGANIZATIONS.turned_on} is a parameter of the role's stack: CloudFormation → Stacks → the stack → "
                "Update. It is noticed within a week, or at once by `staxpipe accounts --now`.",
            )
        case _:
            return Check(CODE, _TITLE, State.HOLDS, reading.words)
