"""What asking for members comes to, beside what was asked for before: begun, taken up again, corrected, refused. Pure.

One StackSet has one bucket's name, one prefix and one ExternalId's beginning for all its roles. What that forbids is
said here; how the form is read is `member_forms`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking.members_stack import is_of_member
from staxpipe.model import RequestState
from staxpipe.onboarding.corrections import EDITABLE, differences, stack_is_outdated
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.member_forms import MOST_MEMBERS, Members

_ENDED_BY_ITSELF = frozenset({RequestState.EXPIRED, RequestState.REFUSED})


@dataclass(frozen=True)
class Plan:
    """Accounts that are asked for the first time, requests that listen again, and those that get other answers."""

    begun: tuple[str, ...]
    taken_up: tuple[LinkRequest, ...]
    corrected: tuple[LinkRequest, ...]


def plan(asked: Members, group: Sequence[LinkRequest], empty: Collection[str], over: Collection[str]) -> Plan | Errors:
    """What is to be done, or why it cannot be.

    Args:
        asked: what the form says.
        group: all requests that are asked for together.
        empty: of those that are linked, the ids of those in whose bucket nothing was found so far.
        over: the ids of those whose link has ended.
    """
    members = {str(other.account_id): other for other in group if is_of_member(other)}
    again = [members[account] for account in asked.accounts if account in members]
    if wrong := _wrong_accounts(asked, group, again, over):
        return Errors({"accounts": wrong})
    linked = [each for each in members.values() if each.state is RequestState.LINKED and each.id not in over]
    if wrong := _wrong_bucket(asked, [each for each in linked if each.id not in empty]):
        return Errors({"bucket": wrong})
    taken_up = [each for each in again if each.state in _ENDED_BY_ITSELF]
    open_ = [each for each in members.values() if each.state in EDITABLE or each in taken_up]
    open_ += [each for each in linked if each.id in empty]
    return Plan(
        begun=tuple(account for account in asked.accounts if account not in members),
        taken_up=tuple(taken_up),
        corrected=tuple(each for each in open_ if differences(each, asked.details(str(each.account_id)))),
    )


def _wrong_accounts(
    asked: Members, group: Sequence[LinkRequest], again: Sequence[LinkRequest], over: Collection[str]
) -> str:
    if len({str(other.account_id) for other in group} | set(asked.accounts)) > MOST_MEMBERS:
        return f"A request has at most {MOST_MEMBERS} accounts. Whoever runs staxpipe can begin another one."
    own = [each for each in group if not is_of_member(each) and each.state is not RequestState.CANCELLED]
    if taken := [each for each in own if each.account_id in asked.accounts]:
        return f"{_accounts(taken)} is in this request with a role of its own already. Leave it out."
    if spent := [each for each in again if each.state is RequestState.CANCELLED or each.id in over]:
        return (
            f"{_accounts(spent)} was asked for here before, and then cancelled or unlinked. No ExternalId is used "
            "twice, so the role of this StackSet is of no more use. Leave it out, and link it like any other account."
        )
    return ""


def _wrong_bucket(asked: Members, read: Sequence[LinkRequest]) -> str:
    """Updating the StackSet would take these roles off the buckets that are read by them."""
    moved = [each for each in read if stack_is_outdated(each, asked.details(str(each.account_id)))]
    if not moved:
        return ""
    return (
        f"Reports of {moved[0].account_id} were found in {moved[0].bucket}{'/' if moved[0].prefix else ''}"
        f"{moved[0].prefix}. One StackSet has one name and one prefix for all its buckets, so here both stay. Members "
        "whose buckets are named in another way need another request, which whoever runs staxpipe can begin."
    )


def _accounts(requests: Sequence[LinkRequest]) -> str:
    return ", ".join(str(each.account_id) for each in requests)
