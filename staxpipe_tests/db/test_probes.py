"""What probes find is heard by requests that listen, once; and fairness among those that wait."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from staxpipe.db import link_requests, probes
from staxpipe.db.link_requests import Details
from staxpipe.model import RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe_tests.db.asked import LIFETIME, MINUTE, NOW, in_state, listening, reread


def test_a_probe_is_kept_and_postpones_the_next(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection)
        assert probes.record_probe(connection, request.id, "no-role", "Not there yet.", NOW + MINUTE, 1)
        probed = reread(connection, request)
        assert probes.due(connection, NOW, 10) == []
        assert probes.due(connection, NOW + MINUTE, 10) == [probed]
    assert (probed.verdict, probed.verdict_detail, probed.probe_attempts) == ("no-role", "Not there yet.", 1)
    assert probed.updated_at == request.updated_at


def test_verdicts_about_details_that_changed_meanwhile_count_for_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        probed = listening(connection)
        other = Details(parse_account_id("999999999999"), "other-bucket", "", "us-east-1")
        assert link_requests.save_details(connection, probed.id, other, NOW + MINUTE, LIFETIME)
        seen = probed.updated_at
        assert not probes.mark_linked(connection, probed.id, NOW, unchanged_since=seen)
        assert not probes.mark_refused(connection, probed.id, "open", "Open.", NOW, unchanged_since=seen)
        assert not probes.record_probe(connection, probed.id, "no-role", "No.", NOW, 1, unchanged_since=seen)
        assert reread(connection, probed).state is RequestState.LISTENING
        assert probes.mark_linked(connection, probed.id, NOW, unchanged_since=NOW + MINUTE)


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.LISTENING])
def test_only_a_listening_request_hears_verdicts(engine: Engine, state: RequestState) -> None:
    with engine.begin() as connection:
        request = in_state(connection, state)
        assert not probes.mark_linked(connection, request.id, NOW)
        assert not probes.mark_refused(connection, request.id, "open", "Open.", NOW)
        assert not probes.record_probe(connection, request.id, "no-role", "No.", NOW, 1)
        assert not probes.probe_soon(connection, request.id, NOW)
        assert probes.due(connection, NOW, 10) == []
        assert reread(connection, request) == request


def test_it_is_linked_once(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection)
        assert probes.mark_linked(connection, request.id, NOW + MINUTE)
        assert not probes.mark_linked(connection, request.id, NOW + MINUTE)
        linked = reread(connection, request)
    assert (linked.state, linked.next_probe_at, linked.probe_attempts) == (RequestState.LINKED, None, 1)


def test_a_refusal_keeps_its_reason_and_can_be_tried_again(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection)
        assert probes.mark_refused(connection, request.id, "open-trust", "Anyone may use it.", NOW)
        refused = reread(connection, request)
        assert (refused.state, refused.verdict_detail) == (RequestState.REFUSED, "Anyone may use it.")
        assert link_requests.resume(connection, request.id, NOW + MINUTE, LIFETIME)
        resumed = reread(connection, request)
    assert (resumed.state, resumed.next_probe_at, resumed.verdict) == (RequestState.LISTENING, NOW + MINUTE, None)


def test_a_person_who_looks_need_not_wait_for_the_back_off(engine: Engine) -> None:
    with engine.begin() as connection:
        request = listening(connection)
        probes.record_probe(connection, request.id, "no-role", "Not there yet.", NOW + 60 * MINUTE, 9)
        assert probes.probe_soon(connection, request.id, NOW + MINUTE)
        assert not probes.probe_soon(connection, request.id, NOW + 2 * MINUTE)  # due already
        assert [found.id for found in probes.due(connection, NOW + MINUTE, 10)] == [request.id]


def test_due_requests_take_turns(engine: Engine) -> None:
    with engine.begin() as connection:
        ids = sorted((listening(connection).id for _ in range(5)), key=str.encode)
        order = [found.id for found in probes.due(connection, NOW, 10)]
        assert sorted(order, key=str.encode) == ids
        turn = [found.id for found in probes.due(connection, NOW, 2)]
        second = [found.id for found in probes.due(connection, NOW, 2, after=turn[-1])]
        third = [found.id for found in probes.due(connection, NOW, 2, after=second[-1])]
    assert turn + second + third == [*order, order[0]]
