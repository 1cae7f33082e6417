"""What staxpipe wrote down, asked in SQL: quarantine and audit log, and nothing that is secret."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import insert, text

from staxpipe.db import audit_log
from staxpipe.db.tables import quarantine, reconciliations
from staxpipe.errors import PermanentError
from staxpipe.query import connect
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, PAYER, costs
from staxpipe_tests.ledger import add_link
from staxpipe_tests.query.conftest import Loaded, publish

SECRET = "link-1-".ljust(40, "x")
"""The ExternalId of the tests' link."""


@pytest.fixture
def kept(empty: Loaded) -> tuple[int, int]:
    """Two deliveries with a value in quarantine each, of one account and of the other; returns their numbers."""
    october = publish(empty.engine, empty.lake, "first", OCTOBER, lambda id_: [costs(1, "1", export_id=id_)])
    november = publish(
        empty.engine,
        empty.lake,
        "second",
        NOVEMBER,
        lambda id_: [costs(1, "1", account=OTHER_PAYER, period=NOVEMBER, export_id=id_)],
    )
    counts = ("read", "mapped", "doubled", "dropped", "split", "quarantined", "without_invoice")
    sums = dict.fromkeys(
        (*(f"rows_{name}" for name in counts), "source_cost", "lake_cost", "quarantined_cost"), Decimal(1)
    )
    with empty.engine.begin() as connection:
        for delivery, account, cost in ((october, PAYER, Decimal("0.5")), (november, OTHER_PAYER, None)):
            connection.execute(
                insert(reconciliations).values(
                    delivery=delivery, billing_account_id=account, currency="USD", badge="off", **sums
                )
            )
            connection.execute(
                insert(quarantine).values(
                    delivery=delivery,
                    file="report-1.csv.gz",
                    row=7,
                    column="lineItem/UsageEndDate",
                    value='yester"day,\n',
                    reason="is not a date and time",
                    cost=cost,
                )
            )
    return october, november


def test_quarantine_says_where_each_value_stands(empty: Loaded, kept: tuple[int, int]) -> None:
    with connect(empty.settings) as connection:
        first, second = connection.arrow("FROM quarantine ORDER BY delivery").to_pylist()
        assert first.pop("export_id") != second.pop("export_id")
        assert first == {
            "period": "2018-10",
            "delivery": kept[0],
            "state": "loaded",
            "file": "report-1.csv.gz",
            "row": 7,
            "column": "lineItem/UsageEndDate",
            "value": 'yester"day,\n',
            "reason": "is not a date and time",
            "cost": Decimal("0.5"),
        }
        assert (second["delivery"], second["cost"]) == (kept[1], None)
        joined = 'SELECT row, "column", badge FROM quarantine JOIN month_ledger USING (delivery) ORDER BY delivery'
        assert [row["row"] for row in connection.arrow(joined).to_pylist()] == [7, 7]


def test_quarantine_is_narrowed_to_an_account_or_a_month(empty: Loaded, kept: tuple[int, int]) -> None:
    with connect(empty.settings) as connection:
        ask = "SELECT delivery FROM quarantine"
        assert connection.arrow(ask, account=PAYER).to_pylist() == [{"delivery": kept[0]}]
        assert connection.arrow(ask, period="2018-11").to_pylist() == [{"delivery": kept[1]}]
        assert connection.arrow(ask, account=PAYER, period="2018-11").num_rows == 0


def test_the_audit_log_is_there_whatever_account_is_asked_for(empty: Loaded) -> None:
    with empty.engine.begin() as connection:
        audit_log.record(connection, "ada@example.com", "request.begun", "request:1", "done", "192.0.2.7", {"a": "b"})
        audit_log.record(connection, "staxpipe", "link.created", "link:1", "safe")
        [newest, oldest] = audit_log.entries(connection)
    with connect(empty.settings) as connection:
        first, second = connection.arrow("FROM audit_log ORDER BY id", account=PAYER, period="2018-10").to_pylist()
        assert (first["id"], first["at"], first["actor"]) == (oldest.id, oldest.at, "ada@example.com")
        assert (first["action"], first["subject"], first["result"]) == ("request.begun", "request:1", "done")
        assert (first["source_ip"], second["source_ip"]) == ("192.0.2.7", None)
        assert second["at"] == newest.at
        inside = connection.arrow("SELECT detail->>'$.a' AS a FROM audit_log ORDER BY id").to_pylist()
        assert inside == [{"a": "b"}, {"a": None}]


def test_daily_costs_all_has_the_exports_that_do_not_count(loaded: Loaded) -> None:
    with loaded.engine.connect() as postgres:
        expected = postgres.execute(text("SELECT count(*), sum(billed_cost) FROM daily_costs_all")).one()
    with connect(loaded.settings) as connection:
        [everything] = connection.arrow("SELECT count(*) AS n, sum(billed_cost) AS c FROM daily_costs_all").to_pylist()
        [counted] = connection.arrow("SELECT sum(billed_cost) AS c FROM daily_costs").to_pylist()
        assert tuple(everything.values()) == tuple(expected)
        assert everything["c"] - counted["c"] == 10
        with pytest.raises(PermanentError, match="as of a delivery"):
            connection.arrow("FROM daily_costs_all", as_of="1")


def test_no_view_shows_a_secret(empty: Loaded) -> None:
    with empty.engine.begin() as connection:
        add_link(connection)
        assert SECRET in connection.execute(text("SELECT external_id FROM link_requests")).scalars()
    with connect(empty.settings) as connection:
        views = connection.arrow("SELECT table_name AS name, column_name AS of FROM information_schema.columns")
        found = {(row["name"], row["of"]) for row in views.to_pylist()}
        assert {name for name, _ in found} == {
            *("line_items", "line_items_all", "split_line_items", "daily_costs", "daily_costs_all"),
            *("month_ledger", "cost_changes", "quarantine", "audit_log", "accounts"),
        }
        assert {of for name, of in found if name == "audit_log"} == {
            *("id", "at", "actor", "action", "subject", "result", "source_ip", "detail"),
        }
        assert {of for name, of in found if name == "quarantine"} == {
            *("period", "export_id", "delivery", "state", "file", "row", "column", "value", "reason", "cost"),
        }
        assert {of for name, of in found if name == "accounts"} == {
            *("account_id", "name", "status", "ou_path", "ou_id", "tags", "management_account_id"),
            *("first_seen", "seen_at", "left_at"),
        }
        for secret in ("link_requests", "links", "sign_in_links", "invites", "member_roles"):
            with pytest.raises(PermanentError, match="does not exist"):
                connection.arrow(f"FROM {secret}")
