"""What `diff` says changed between two deliveries, on months whose difference is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from sqlalchemy import delete, update

from staxpipe.db.tables import deliveries, delivery_services
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod
from staxpipe.query.diff import Amounts, Diff, compare
from staxpipe.query.pair import Since
from staxpipe.query.row_changes import ColumnChange, RowChanges
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, PAYER, line_items
from staxpipe_tests.query.conftest import Loaded, publish

NOON = datetime(2018, 11, 10, 12, tzinfo=UTC)
Row = dict[str, object]


def hours(count: int, **values: object) -> list[Row]:
    """Rows that are different charges: an hour each, with values over an ordinary hour's."""
    return [
        {
            "ChargePeriodStart": OCTOBER.start + timedelta(hours=hour),
            "ChargePeriodEnd": OCTOBER.start + timedelta(hours=hour + 1),
            **values,
        }
        for hour in range(count)
    ]


@dataclass
class Deliveries:
    """Publishes deliveries of October, a day apart."""

    loaded: Loaded
    day: int = 0
    numbers: list[int] = field(default_factory=list)

    def __call__(self, rows: list[Row], export: str = "first", final: bool = False) -> int:
        self.day += 1
        name = f"id-{self.day}"

        def make(export_id: int) -> list[pa.RecordBatch]:
            return [line_items(rows, export_id=export_id, delivery=name)] if rows else []

        moment = datetime(2018, 11, self.day, 6, tzinfo=UTC)
        self.numbers.append(publish(self.loaded.engine, self.loaded.lake, export, OCTOBER, make, name, moment, final))
        return self.numbers[-1]

    def diff(
        self,
        before: int | None = None,
        after: int | None = None,
        since: Since | None = None,
        now: datetime = NOON,
        account: str = PAYER,
        period: BillingPeriod = OCTOBER,
    ) -> Diff:
        return compare(
            self.loaded.lake,
            self.loaded.engine,
            account,
            period,
            now,
            before=None if before is None else str(before),
            after=None if after is None else str(after),
            since=since,
        )


@pytest.fixture
def deliver(empty: Loaded) -> Deliveries:
    return Deliveries(empty)


def rows(found: Diff) -> RowChanges:
    assert found.rows is not None
    return found.rows


def test_a_finalisation_changes_only_invoice_ids(deliver: Deliveries) -> None:
    deliver(hours(3) + hours(2, InvoiceId="old"))
    deliver([{**row, "InvoiceId": "new"} for row in hours(3)] + hours(2, InvoiceId="old"))
    found = deliver.diff()
    assert rows(found) == RowChanges(0, 0, 3, (ColumnChange("InvoiceId", 3),), only_columns=True)
    assert found.changes == ()
    assert [total.change for total in found.totals] == [Amounts()]


def test_the_same_rows_in_another_order_and_delivery_are_the_same(deliver: Deliveries) -> None:
    tags: list[Row] = [{"Tags": [("a", "1"), ("b", None)]}, {"Tags": [("a", "1")]}, {"Tags": None}, {}, {}]
    turned: list[Row] = [{"Tags": [("b", None), ("a", "1")]}, *tags[1:]]
    deliver(tags)
    deliver(turned[::-1])
    assert rows(deliver.diff()).none


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"InvoiceId": None}, {"InvoiceId": ""}),
        ({"InvoiceId": None}, {"InvoiceId": "NULL"}),
        ({"BilledCost": Decimal(1)}, {"BilledCost": Decimal("1.000000000000000001")}),
        ({"Tags": []}, {"Tags": None}),
        ({"Tags": [("a", None)]}, {"Tags": [("a", "")]}),
        ({"Tags": [("a", "1"), ("b", "2")]}, {"Tags": [("a", "1, b=2")]}),
        ({"InvoiceId": "a', 'b"}, {"InvoiceId": "a"}),
    ],
)
def test_the_smallest_difference_is_one(deliver: Deliveries, before: Row, after: Row) -> None:
    deliver([{}, before])
    deliver([{}, after])
    [name] = after
    assert rows(deliver.diff()).columns == (ColumnChange(name, 1),)


def test_text_that_moves_from_one_column_to_the_next_is_seen(deliver: Deliveries) -> None:
    deliver([{"SkuId": "a", "SkuMeter": "b, c"}])
    deliver([{"SkuId": "a, b", "SkuMeter": "c"}])
    assert [column.name for column in rows(deliver.diff()).columns] == ["SkuId", "SkuMeter"]


def test_copies_of_a_row_are_counted(deliver: Deliveries) -> None:
    deliver([{}] * 5)
    deliver([{}] * 3)
    found = deliver.diff()
    assert rows(found) == RowChanges(0, 2, 0, (), only_columns=False)
    assert found.totals[0].change == Amounts(-2, Decimal(-2), Decimal(-2))


def test_rows_that_came_went_and_changed_are_told_apart(deliver: Deliveries) -> None:
    deliver([*hours(10), {"ResourceId": "gone", "BilledCost": Decimal(5)}])
    corrected = [{**row, "EffectiveCost": Decimal("0.5")} for row in hours(4)]
    deliver([*corrected, *hours(12)[4:]])
    found = deliver.diff()
    assert rows(found) == RowChanges(2, 1, 4, (ColumnChange("EffectiveCost", 4),), only_columns=False)
    [change] = found.changes
    assert change.change == Amounts(1, Decimal(2) - 5, Decimal(2) - 2 - 1)


