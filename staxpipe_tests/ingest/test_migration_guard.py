"""Two exports of the same month, loaded whole: nothing counts twice, and what people query follows the choice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text

from staxpipe.db.tables import exports
from staxpipe.exports.local import find
from staxpipe.focus.numbers import exact_sum
from staxpipe.ingest.load import LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.query.session import open_session
from staxpipe.synthetic.month import Month
from staxpipe.warehouse.choices import choose, release
from staxpipe_tests.generated import OCTOBER, Deliver


def load_folder(platform: Platform, folder: Path) -> list[LoadedMonth]:
    results = list(load(platform, find(folder)))
    assert all(isinstance(result, LoadedMonth) for result in results), results
    return [result for result in results if isinstance(result, LoadedMonth)]


def in_the_marts(platform: Platform) -> tuple[int, Decimal]:
    """Line items and billed cost as `daily_costs` has them."""
    with platform.engine.connect() as connection:
        row = connection.execute(text("SELECT sum(line_items), sum(billed_cost) FROM daily_costs")).one()
    return int(row[0]), row[1]


def in_the_lake(platform: Platform, name: str = "line_items") -> tuple[int, Decimal]:
    """The same as the lake's line items have them."""
    query = f"SELECT count(*), sum(BilledCost) FROM {name}"
    with open_session(platform.lake, platform.engine, query) as session:
        row = session.execute(query).fetchone()
    assert row is not None
    return row[0], row[1]


def export_named(platform: Platform, name: str) -> int:
    with platform.engine.connect() as connection:
        export: int = connection.execute(select(exports.c.id).where(exports.c.name == name)).scalar_one()
    return export


@pytest.mark.parametrize("first", ["early", "late"])
def test_nothing_counts_twice_and_a_choice_switches_marts_and_lake(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver, first: str
) -> None:
    """The reports differ, so that it can be told which one is counted; the order of loading decides numbers only."""
    second = {"early": "late", "late": "early"}[first]
    day = {"early": 10, "late": 20}
    months: dict[str, Month] = {}
    for name in (first, second):
        months[name] = deliver_month(OCTOBER, day=day[name], name=name)
        (loaded, *_) = [month for month in load_folder(platform, bucket_folder) if f"/{name}" in month.source]
    expected = {name: (month.expected.focus.rows, month.expected.unblended) for name, month in months.items()}
    assert expected[first] != expected[second]

    assert in_the_marts(platform) == in_the_lake(platform) == expected[first]
    both = (sum(rows for rows, _ in expected.values()), exact_sum(billed for _, billed in expected.values()))
    assert in_the_lake(platform, "line_items_all") == both, "the shadow is loaded"
    assert "shadow-differs" in {finding.code for finding in loaded.findings}

    account = loaded.billing_account_id
    with platform.engine.begin() as connection:
        choose(connection, account, OCTOBER, export_named(platform, second), "operator")
    assert in_the_marts(platform) == in_the_lake(platform) == expected[second]
    with platform.engine.begin() as connection:
        release(connection, account, OCTOBER, "operator")
    assert in_the_marts(platform) == in_the_lake(platform) == expected[first]


def test_the_same_report_twice_agrees_to_the_cent(
    platform: Platform, bucket_folder: Path, deliver_month: Deliver
) -> None:
    month = deliver_month(OCTOBER, name="first")
    deliver_month(OCTOBER, name="second")
    counted, shadow = load_folder(platform, bucket_folder)
    (finding,) = [finding for finding in shadow.findings if finding.code.startswith("shadow")]
    assert finding.code == "shadow-agrees"
    assert counted.source in finding.message
    assert "equal to the cent" in finding.message
    assert in_the_marts(platform) == (month.expected.focus.rows, month.expected.unblended)
