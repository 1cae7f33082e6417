from staxpipe.db.deliveries import LedgerEntry
from staxpipe.ingest.requests import choose_requests, waits_for_another_attempt
from staxpipe.model import DeliveryState
from staxpipe_tests.ledger import a_delivery

ONE, TWO = "111111111111", "222222222222"


def entry(id_: int, account: str | None, period: str, attempts: int = 0) -> LedgerEntry:
    delivery = a_delivery(period=period, delivery_id=f"d{id_}")
    return LedgerEntry(id_, 1, "link", account, DeliveryState.DISCOVERED, attempts, None, delivery)


def test_accounts_take_turns_and_the_newest_month_comes_first() -> None:
    due = [entry(n, ONE, f"2026-{n:02d}") for n in range(1, 5)] + [entry(9, TWO, "2026-03")]
    chosen = choose_requests(due, set(), most=3)
    assert [(request.account_id, str(request.period)) for request in chosen] == [
        (ONE, "2026-04"),
        (TWO, "2026-03"),
        (ONE, "2026-03"),
    ]


def test_no_more_than_asked_for() -> None:
    due = [entry(n, f"{n:012d}", "2026-10") for n in range(120)]
    assert len(choose_requests(due, set(), most=50)) == 50


def test_what_is_being_worked_on_is_not_asked_for_again() -> None:
    due = [entry(1, ONE, "2026-10"), entry(2, ONE, "2026-09")]
    chosen = choose_requests(due, {f"{ONE}|2026-10"}, most=50)
    assert [str(request.period) for request in chosen] == ["2026-09"]


def test_several_exports_of_a_month_are_one_run() -> None:
    due = [entry(1, ONE, "2026-10"), entry(2, ONE, "2026-10")]
    [request] = choose_requests(due, set(), most=50)
    assert request.deliveries == {1: 0, 2: 0}


def test_a_key_is_never_used_twice() -> None:
    keys = {choose_requests([entry(1, ONE, "2026-10", attempts=n)], set(), 1)[0].key for n in range(3)}
    assert keys == {f"{ONE}:2026-10:d1:{n}" for n in (1, 2, 3)}


def test_files_that_a_person_loaded_are_nobodys_run() -> None:
    assert choose_requests([entry(1, None, "2026-10")], set(), 50) == []


def test_a_failed_run_is_no_news_while_its_delivery_is_asked_for_again() -> None:
    assert waits_for_another_attempt([entry(1, ONE, "2026-10", attempts=1)])
    assert not waits_for_another_attempt([entry(1, ONE, "2026-10", attempts=5)])
    assert not waits_for_another_attempt([])
