"""Quick while the person waits, then rarer, and never all at once."""

from __future__ import annotations

from datetime import timedelta

from staxpipe.linking.schedule import LONGEST, QUICK_PROBES, delay

REQUESTS = [f"request-{number}" for number in range(200)]


def test_the_first_minutes_are_quick() -> None:
    for attempts in range(QUICK_PROBES):
        for request in REQUESTS[:20]:
            assert timedelta(seconds=3) <= delay(attempts, request) <= timedelta(seconds=6)
    waited = sum((delay(attempts, "one") for attempts in range(QUICK_PROBES)), timedelta())
    assert timedelta(minutes=5) <= waited <= timedelta(minutes=10)


def test_then_it_grows_to_an_hour_and_no_further() -> None:
    typical = [
        sum((delay(attempts, request) for request in REQUESTS), timedelta()) / len(REQUESTS)
        for attempts in range(QUICK_PROBES, QUICK_PROBES + 25)
    ]
    assert typical[24] > typical[12] > typical[6] > typical[0]
    assert timedelta(minutes=48) <= delay(10_000, "one") <= LONGEST
    assert all(delay(attempts, "one") <= LONGEST for attempts in range(500))


def test_requests_made_together_do_not_stay_together() -> None:
    assert len({delay(0, request) for request in REQUESTS}) == len(REQUESTS)
    late = [delay(1000, request) for request in REQUESTS]
    assert max(late) - min(late) > timedelta(minutes=8)


def test_the_same_question_has_the_same_answer() -> None:
    assert delay(7, "one") == delay(7, "one")
    assert delay(7, "one") != delay(8, "one")
