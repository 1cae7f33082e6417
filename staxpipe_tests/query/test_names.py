"""Names of accounts in SQL: the report's where it has them, the organisation's where it has numbers only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from staxpipe.db import accounts
from staxpipe.organization.members import Member, Organization
from staxpipe.query import Connection, connect
from staxpipe_tests.conftest import _fresh_database
from staxpipe_tests.lake.line_item_batches import OCTOBER, PAYER, line_items
from staxpipe_tests.ledger import add_link
from staxpipe_tests.query.conftest import Loaded, a_lake, publish

SEARCH, NAMED, UNKNOWN, LEFT = "111122223333", "444455556666", "777788889999", "222233334444"
NOW = datetime(2018, 11, 3, tzinfo=UTC)


def usage(account: str | None, name: str | None = None) -> dict[str, object]:
    """A line item of an account, as a legacy report has it unless there is a name."""
    return {
        "SubAccountId": account,
        "SubAccountName": name or account,
        "BillingAccountName": "Payer, says the report" if name else PAYER,
    }


def load(loaded: Loaded, *, read: bool) -> None:
    rows = [usage(SEARCH), usage(NAMED, "Named, says the report"), usage(UNKNOWN), usage(LEFT), usage(None)]
    publish(loaded.engine, loaded.lake, "first", OCTOBER, lambda id_: [line_items(rows, export_id=id_)])
    if not read:
        return
    members = (
        Member(PAYER, "Payer's", "ACTIVE", "r-root", "/", {}),
        Member(SEARCH, "Søk 検索's", "ACTIVE", "ou-b", "/Workloads/Search", {"cost-center": "42", "a.b": "'"}),
        Member(NAMED, "Named otherwise", "ACTIVE", "ou-a", "/Workloads", None),
    )
    gone = Member(LEFT, "Left", "CLOSED", "r-root", "/")
    with loaded.engine.begin() as connection:
        add_link(connection, PAYER)
        accounts.keep(connection, "link-1", Organization(PAYER, (gone,)), datetime(2018, 10, 1, tzinfo=UTC))
        accounts.keep(connection, "link-1", Organization(PAYER, members), NOW)


@pytest.fixture(scope="module")
def named(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A month of five line items, and the organisation read."""
    folder: Path = tmp_path_factory.mktemp("names")
    with _fresh_database(postgres_url, "names", f" TEMPLATE {template_database}") as url, a_lake(folder, url) as loaded:
        load(loaded, read=True)
        with connect(loaded.settings) as connection:
            yield connection


def pairs(connection: Connection, query: str) -> dict[object, object]:
    return dict(tuple(row.values()) for row in connection.arrow(query).to_pylist())


NAMES = {SEARCH: "Søk 検索's", NAMED: "Named otherwise", UNKNOWN: UNKNOWN, LEFT: "Left", None: None}


def test_daily_costs_have_the_organisation_s_names_else_the_numbers(named: Connection) -> None:
    assert pairs(named, "SELECT sub_account_id, sub_account_name FROM daily_costs") == NAMES
    assert set(pairs(named, "SELECT billing_account_id, billing_account_name FROM daily_costs").values()) == {"Payer's"}


def test_line_items_keep_the_report_s_names_and_get_what_it_has_not(named: Connection) -> None:
    expected = NAMES | {NAMED: "Named, says the report"}
    for view in ("line_items", "line_items_all"):
        assert pairs(named, f"SELECT SubAccountId, SubAccountName FROM {view}") == expected
    payers = named.arrow("SELECT DISTINCT BillingAccountName AS name FROM line_items ORDER BY name").to_pylist()
    assert payers == [{"name": "Payer's"}, {"name": "Payer, says the report"}]
    narrowed = pairs(named, "SELECT SubAccountId, SubAccountName FROM line_items WHERE SubAccountName = 'Left'")
    assert narrowed == {LEFT: "Left"}


def test_columns_are_the_same_in_the_same_order(named: Connection, empty: Loaded) -> None:
    load(empty, read=False)
    with connect(empty.settings) as unnamed:
        expected = unnamed.arrow("DESCRIBE line_items").to_pylist()
        assert named.arrow("DESCRIBE line_items").to_pylist() == expected
        assert pairs(unnamed, "SELECT SubAccountId, SubAccountName FROM line_items")[SEARCH] == SEARCH
        assert pairs(unnamed, "SELECT sub_account_id, sub_account_name FROM daily_costs")[SEARCH] == SEARCH
    assert named.arrow("SELECT * FROM line_items").num_rows == 5


def test_names_do_not_multiply_rows_nor_hide_them_from_an_account(named: Connection) -> None:
    for view in ("line_items", "daily_costs"):
        [row] = named.arrow(f"SELECT count(*) AS n FROM {view}", account=PAYER).to_pylist()
        assert row["n"] == 5
    assert pairs(named, "SELECT account_id, name FROM accounts")[SEARCH] == "Søk 検索's"


def test_costs_are_told_by_unit_and_by_tag_of_accounts(named: Connection) -> None:
    by_unit = pairs(
        named,
        "SELECT split_part(ou_path, '/', 2) AS unit, sum(line_items) AS n "
        "FROM daily_costs LEFT JOIN accounts ON account_id = sub_account_id GROUP BY ALL",
    )
    assert by_unit == {"Workloads": 2, "": 1, None: 2}
    by_tag = pairs(
        named,
        "SELECT tags->>'cost-center' AS cost_center, sum(line_items) AS n "
        "FROM daily_costs LEFT JOIN accounts ON account_id = sub_account_id GROUP BY ALL",
    )
    assert by_tag == {"42": 1, None: 4}


def test_postgres_has_the_same_names(empty: Loaded) -> None:
    load(empty, read=True)
    with empty.engine.connect() as connection:
        rows = connection.execute(text("SELECT sub_account_id, sub_account_name FROM daily_costs"))
        assert dict(tuple(row) for row in rows) == NAMES
