"""`staxpipe diff` as a person types it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import typer
from typer.testing import CliRunner

from staxpipe.cli.diff import diff
from staxpipe.errors import PermanentError
from staxpipe_tests.lake.line_item_batches import PAYER
from staxpipe_tests.query.conftest import Loaded
from staxpipe_tests.query.test_diff import Deliveries, expire, hours

app = typer.Typer()
app.command()(diff)


@pytest.fixture
def deliver(empty: Loaded, monkeypatch: pytest.MonkeyPatch) -> Deliveries:
    assert empty.settings.database_url is not None
    monkeypatch.setenv("STAXPIPE_HOME", str(empty.settings.home))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", empty.settings.database_url.get_secret_value())
    return Deliveries(empty)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["--account", PAYER, "--period", "2018-10", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_finalisation_in_words(deliver: Deliveries) -> None:
    deliver(hours(3))
    deliver(hours(3, InvoiceId="i"), final=True)
    said = run()
    assert "Only InvoiceId changed, on 3 rows." in said
    assert "s3://bucket/first" in said
    assert "what changed" not in said
    assert run("--since", "close").count("Nothing was published since delivery 2.") == 1


def test_changes_in_words_and_as_a_table_that_is_limited(deliver: Deliveries) -> None:
    deliver([*hours(3), {"ServiceName": "S3"}])
    corrected = [{**row, "BilledCost": Decimal("1.25"), "InvoiceId": "i"} for row in hours(3)]
    deliver([*corrected, {"ServiceName": "S3"}, {"ServiceName": "Support", "BilledCost": Decimal(29)}])
    said = run("--from", "id-1")
    assert "1 row added, 0 removed, 3 changed." in said
    assert "these columns are different: BilledCost (on 3) and InvoiceId (on 3)." in said
    assert said.index("Support") < said.index("Amazon Elastic Compute Cloud")
    assert "29.0000" in said
    limited = run("--limit", "1")
    assert "The first 1 of 2; --limit 0 shows all." in limited
    assert "Elastic" not in limited
    assert "The first" not in run("--limit", "0")


def test_the_same_rows_in_words(deliver: Deliveries) -> None:
    deliver(hours(3))
    deliver(hours(3))
    assert "Every row is the same." in run()


def test_the_journal_in_words(deliver: Deliveries) -> None:
    for count in (1, 2):
        deliver(hours(count))
    expire(deliver)
    said = run()
    assert "Rows cannot be compared any more; these amounts are from the journal." in said
    assert json.loads(run("--json"))["rows"] is None


def test_json_has_every_digit(deliver: Deliveries) -> None:
    deliver(hours(2))
    deliver([*hours(2), {"ServiceName": "S3", "BilledCost": Decimal("1e-18")}])
    told = json.loads(run("--json"))
    assert told["totals"] == [
        {
            "currency": "USD",
            "before": {"rows": 2, "billed": "2", "effective": "2"},
            "after": {"rows": 3, "billed": "2.000000000000000001", "effective": "3"},
            "change": {"rows": 1, "billed": "0.000000000000000001", "effective": "1"},
        }
    ]
    [change] = told["changes"]
    assert (change["service"], change["sub_account"], change["category"]) == ("S3", "333333333333", "Usage")
    assert told["rows"] == {"added": 1, "removed": 0, "changed": 0, "only_columns": False, "columns": {}}
    assert (told["from"]["delivery_id"], told["to"]["delivery_id"]) == ("id-1", "id-2")
    assert told["from"]["delivered_at"] == "2018-11-01T06:00:00Z"
    assert told["summary"].startswith("1 row added")


def test_what_is_wrong_is_a_sentence(deliver: Deliveries) -> None:
    deliver(hours(1))
    with pytest.raises(PermanentError, match="nothing to compare it with"):
        run()


@pytest.mark.usefixtures("narrow_terminal")
def test_a_narrow_terminal_shows_services_and_amounts_whole(deliver: Deliveries) -> None:
    deliver(hours(3))
    deliver([{**row, "BilledCost": Decimal("1234567.25")} for row in hours(3)])
    lines = run().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "Amazon Elastic Compute Cloud" in [line.strip() for line in lines]
    assert ["billed", "change", "3,703,698.7500"] in [line.split() for line in lines]
