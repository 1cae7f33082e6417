"""What a form comes to when somebody else may have saved meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.model import RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding.corrections import Saving, decide, differences, stack_is_outdated, version
from staxpipe_tests.onboarding.test_status import REQUEST

MINE = Details(parse_account_id("123456789012"), "acme-billing", "", "eu-west-1", "ada@example.com")
OTHER = replace(MINE, bucket="other-bucket")
LISTENING = replace(REQUEST, state=RequestState.LISTENING)
DRAFT = replace(REQUEST, state=RequestState.DRAFT, account_id=None, bucket=None, region=None, requested_by="operator")


def saving(request: LinkRequest, written: Details, seen: str, *, correctable: bool = False) -> Saving:
    return decide(request, written, seen, correctable=correctable)


def test_what_is_written_into_an_unchanged_request_is_saved() -> None:
    assert saving(DRAFT, MINE, version(DRAFT)) is Saving.SAVE
    assert saving(LISTENING, OTHER, version(LISTENING)) is Saving.SAVE
    assert saving(LISTENING, OTHER, "") is Saving.SAVE  # a program that saw no form


def test_a_double_click_does_nothing() -> None:
    assert saving(LISTENING, MINE, version(DRAFT)) is Saving.NOTHING
    assert saving(LISTENING, replace(MINE, contact=None), version(DRAFT)) is Saving.NOTHING


def test_the_second_of_two_is_asked_where_they_differ() -> None:
    assert saving(LISTENING, OTHER, version(DRAFT)) is Saving.ASK
    assert saving(LISTENING, OTHER, version(replace(LISTENING, prefix="old"))) is Saving.ASK
    assert saving(LISTENING, MINE, version(replace(LISTENING, prefix="old"))) is Saving.NOTHING


def test_a_refused_role_is_looked_at_again_with_the_same_answers() -> None:
    refused = replace(REQUEST, state=RequestState.REFUSED)
    assert saving(refused, MINE, version(refused)) is Saving.SAVE


@pytest.mark.parametrize("state", [RequestState.LINKED, RequestState.EXPIRED, RequestState.CANCELLED])
def test_a_finished_request_stays(state: RequestState) -> None:
    finished = replace(REQUEST, state=state)
    assert saving(finished, OTHER, version(DRAFT)) is Saving.TOO_LATE
    assert saving(finished, MINE, version(DRAFT)) is Saving.NOTHING


def test_a_link_that_found_nothing_is_corrected() -> None:
    assert saving(REQUEST, OTHER, version(REQUEST), correctable=True) is Saving.CORRECT
    assert saving(REQUEST, OTHER, version(DRAFT), correctable=True) is Saving.ASK
    assert saving(replace(REQUEST, state=RequestState.EXPIRED), OTHER, "", correctable=True) is Saving.TOO_LATE


def test_differences_name_both_sides() -> None:
    written = replace(OTHER, prefix="cur", contact=None)
    assert [(found.name, found.saved, found.written) for found in differences(LISTENING, written)] == [
        ("Bucket", "acme-billing", "other-bucket"),
        ("Prefix", "", "cur"),
    ]


@pytest.mark.parametrize("answer", ["account_id", "bucket", "prefix", "region", "requested_by"])
def test_every_answer_makes_another_version(answer: str) -> None:
    changed = replace(LISTENING, **{answer: "210987654321" if answer == "account_id" else "x@y"})  # type: ignore[arg-type]
    assert version(changed) != version(LISTENING) != version(DRAFT)
    assert version(replace(LISTENING, probe_attempts=9, verdict="unknown")) == version(LISTENING)


def test_a_stack_is_outdated_by_what_its_role_reads() -> None:
    assert stack_is_outdated(LISTENING, OTHER)
    assert stack_is_outdated(LISTENING, replace(MINE, prefix="cur"))
    assert not stack_is_outdated(LISTENING, replace(MINE, region="us-east-1", contact="grace@example.com"))
    assert not stack_is_outdated(LISTENING, replace(OTHER, account_id=parse_account_id("210987654321")))
    assert not stack_is_outdated(DRAFT, MINE)