def test_values_that_change_places_are_not_taken_for_a_change_of_nothing(deliver: Deliveries) -> None:
    first, second = hours(2)
    deliver([{**first, "InvoiceId": "a"}, {**second, "InvoiceId": "b"}])
    deliver([{**first, "InvoiceId": "b"}, {**second, "InvoiceId": "a"}])
    assert rows(deliver.diff()) == RowChanges(0, 0, 2, (), only_columns=False)


def test_a_column_that_hides_another_change_is_not_the_only_one(deliver: Deliveries) -> None:
    """InvoiceId is filled in, and two rows change their tags' places: without InvoiceId rows still differ."""
    first, second = hours(2)
    deliver([{**first, "Tags": [("a", "1")]}, {**second, "Tags": [("a", "2")]}])
    deliver([{**first, "Tags": [("a", "2")], "InvoiceId": "i"}, {**second, "Tags": [("a", "1")], "InvoiceId": "i"}])
    assert rows(deliver.diff()) == RowChanges(0, 0, 2, (ColumnChange("InvoiceId", 2),), only_columns=False)


def test_another_charge_is_no_changed_one(deliver: Deliveries) -> None:
    deliver([{}, {"ServiceName": "Credit", "BilledCost": Decimal(-5)}])
    deliver([{}, {"ServiceName": "Support", "BilledCost": Decimal(9)}])
    found = deliver.diff()
    assert rows(found) == RowChanges(1, 1, 0, (), only_columns=False)
    assert [(change.service_name, change.change.billed) for change in found.changes] == [
        ("Support", Decimal(9)),
        ("Credit", Decimal(5)),
    ]


def test_changes_are_by_service_account_category_and_currency_the_largest_first(deliver: Deliveries) -> None:
    deliver([{"ServiceName": "S3"}, {"SubAccountId": "444444444444"}, {"BillingCurrency": "CNY"}])
    deliver(
        [
            {"ServiceName": "S3", "BilledCost": Decimal(3)},
            {"SubAccountId": "444444444444", "EffectiveCost": Decimal(-8)},
            {"BillingCurrency": "CNY", "ChargeCategory": "Tax"},
        ]
    )
    found = deliver.diff()
    assert [
        (line.service_name, line.sub_account_id, line.charge_category, line.currency, int(line.change.billed))
        for line in found.changes
    ] == [
        ("Amazon Elastic Compute Cloud", "444444444444", "Usage", "USD", 0),
        ("S3", "333333333333", "Usage", "USD", 2),
        ("Amazon Elastic Compute Cloud", "333333333333", "Tax", "CNY", 1),
        ("Amazon Elastic Compute Cloud", "333333333333", "Usage", "CNY", -1),
    ]
    assert [(total.currency, int(total.before.billed), int(total.after.billed)) for total in found.totals] == [
        ("CNY", 1, 1),
        ("USD", 2, 4),
    ]


def test_shares_of_other_rows_are_rows_but_no_cost(deliver: Deliveries) -> None:
    free = dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), Decimal(0))
    share: Row = {"x_SplitParentResourceId": "i-1", "ResourceId": "pod/search", **free}
    deliver([{}, {**share, "x_SplitCost": Decimal(1)}])
    deliver([{}, {**share, "x_SplitCost": Decimal(2)}])
    found = deliver.diff()
    assert rows(found) == RowChanges(0, 0, 1, (ColumnChange("x_SplitCost", 1),), only_columns=True)
    assert [total.after.rows for total in found.totals] == [1]
    assert found.changes == ()


def test_an_account_sees_its_own_rows(deliver: Deliveries) -> None:
    other: Row = {"BillingAccountId": OTHER_PAYER}
    deliver([{}, other])
    deliver([{}, {**other, "BilledCost": Decimal(2)}])
    assert rows(deliver.diff()).none
    assert deliver.diff(account=OTHER_PAYER).totals[0].change.billed == 1


def test_the_last_two_of_the_counted_export_unless_others_are_named(deliver: Deliveries) -> None:
    first, second = deliver([{}]), deliver([{}, {}])
    other = deliver([{}] * 7, export="second")
    third = deliver([{}] * 4)
    pairs: list[tuple[Diff, tuple[int, int]]] = [
        (deliver.diff(), (second, third)),
        (deliver.diff(before=first), (first, third)),
        (deliver.diff(after=second), (first, second)),
        (deliver.diff(before=third, after=first), (third, first)),
        (deliver.diff(before=other, after=third), (other, third)),
    ]
    for found, (before, after) in pairs:
        assert (found.before.id, found.after.id) == (before, after)
    assert rows(deliver.diff(before=other, after=third)).removed == 3


