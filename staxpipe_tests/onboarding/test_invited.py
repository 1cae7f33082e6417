"""How an invitation's state is said, and who may do what about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from staxpipe.db.invites import MOST_MAILS, SHORTEST_PAUSE, Invite
from staxpipe.db.outbox import Fate
from staxpipe.onboarding.invited import standing, why_not_again
from staxpipe_tests.onboarding.ledger import NOW

WEEK = timedelta(days=7)
INVITE = Invite("i", "r", "alan@example.com", "", "Grace", NOW, NOW + WEEK, None, None, 1, NOW, "grace@example.com")


@pytest.mark.parametrize(
    ("invite", "mail", "words"),
    [
        (INVITE, None, "Not sent yet"),
        (INVITE, Fate.WAITING, "Not sent yet"),
        (INVITE, Fate.SENT, "Sent, not opened yet"),
        (INVITE, Fate.GIVEN_UP, "Could not be delivered"),
        (replace(INVITE, first_used_at=NOW), Fate.SENT, "Opened"),
        (replace(INVITE, expires_at=NOW), Fate.SENT, "Expired"),
        (replace(INVITE, expires_at=NOW, first_used_at=NOW), Fate.SENT, "Opened, then expired"),
        (replace(INVITE, withdrawn_at=NOW), Fate.SENT, "Withdrawn"),
        (replace(INVITE, withdrawn_at=NOW, expires_at=NOW, first_used_at=NOW), Fate.SENT, "Withdrawn"),
    ],
)
def test_every_state_has_its_words(invite: Invite, mail: Fate | None, words: str) -> None:
    assert standing(invite, mail, NOW, "operator", True, None).words == words


@pytest.mark.parametrize(
    ("actor", "may"),
    [("operator", True), ("grace@example.com", True), ("alan@example.com", True), ("eve@example.com", False)],
)
def test_nobody_locks_a_colleague_out(actor: str, may: bool) -> None:
    assert standing(INVITE, Fate.SENT, NOW, actor, actor == "operator", None).may_withdraw is may
    assert not standing(
        replace(INVITE, withdrawn_at=NOW), Fate.SENT, NOW, actor, actor == "operator", None
    ).may_withdraw


def test_what_has_ended_has_no_address() -> None:
    assert standing(INVITE, None, NOW, "operator", True, "https://x/invite/t").url == "https://x/invite/t"
    for ended in (replace(INVITE, expires_at=NOW), replace(INVITE, withdrawn_at=NOW)):
        assert standing(ended, None, NOW, "operator", True, "https://x/invite/t").url is None


def test_an_expired_one_may_be_sent_again_and_a_withdrawn_one_not() -> None:
    assert standing(replace(INVITE, expires_at=NOW), Fate.SENT, NOW, "operator", True, None).may_send_again
    assert not standing(replace(INVITE, withdrawn_at=NOW), Fate.SENT, NOW, "operator", True, None).may_send_again
    assert not standing(replace(INVITE, mails=MOST_MAILS), Fate.SENT, NOW, "operator", True, None).may_send_again


def test_why_it_is_not_sent_again_says_what_to_do() -> None:
    assert "Wait 10 minutes" in why_not_again(INVITE, NOW)
    assert "Wait a minute" in why_not_again(INVITE, NOW + SHORTEST_PAUSE - timedelta(seconds=5))
    assert "that is enough" in why_not_again(replace(INVITE, mails=MOST_MAILS), NOW)
    assert "Invite the address anew" in why_not_again(replace(INVITE, withdrawn_at=NOW), NOW)
