"""What the report concludes: problems with what to do, one account alone, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from staxpipe.model import DeliveryState
from staxpipe.settings import read_settings
from staxpipe.status.queries import read_report
from staxpipe.status.report import Progress, Report, as_json, progress
from staxpipe_tests.ledger import ACCOUNT
from staxpipe_tests.status.conftest import NOW, OTHER


@pytest.fixture
def report(busy: Engine) -> Report:
    with busy.connect() as connection:
        return read_report(connection, read_settings({"home": Path("/nowhere")}), NOW)


@pytest.mark.parametrize(
    ("state", "run_id", "error", "expected"),
    [
        (DeliveryState.DISCOVERED, None, None, Progress.WAITING),
        (DeliveryState.DISCOVERED, "run", None, Progress.LOADING),
        (DeliveryState.COMMITTED, "run", None, Progress.LOADING),
        (DeliveryState.LANDED, "run", "slow down", Progress.RETRYING),
        (DeliveryState.FAILED, "run", "no such file", Progress.FAILED),
    ],
)
def test_progress(state: DeliveryState, run_id: str | None, error: str | None, expected: Progress) -> None:
    assert progress(state, run_id, error) is expected


def test_each_problem_says_what_happened_and_what_to_do(report: Report) -> None:
    problems = {problem.subject: (problem.problem, problem.what_to_do) for problem in report.problems}
    assert set(problems) == {
        f"account {OTHER}",
        f"request for account {OTHER}",
        f"{ACCOUNT} 2026-08",
        "report 2025-01",
        "mail",
    }
    assert problems[f"account {OTHER}"][0] == "The bucket billing refuses to be listed."
    failed, advice = problems[f"{ACCOUNT} 2026-08"]
    assert failed == "report-2.csv.gz ends in the middle."
    assert advice.startswith("What was loaded before stays.")
    assert f"{ACCOUNT}|2026-08" in advice
    assert "staxpipe load" in problems["report 2025-01"][1]
    assert problems["mail"] == (
        "2 messages cannot be sent: there is no mail server.",
        "Set STAXPIPE_SMTP_URL, as in smtp://user:password@host:587.",
    )


def test_one_account_alone(report: Report) -> None:
    one = report.of(OTHER)
    assert [link.account_id for link in one.links] == [OTHER]
    assert [request.id for request in one.requests] == ["r-refused"]
    assert one.months == ()
    assert {month.period for month in report.of(ACCOUNT).months} >= {"2026-07", "2026-08", "2026-11"}


def test_json_holds_everything_and_money_as_text(report: Report) -> None:
    told = json.loads(json.dumps(as_json(report)))
    assert set(told) == {
        "at",
        "mail_server",
        "dagster_url",
        "links",
        "requests",
        "months",
        "mails",
        "findings",
        "problems",
    }
    [july] = [month for month in told["months"] if (month["period"], month["export"]) == ("2026-07", "report")]
    assert july["state"] == "loaded"
    assert july["accounts"] == [ACCOUNT]
    assert july["loaded"]["totals"][0]["billed_cost"] == "100.105"
    assert told["at"] == "2026-11-03T12:00:00+00:00"
    assert told["links"][0]["state"] == "active"
    assert len(told["problems"]) == len(report.problems)
