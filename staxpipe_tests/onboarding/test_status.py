"""Which words a state gets, and whether the page should look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking.verdicts import Safe, Verdict
from staxpipe.model import BillingPeriod, DeliveryState, LinkState, RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding.progress import Month, Progress
from staxpipe.onboarding.status import Stage, Status, between, describe, duration, last_look

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
REQUEST = LinkRequest(
    id="r",
    state=RequestState.LINKED,
    requested_by="ada@example.com",
    account_id=parse_account_id("123456789012"),
    bucket="acme-billing",
    prefix="",
    region="eu-west-1",
    external_id="x" * 43,
    role_name="staxpipe-link-abc",
    probe_attempts=1,
    next_probe_at=None,
    verdict=None,
    verdict_detail=None,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW,
)
EMPTY = Progress(LinkState.ACTIVE, None, NOW, NOW, (), ())


def month(number: int, state: DeliveryState) -> Month:
    return Month(
        period=BillingPeriod(2026, number),
        export="cur",
        state=state,
        bytes=100,
        rows=1,
        attempts=0,
        error="Why." if state is DeliveryState.FAILED else None,
        provisional=False,
        reconciled=True,
        discovered_at=NOW - timedelta(minutes=4),
        loaded_at=NOW if state is DeliveryState.LOADED else None,
    )


def status(*states: DeliveryState, **changes: object) -> Status:
    months = tuple(month(10 - index, state) for index, state in enumerate(states))
    return describe(REQUEST, replace(EMPTY, months=months, **changes), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(RequestState))
def test_every_state_of_a_request_has_words(state: RequestState) -> None:
    described = describe(replace(REQUEST, state=state), None, NOW)
    assert described.headline
    assert described.text.endswith((".", "!"))
    assert described.changes is (state in {RequestState.LISTENING, RequestState.LINKED})


def test_listening_says_the_verdict_and_when_it_looks_again() -> None:
    request = replace(
        REQUEST, state=RequestState.LISTENING, verdict_detail="Not yet.", next_probe_at=NOW + timedelta(minutes=2)
    )
    described = describe(request, None, NOW)
    assert (described.stage, described.text, described.next_look) == (Stage.LISTENING, "Not yet.", "in 2 minutes")
    assert describe(replace(request, next_probe_at=NOW), None, NOW).next_look == "any moment now"


def test_a_request_that_staxpipe_cannot_look_for_does_not_claim_to_listen() -> None:
    request = replace(REQUEST, state=RequestState.LISTENING, verdict="not-yet-assumable")
    waiting = describe(request, None, NOW)
    assert (waiting.headline, waiting.tone) == ("Listening for your IAM role", "wait")
    hindered = describe(replace(request, verdict="operator-refused"), None, NOW)
    assert (hindered.headline, hindered.tone) == ("staxpipe cannot look for your role now", "warn")
    assert hindered.stage is Stage.LISTENING
    assert hindered.changes


@pytest.mark.parametrize("verdict", [kind.code for kind in get_args(Verdict) if kind is not Safe])
def test_lists_say_in_words_what_the_last_look_found(verdict: str) -> None:
    request = replace(REQUEST, state=RequestState.LISTENING, verdict=verdict)
    assert last_look(request).endswith(", 1 look")
    assert not last_look(request).startswith(verdict)
    assert last_look(replace(request, probe_attempts=14)).endswith(", 14 looks")
    assert last_look(replace(request, state=RequestState.REFUSED)) == ""
    assert last_look(replace(request, verdict=None)) == ""


def test_a_role_in_another_account_is_not_called_unsafe() -> None:
    refused = replace(REQUEST, state=RequestState.REFUSED, verdict="ignores-external-id")
    assert describe(refused, None, NOW).headline == "The role was found and is not safe"
    assert describe(replace(refused, verdict="wrong-account"), None, NOW).headline == "The role is in another account"


@pytest.mark.parametrize("state", [RequestState.EXPIRED, RequestState.CANCELLED])
def test_of_a_request_without_an_account_no_role_and_no_stack_is_spoken(state: RequestState) -> None:
    request = replace(REQUEST, state=state)
    assert "role" in describe(request, None, NOW).text
    said = describe(replace(request, account_id=None), None, NOW).text
    assert "role" not in said
    assert "stack" not in said


LOADED, FAILED, WAITING = DeliveryState.LOADED, DeliveryState.FAILED, DeliveryState.DISCOVERED


@pytest.mark.parametrize(
    ("states", "stage", "words"),
    [
        ((), Stage.EMPTY, "no billing report below this prefix yet"),
        ((WAITING, LOADED), Stage.LOADING, "loads by itself"),
        ((WAITING, WAITING, LOADED), Stage.LOADING, "loads by itself"),
        ((WAITING, LOADED, LOADED), Stage.READY, "as AWS delivers them"),  # a new month, as every month
        ((LOADED, WAITING, LOADED), Stage.LOADING, "loads by itself"),
        ((LOADED, LOADED), Stage.READY, "as AWS delivers them"),
        ((LOADED, FAILED), Stage.READY, "could not be loaded; each says why"),
        ((FAILED, FAILED), Stage.PAUSED, "None of the months"),
    ],
)
def test_a_link_is_described_by_its_months(states: tuple[DeliveryState, ...], stage: Stage, words: str) -> None:
    described = status(*states)
    assert described.stage is stage
    assert words in described.text
    assert described.changes


def test_a_mail_is_promised_only_to_whom_it_goes() -> None:
    assert "A mail to ada@example.com says when it is done." in status(WAITING, LOADED).text
    progress = replace(EMPTY, months=(month(10, WAITING),))
    assert "mail" not in describe(replace(REQUEST, requested_by="operator"), progress, NOW).text


def test_an_estimate_goes_with_loading_and_says_how_sure_it_is() -> None:
    assert status(WAITING, LOADED).left == "too early to say how long it takes"
    # Two months of four in four minutes: about four more, and two are few to judge by.
    assert status(WAITING, WAITING, LOADED, LOADED).left == "between 2 and 7 minutes left"


@pytest.mark.parametrize(
    ("least", "most", "words"),
    [
        (10, 59, "less than a minute"),
        (30, 61, "at most 2 minutes"),
        (30, 60, "at most 1 minute"),
        (185, 470, "between 3 and 8 minutes"),
        (119, 121, "between 1 and 3 minutes"),
        (600, 7_100, "between 10 and 119 minutes"),
        (600, 7_201, "between 10 minutes and 3 hours"),
        (4_000, 20_000, "between 1 and 6 hours"),
        (100, 200_000, "between 1 minute and 3 days"),
        (10, 9_000, "at most 3 hours"),
    ],
)
def test_bounds_are_said_roughly_and_never_narrower(least: int, most: int, words: str) -> None:
    assert between(timedelta(seconds=least), timedelta(seconds=most)) == words


def test_before_the_first_listing_nothing_is_called_empty() -> None:
    assert status(discovered_at=None).stage is Stage.LINKED


def test_a_problem_with_the_bucket_is_said_in_its_own_words() -> None:
    described = status(problem="The bucket acme-billing does not exist.", discovered_at=None)
    assert (described.stage, described.text) == (Stage.EMPTY, "The bucket acme-billing does not exist.")


def test_a_link_that_holds_no_more_says_so_whatever_was_loaded() -> None:
    assert status(LOADED, link_state=LinkState.PAUSED, problem="Gone.").text == "Gone."
    assert status(LOADED, link_state=LinkState.PAUSED).stage is Stage.PAUSED
    assert status(LOADED, link_state=LinkState.ENDED).stage is Stage.ENDED


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "a moment"),
        (0, "a moment"),
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (200_000, "2 days"),
    ],
)
def test_durations_are_said_roughly(seconds: int, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