def test_since_yesterday_and_since_close(deliver: Deliveries) -> None:
    first, closed, _, newest = (deliver([{}] * count, final=final) for count, final in enumerate((False, True) * 2, 1))
    at = datetime(2018, 11, deliver.day, 7, tzinfo=UTC)

    def pair(since: Since, now: datetime) -> tuple[int, int]:
        found = deliver.diff(since=since, now=now)
        return found.before.id, found.after.id

    assert pair(Since.YESTERDAY, at) == (newest - 1, newest)
    assert pair(Since.YESTERDAY, at - timedelta(days=2)) == (first, newest)
    assert pair(Since.CLOSE, at) == (closed, newest)
    nothing = deliver.diff(since=Since.YESTERDAY, now=at + timedelta(days=1))
    assert nothing.before.id == nothing.after.id == newest
    assert rows(nothing).none
    with pytest.raises(PermanentError, match="published before today"):
        pair(Since.YESTERDAY, at - timedelta(days=3))


def test_a_day_begins_at_midnight_in_utc(deliver: Deliveries) -> None:
    first, second = deliver([{}]), deliver([{}, {}])
    east = datetime.fromisoformat("2018-11-03T01:00:00+03:00")  # in UTC it is still the second
    found = deliver.diff(since=Since.YESTERDAY, now=east)
    assert (found.before.id, found.after.id) == (first, second)


def test_what_cannot_be_compared_is_told(deliver: Deliveries) -> None:
    def told(match: str, call: Callable[[], object]) -> None:
        with pytest.raises(PermanentError, match=match):
            call()

    told("Nothing is loaded yet", deliver.diff)
    only = deliver([{}])
    told(rf"Before delivery {only} of 2018-10 .* nothing to compare it with\.$", deliver.diff)
    told("Nothing of billing account 999999999999 .* are: 111111111111", lambda: deliver.diff(account="999999999999"))
    told("2018-11 of account .* is not loaded. .* 2018-10", lambda: deliver.diff(period=NOVEMBER))
    told("nothing came after it", lambda: deliver.diff(before=only))
    told("No published delivery of the month has the number '999'", lambda: deliver.diff(after=999))
    told("is not closed", lambda: deliver.diff(since=Since.CLOSE))
    told("leave --from and --to out", lambda: deliver.diff(before=only, since=Since.CLOSE))
    deliver([{}], export="second")
    told("Other exports have the month too", deliver.diff)


def test_an_account_that_came_later_is_new_and_not_another_ones_rows(deliver: Deliveries) -> None:
    other: Row = {"BillingAccountId": OTHER_PAYER}
    deliver([{}])
    deliver([{}, other, other])
    found = deliver.diff(account=OTHER_PAYER)
    assert found.accounts == (OTHER_PAYER, OTHER_PAYER)
    assert rows(found) == RowChanges(2, 0, 0, (), only_columns=False)


def test_two_deliveries_of_an_account_each_are_compared_as_one_account(deliver: Deliveries) -> None:
    own: Row = {"SubAccountId": PAYER, "ServiceName": "S3"}
    first = deliver([{}, own])
    moved = [{**row, "BillingAccountId": OTHER_PAYER} for row in ({}, {**own, "SubAccountId": OTHER_PAYER})]
    second = deliver([*moved, {**moved[0], "BilledCost": Decimal(3)}], export="second")
    newest = deliver([{}], export="third")
    for account in (PAYER, OTHER_PAYER):
        found = deliver.diff(first, second, account=account)
        assert found.accounts == (PAYER, OTHER_PAYER)
        assert rows(found) == RowChanges(1, 0, 0, (), only_columns=False)
        assert [change.change.billed for change in found.changes] == [3]
        assert found.changes[0].service_name == "Amazon Elastic Compute Cloud"
    with pytest.raises(PermanentError, match=r"Neither delivery .* nor delivery .* is of account"):
        deliver.diff(first, newest, account=OTHER_PAYER)


def expire(deliver: Deliveries) -> None:
    deliver.loaded.lake.expire(datetime.now(UTC))
    with deliver.loaded.engine.begin() as connection:
        gone = update(deliveries).where(deliveries.c.id.in_(deliver.numbers[:-1]))
        connection.execute(gone.values(snapshot_expired_at=NOON))


def test_the_journal_knows_what_the_lake_has_forgotten(deliver: Deliveries) -> None:
    deliver([{}, {"ServiceName": "S3"}])
    deliver([{}, {"ServiceName": "S3", "BilledCost": Decimal("4.5")}])
    deliver([{}, {}])
    first, second, third = deliver.numbers
    whole = deliver.diff(first, second)
    expire(deliver)
    for before, after in ((first, second), (second, third)):
        found = deliver.diff(before, after)
        assert found.rows is None
        assert found.rows_unknown is not None
        assert "any more since 2018-11-10" in found.rows_unknown
    assert deliver.diff(first, second).changes == whole.changes
    assert deliver.diff(first, second).totals == whole.totals


def test_without_lake_and_journal_there_is_nothing_to_say(deliver: Deliveries) -> None:
    for _ in range(3):
        deliver([{}])
    expire(deliver)
    with deliver.loaded.engine.begin() as connection:
        connection.execute(delete(delivery_services))
    with pytest.raises(PermanentError, match="cannot be compared"):
        deliver.diff()
