"""The rule, one line of it a test, and what must hold for whatever exports there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.model import ExportKind
from staxpipe.warehouse.source_rule import (
    IN_WORDS,
    Candidate,
    Chosen,
    Elected,
    Owner,
    Reason,
    elect,
    newer_rival,
    owner_of,
    ranked,
)

DAY = timedelta(days=1)
NOW = datetime(2026, 10, 20, tzinfo=UTC)
PAYER, ANN, BEN = "111111111111", "222222222222", "333333333333"
USD_100 = {"USD": Decimal(100)}

FIRST = Candidate(1, True, Owner.PAYER, ExportKind.LEGACY_CUR, NOW, False, USD_100, frozenset({PAYER, ANN}))
SECOND = replace(FIRST, export_id=2)


def both_ways(one: Candidate, other: Candidate) -> Elected:
    elected = elect([one, other])
    assert elect([other, one]) == elected
    return elected


@pytest.mark.parametrize(
    ("loser", "winner", "reason"),
    [
        (FIRST, replace(SECOND, chosen=Chosen.FOR_EVERY_MONTH), Reason.CHOSEN_FOR_EVERY_MONTH),
        (replace(FIRST, chosen=Chosen.FOR_EVERY_MONTH), replace(SECOND, chosen=Chosen.FOR_THE_MONTH), Reason.CHOSEN),
        (replace(FIRST, linked=False), replace(SECOND, owner=Owner.MEMBER), Reason.LINK),
        (replace(FIRST, owner=Owner.MEMBER), replace(SECOND, owner=Owner.UNKNOWN), Reason.OWNER),
        (replace(FIRST, owner=Owner.UNKNOWN), replace(SECOND, kind=ExportKind.FOCUS_1_0), Reason.OWNER),
        (replace(FIRST, kind=ExportKind.CUR_2_0), SECOND, Reason.KIND),
        (replace(FIRST, kind=ExportKind.FOCUS_1_2), replace(SECOND, kind=ExportKind.CUR_2_0), Reason.KIND),
        (replace(FIRST, kind=ExportKind.FOCUS_1_0), replace(SECOND, kind=ExportKind.FOCUS_1_2), Reason.KIND),
        (replace(FIRST, kind=ExportKind.DATA_EXPORT), replace(SECOND, kind=ExportKind.FOCUS_1_0), Reason.KIND),
        (SECOND, FIRST, Reason.FIRST_SEEN),
    ],
)
def test_what_comes_first(loser: Candidate, winner: Candidate, reason: Reason) -> None:
    assert both_ways(loser, winner) == Elected(winner.export_id, reason)


def test_an_only_export_counts() -> None:
    assert elect([FIRST]) == Elected(1, Reason.ONLY)


def test_nothing_to_elect_from_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="nothing to elect"):
        elect([])


STALE = replace(FIRST, delivered_at=NOW - 4 * DAY)
MORE = replace(SECOND, kind=ExportKind.FOCUS_1_2, billed={"USD": Decimal("100.01")})


def test_an_export_that_fell_behind_gives_way_to_one_that_holds_more() -> None:
    assert both_ways(STALE, MORE) == Elected(2, Reason.OTHER_FELL_BEHIND)


def test_it_gives_way_to_the_same_money_where_that_is_invoiced() -> None:
    assert both_ways(STALE, replace(MORE, billed=USD_100, final=True)).reason is Reason.OTHER_FELL_BEHIND


@pytest.mark.parametrize(
    ("leading", "other"),
    [
        pytest.param(replace(FIRST, delivered_at=NOW - 3 * DAY), MORE, id="three days are not more than three"),
        pytest.param(STALE, replace(MORE, billed=USD_100), id="nothing to gain"),
        pytest.param(STALE, replace(MORE, billed={"USD": Decimal("100.004")}), id="less than half a cent more"),
        pytest.param(STALE, replace(MORE, billed={"USD": Decimal(99)}, final=True), id="a WHERE clause filters it"),
        pytest.param(STALE, replace(MORE, billed={"EUR": Decimal(999)}), id="other currencies are other money"),
        pytest.param(
            replace(STALE, billed={"USD": Decimal(100), "EUR": Decimal(1)}), MORE, id="less in one of two currencies"
        ),
        pytest.param(STALE, replace(MORE, sub_accounts=frozenset({PAYER, BEN})), id="a usage account is not in it"),
        pytest.param(STALE, replace(MORE, linked=False), id="files in the place of a link's export"),
        pytest.param(replace(STALE, final=True), MORE, id="a backfill of a closed month"),
        pytest.param(replace(STALE, chosen=Chosen.FOR_EVERY_MONTH), MORE, id="the operator chose"),
    ],
)
def test_it_does_not_give_way(leading: Candidate, other: Candidate) -> None:
    assert both_ways(leading, other).export_id == leading.export_id


def test_of_several_that_may_take_over_the_first_in_rank_does() -> None:
    newest = replace(MORE, export_id=3, kind=ExportKind.FOCUS_1_0, delivered_at=NOW + DAY)
    assert elect([STALE, newest, MORE]).export_id == MORE.export_id


def test_the_one_that_takes_over_may_have_fallen_behind_itself() -> None:
    newest = replace(MORE, export_id=3, kind=ExportKind.FOCUS_1_0, delivered_at=NOW + 4 * DAY, final=True)
    assert elect([STALE, newest, MORE]).export_id == 3


def test_a_newer_one_that_may_not_take_over_is_told() -> None:
    filtered = replace(MORE, billed={"USD": Decimal(60)})
    assert newer_rival([STALE, filtered], STALE) == filtered
    assert newer_rival([FIRST, filtered], FIRST) is None, "it is no newer"
    assert newer_rival([replace(STALE, final=True), filtered], replace(STALE, final=True)) is None, "month is closed"
    same = replace(filtered, billed=USD_100)
    assert newer_rival([STALE, same], STALE) is None, "it says the same"
    member = replace(filtered, owner=Owner.MEMBER)
    assert newer_rival([STALE, member], STALE) is None, "a member's export always holds less"
    elsewhere = replace(filtered, sub_accounts=frozenset({BEN}))
    assert newer_rival([STALE, elsewhere], STALE) is None, "it is about other usage accounts"


@pytest.mark.parametrize(
    ("owner", "sub_accounts", "expected"),
    [
        (PAYER, frozenset({ANN}), Owner.PAYER),
        (ANN, frozenset({PAYER, ANN}), Owner.MEMBER),
        (None, None, Owner.UNKNOWN),
        (None, frozenset({PAYER, ANN}), Owner.UNKNOWN),
        (None, frozenset({PAYER}), Owner.UNKNOWN),
        (None, frozenset({ANN}), Owner.MEMBER),
        (None, frozenset(), Owner.UNKNOWN),
    ],
)
def test_whose_export_it_is(owner: str | None, sub_accounts: frozenset[str] | None, expected: Owner) -> None:
    assert owner_of(PAYER, owner, sub_accounts) is expected


def test_every_reason_has_words() -> None:
    assert set(IN_WORDS) == set(Reason)


amounts = st.decimals(min_value=-50, max_value=150, places=3)


@st.composite
def months(draw: st.DrawFn, choices: bool = True) -> list[Candidate]:
    """Exports that hold a month, in any order; at most one is chosen in each way, as the tables allow."""
    ids = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6, unique=True))
    chosen = draw(st.permutations([*Chosen, *[Chosen.NOT] * (len(ids) - 1)])) if choices else [Chosen.NOT] * 9
    return [
        Candidate(
            export_id=export_id,
            linked=draw(st.booleans()),
            owner=draw(st.sampled_from(Owner)),
            kind=draw(st.sampled_from(ExportKind)),
            delivered_at=NOW + draw(st.integers(-12, 12)) * DAY,
            final=draw(st.booleans()),
            billed=draw(st.dictionaries(st.sampled_from(["USD", "EUR"]), amounts)),
            sub_accounts=draw(st.none() | st.frozensets(st.sampled_from([PAYER, ANN, BEN]))),
            chosen=chosen[position],
        )
        for position, export_id in enumerate(ids)
    ]


@given(months(), st.randoms(use_true_random=False))
def test_the_order_of_publishing_does_not_matter(candidates: list[Candidate], chance: Random) -> None:
    elected = elect(candidates)
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    assert elect(shuffled) == elected
    assert [candidate.export_id for candidate in candidates].count(elected.export_id) == 1


@given(months())
def test_an_operators_choice_always_wins(candidates: list[Candidate]) -> None:
    first = ranked(candidates)[0]
    elected = elect(candidates)
    if first.chosen is Chosen.NOT:
        assert elected.reason not in (Reason.CHOSEN, Reason.CHOSEN_FOR_EVERY_MONTH)
    else:
        assert elected.export_id == first.export_id
        assert elected.reason in (Reason.CHOSEN, Reason.CHOSEN_FOR_EVERY_MONTH)


@given(months(choices=False))
def test_who_takes_over_never_holds_less_and_is_newer(candidates: list[Candidate]) -> None:
    leading, elected = ranked(candidates)[0], elect(candidates)
    if elected.reason is Reason.OTHER_FELL_BEHIND:
        other = next(candidate for candidate in candidates if candidate.export_id == elected.export_id)
        assert other.delivered_at - leading.delivered_at > 3 * DAY
        for currency, amount in leading.billed.items():
            # Each step of a chain may lose what is less than half a cent.
            assert other.billed.get(currency, Decimal(0)) > amount - Decimal("0.005") * len(candidates)
    else:
        assert elected.export_id == leading.export_id


@given(months(choices=False))
def test_what_comes_later_in_rank_and_is_no_newer_changes_nothing(candidates: list[Candidate]) -> None:
    elected = elect(candidates)
    winner = next(candidate for candidate in candidates if candidate.export_id == elected.export_id)
    without = [winner, *(c for c in candidates if c.rank > winner.rank and c.delivered_at <= winner.delivered_at)]
    assert elect(without).export_id == elected.export_id
