"""A request's life: each change from the states that allow it, once."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from staxpipe.db import link_requests, links, probes
from staxpipe.db.link_requests import Details
from staxpipe.model import RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe_tests.db.asked import DETAILS, LIFETIME, MINUTE, NOW, begun, in_state, listening, reread


def test_a_new_request_is_a_draft_with_names_of_our_own_making(engine: Engine) -> None:
    with engine.begin() as connection:
        first, second = begun(connection), begun(connection)
        assert reread(connection, first) == first
    assert first.state is RequestState.DRAFT
    assert first.expires_at == NOW + LIFETIME
    assert not first.complete
    assert first.role_arn is None
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", first.id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first.external_id)
    assert re.fullmatch(r"staxpipe-link-[a-z0-9]{12}", first.role_name)
    assert len({first.id, second.id, first.external_id, second.external_id, first.role_name, second.role_name}) == 6


def test_a_double_click_begins_one_request(engine: Engine) -> None:
    with engine.begin() as connection:
        request = begun(connection)
        assert not link_requests.begin_once(connection, request.id, "eve@example.com", NOW + MINUTE, LIFETIME)
        assert reread(connection, request) == request
        assert link_requests.begin_once(connection, "another", "ada@example.com", NOW, LIFETIME)


def test_an_unknown_id_is_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        assert link_requests.get(connection, "nobody") is None
        assert not link_requests.cancel(connection, "nobody", NOW)


def test_details_make_it_listen_at_once(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection, NOW + MINUTE)
    assert request.state is RequestState.LISTENING
    assert (request.account_id, request.bucket, request.prefix) == ("012345678901", "acme-billing", "cur/reports")
    assert request.role_arn == f"arn:aws:iam::012345678901:role/{request.role_name}"
    assert request.next_probe_at == NOW + MINUTE
    assert request.expires_at == NOW + MINUTE + LIFETIME
    assert request.contact == "ada@example.com"


def test_new_details_forget_what_the_old_ones_met(engine: Engine) -> None:
    corrected = Details(DETAILS.account_id, "other-bucket", "", "us-east-1", contact="grace@example.com")
    with engine.begin() as connection:
        request = listening(connection)
        probes.record_probe(connection, request.id, "no-role", "Not there yet.", NOW + 9 * MINUTE, 3)
        assert link_requests.save_details(connection, request.id, corrected, NOW + MINUTE, LIFETIME)
        changed = reread(connection, request)
    assert (changed.bucket, changed.prefix, changed.contact) == ("other-bucket", "", "grace@example.com")
    assert (changed.verdict, changed.verdict_detail, changed.probe_attempts) == (None, None, 0)
    assert changed.next_probe_at == NOW + MINUTE
    assert (changed.external_id, changed.role_name) == (request.external_id, request.role_name)


@pytest.mark.parametrize("state", [RequestState.LINKED, RequestState.EXPIRED, RequestState.CANCELLED])
def test_details_of_a_finished_request_stay(engine: Engine, state: RequestState) -> None:
    with engine.begin() as connection:
        request = in_state(connection, state)
        other = Details(DETAILS.account_id, "other-bucket", "", "us-east-1")
        assert not link_requests.save_details(connection, request.id, other, NOW + MINUTE, LIFETIME)
        assert reread(connection, request) == request


def test_a_refused_request_may_be_corrected(engine: Engine) -> None:
    with engine.begin() as connection:
        request = in_state(connection, RequestState.REFUSED)
        assert link_requests.save_details(connection, request.id, DETAILS, NOW + MINUTE, LIFETIME)
        assert reread(connection, request).state is RequestState.LISTENING


def test_what_nobody_finishes_expires_and_can_be_taken_up_again(engine: Engine) -> None:
    after = NOW + LIFETIME
    with engine.begin() as connection:
        waiting, draft = listening(connection), begun(connection)
        young, linked = listening(connection, NOW + MINUTE), in_state(connection, RequestState.LINKED)
        assert probes.due(connection, after, 10) == [young]  # overdue ones are not probed any more
        expired = link_requests.expire_overdue(connection, after)
        assert {request.id for request in expired} == {waiting.id, draft.id}
        assert {request.state for request in expired} == {RequestState.EXPIRED}
        assert link_requests.expire_overdue(connection, after) == []
        assert reread(connection, linked).state is RequestState.LINKED

        assert link_requests.resume(connection, waiting.id, after, LIFETIME)
        assert link_requests.resume(connection, draft.id, after, LIFETIME)
        assert reread(connection, waiting).state is RequestState.LISTENING
        assert reread(connection, waiting).external_id == waiting.external_id
        assert reread(connection, draft).state is RequestState.DRAFT
        assert link_requests.expire_overdue(connection, after) == []


def test_cancelling_is_for_good_and_not_for_what_is_linked(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection)
        assert link_requests.cancel(connection, request.id, NOW)
        assert not link_requests.cancel(connection, request.id, NOW)
        assert not link_requests.resume(connection, request.id, NOW, LIFETIME)
        assert reread(connection, request).state is RequestState.CANCELLED
        assert not link_requests.cancel(connection, in_state(connection, RequestState.LINKED).id, NOW)


def test_the_newest_request_comes_first(engine: Engine) -> None:
    with engine.begin() as connection:
        old, new = begun(connection, NOW), begun(connection, NOW + MINUTE)
        assert [request.id for request in link_requests.newest(connection, 10)] == [new.id, old.id]
        assert [request.id for request in link_requests.newest(connection, 1)] == [new.id]


def test_the_database_itself_refuses_an_account_id_in_other_digits(engine: Engine) -> None:
    with engine.connect() as connection:
        request = begun(connection)
        odd = Details("١٢٣٤٥٦٧٨٩٠١٢", "acme-billing", "", "eu-west-1")  # type: ignore[arg-type]  # the case under test
        with pytest.raises(IntegrityError):
            link_requests.save_details(connection, request.id, odd, NOW, LIFETIME)


def test_another_account_gets_another_external_id_and_role(engine: Engine) -> None:
    other = Details(parse_account_id("210987654321"), DETAILS.bucket, DETAILS.prefix, "us-east-2")
    with engine.begin() as connection:
        request = listening(connection)
        assert link_requests.save_details(connection, request.id, other, NOW + MINUTE, LIFETIME)
        changed = reread(connection, request)
    assert changed.account_id == other.account_id
    assert changed.stack_region == "us-east-2"
    assert changed.external_id != request.external_id
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", changed.external_id)
    assert changed.role_name != request.role_name
    assert re.fullmatch(r"staxpipe-link-[a-z0-9]{12}", changed.role_name)


def test_the_first_account_keeps_what_was_made_for_it(engine: Engine) -> None:
    with engine.begin() as connection:
        draft = begun(connection)
        link_requests.save_details(connection, draft.id, DETAILS, NOW, LIFETIME)
        saved = reread(connection, draft)
    assert (saved.external_id, saved.role_name) == (draft.external_id, draft.role_name)
    assert saved.stack_region == DETAILS.region


def test_a_stack_stays_where_it_is_when_the_bucket_is_elsewhere(engine: Engine) -> None:
    corrected = Details(DETAILS.account_id, DETAILS.bucket, DETAILS.prefix, "us-east-1")
    with engine.begin() as connection:
        request = listening(connection)
        link_requests.save_details(connection, request.id, corrected, NOW + MINUTE, LIFETIME)
        changed = reread(connection, request)
    assert (changed.region, changed.stack_region) == ("us-east-1", "eu-west-1")


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.LINKED])
def test_only_a_linked_request_is_corrected_and_its_account_stays(engine: Engine, state: RequestState) -> None:
    other = Details(DETAILS.account_id, "other-bucket", "", "us-east-1", "grace@example.com")
    elsewhere = Details(parse_account_id("210987654321"), "other-bucket", "", "us-east-1")
    with engine.begin() as connection:
        assert not link_requests.correct(connection, in_state(connection, state).id, other, NOW)
        linked = in_state(connection, RequestState.LINKED)
        assert not link_requests.correct(connection, linked.id, elsewhere, NOW)
        assert link_requests.correct(connection, linked.id, other, NOW + MINUTE)
        changed = reread(connection, linked)
    assert (changed.bucket, changed.prefix, changed.region) == ("other-bucket", "", "us-east-1")
    assert (changed.state, changed.external_id, changed.role_name, changed.contact) == (
        RequestState.LINKED,
        linked.external_id,
        linked.role_name,
        "grace@example.com",
    )


def test_accounts_asked_for_together_know_each_other(engine: Engine) -> None:
    with engine.begin() as connection:
        first, alone = begun(connection), begun(connection)
        second, third = "b" * 22, "c" * 22
        for number, name in enumerate((second, third), start=1):
            link_requests.begin_once(connection, name, "ada@example.com", NOW + number * MINUTE, LIFETIME, first.id)
        group = link_requests.of_group(connection, first)
        assert [request.id for request in group] == [first.id, second, third]
        assert link_requests.of_group(connection, group[2]) == group
        assert {request.first_id for request in group} == {first.id}
        assert link_requests.of_group(connection, alone) == [alone]
        for request in group:
            ids = sorted(row.id for row in connection.execute(link_requests.group_ids(request.id)))
            assert ids == sorted([first.id, second, third])


def test_the_link_that_is_corrected_is_no_other_that_reads_the_same(engine: Engine) -> None:
    with engine.begin() as connection:
        request = in_state(connection, RequestState.LINKED)
        links.create(
            connection,
            request_id=request.id,
            account_id=DETAILS.account_id,
            role_arn=str(request.role_arn),
            external_id=request.external_id,
            bucket=DETAILS.bucket,
            prefix=DETAILS.prefix,
            region=DETAILS.region,
            contact="ada@example.com",
            now=NOW,
        )
        assert link_requests.already_linked(connection, DETAILS)
        assert not link_requests.already_linked(connection, DETAILS, except_request=request.id)


def test_a_stop_is_not_gone_around_by_another_request(engine: Engine) -> None:
    with engine.begin() as connection:
        request = in_state(connection, RequestState.LINKED)
        link = links.create(
            connection,
            request_id=request.id,
            account_id=DETAILS.account_id,
            role_arn=str(request.role_arn),
            external_id=request.external_id,
            bucket=DETAILS.bucket,
            prefix=DETAILS.prefix,
            region=DETAILS.region,
            contact="ada@example.com",
            now=NOW,
        )
        assert links.stop(connection, link.id, "operator", "Stopped.", NOW)
        assert link_requests.already_linked(connection, DETAILS)
        assert links.end(connection, link.id)
        assert not link_requests.already_linked(connection, DETAILS)
