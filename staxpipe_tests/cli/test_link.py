"""`staxpipe link` as a person or a script types it, against the real pages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from staxpipe.aws import stacks
from staxpipe.cli import link as command
from staxpipe.db import audit_log, link_requests, links, probes
from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.model import DeliveryState
from staxpipe_tests.aws_stand_in import aws
from staxpipe_tests.onboarding.api.conftest import token
from staxpipe_tests.onboarding.conftest import Pages, pages, serve
from staxpipe_tests.onboarding.ledger import add_delivery, add_link

__all__ = ["aws", "pages", "serve"]

ACCOUNT = ("123456789012", "--bucket", "acme-billing-reports", "--prefix", "cur", "--region", "eu-west-1")
app = typer.Typer()
app.command()(command.link)


@pytest.fixture(autouse=True)
def here(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own settings, and pages that are found by STAXPIPE_API_URL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_API_URL", pages.url)
    monkeypatch.setenv("STAXPIPE_API_TOKEN", token(pages, "ada@example.com"))
    monkeypatch.setattr(command, "SECONDS_APART", 0.01)


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def only_request(pages: Pages) -> str:
    with pages.engine.connect() as connection:
        [request] = link_requests.newest(connection, 10)
    return request.id


def linked(pages: Pages, request_id: str) -> None:
    with pages.engine.begin() as connection:
        assert probes.mark_linked(connection, request_id, pages.clock.now)
        export = add_link(connection, request_id, pages.clock.now)
        add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=1, cost="1")


def test_it_prints_what_to_create_and_goes_on_with_the_same_request(pages: Pages) -> None:
    said = typed(*ACCOUNT)
    assert said.exit_code == 0
    request = pages.request(only_request(pages))
    assert (request.requested_by, request.prefix) == ("ada@example.com", "cur")
    assert f"curl -fsSo staxpipe-link.yaml {pages.url}/staxpipe-link.yaml" in said.stdout
    assert f"ExternalId={request.external_id}" in said.stdout
    assert typed(*ACCOUNT).stdout == said.stdout
    found = json.loads(typed(*ACCOUNT, "--json").stdout)
    assert (found["id"], found["deployment"]["stack_name"]) == (request.id, request.role_name)
    assert only_request(pages) == request.id


def test_a_token_that_goes_without_tls_is_told() -> None:
    assert "TLS" not in typed(*ACCOUNT).stderr, "it stays on this machine"
    said = CliRunner().invoke(app, [*ACCOUNT, "--api-url", "http://0.0.0.0:1"])
    assert "http://0.0.0.0:1 is asked without TLS" in said.stderr
    assert isinstance(said.exception, TransientError)


def test_after_a_cancelled_one_it_begins_another(pages: Pages) -> None:
    typed(*ACCOUNT)
    with pages.engine.begin() as connection:
        link_requests.cancel(connection, link_requests.newest(connection, 1)[0].id, pages.clock.now)
    pages.clock.pass_by(timedelta(seconds=1))
    assert "Listening" in typed(*ACCOUNT).stdout
    with pages.engine.connect() as connection:
        assert [found.state for found in link_requests.newest(connection, 10)] == ["listening", "cancelled"]


def test_waiting_ends_when_the_data_is_ready(pages: Pages) -> None:
    typed(*ACCOUNT)
    linked(pages, only_request(pages))
    for until in ("linked", "ready"):
        said = typed(*ACCOUNT, "--wait", until)
        assert said.exit_code == 0
        assert "Your data is ready" in said.stderr


def test_waiting_follows_what_happens(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Callable[[], object]] = [
        lambda: None,
        lambda: linked(pages, only_request(pages)),
    ]
    monkeypatch.setattr(time, "sleep", lambda _: looks.pop(0)())
    said = typed(*ACCOUNT, "--wait", "ready", "--json")
    assert said.exit_code == 0
    assert [line.split(".")[0] for line in said.stderr.splitlines()] == [
        "Listening for your IAM role",
        "Your data is ready",
    ], "each once"
    assert json.loads(said.stdout)["stage"] == "ready"
    assert looks == []


def refuse(pages: Pages, words: str) -> None:
    with pages.engine.begin() as connection:
        probes.mark_refused(connection, only_request(pages), "any-external-id", words, pages.clock.now)


def test_waiting_ends_where_somebody_must_do_something(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: refuse(pages, "The role lets everybody in."))
    said = typed(*ACCOUNT, "--wait", "linked", "--json")
    assert said.exit_code == command.NEEDS_SOMEBODY
    assert "The role lets everybody in." in said.stderr
    found = json.loads(said.stdout)
    assert (found["stage"], found["deployment"]["region"]) == ("refused", "eu-west-1"), "whatever it waited for"


@pytest.mark.parametrize("over", ["refused", "expired"])
def test_given_again_it_looks_for_a_role_that_was_given_up(pages: Pages, over: str) -> None:
    first = typed(*ACCOUNT)
    request_id = only_request(pages)
    if over == "refused":
        refuse(pages, "The role lets everybody in.")
    else:
        later = pages.clock.now + timedelta(days=pages.settings.request_days)
        with pages.engine.begin() as connection:
            assert link_requests.expire_overdue(connection, later)
    said = typed(*ACCOUNT)
    assert "It is looked for again." in said.stderr
    assert said.stdout == first.stdout, "the same stack lets it in"
    assert pages.request(request_id).state == "listening"


def test_a_link_that_is_paused_is_none_to_rely_on(pages: Pages) -> None:
    typed(*ACCOUNT)
    linked(pages, only_request(pages))
    with pages.engine.begin() as connection:
        found = links.of_request(connection, only_request(pages))
        assert found is not None
        links.pause(connection, found.id, "The stack was deleted.")
    said = typed(*ACCOUNT, "--wait", "linked")
    assert said.exit_code == command.NEEDS_SOMEBODY
    assert "The stack was deleted." in said.stderr


def test_waiting_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SECONDS_APART", 61.0)
    said = typed(*ACCOUNT, "--wait", "linked", "--timeout", "1")
    assert said.exit_code == command.TIMED_OUT
    assert "That took a minute. staxpipe goes on by itself" in said.stderr


def test_who_stops_waiting_is_told_that_staxpipe_does_not(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    said = typed(*ACCOUNT, "--wait", "linked")
    assert said.exit_code == 130
    assert "staxpipe goes on by itself; the same command follows it again." in said.stderr
    assert pages.request(only_request(pages)).state == "listening"


def test_a_moment_without_a_database_does_not_end_the_waiting(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(*ACCOUNT)
    rename = text("ALTER TABLE links RENAME TO links_away"), text("ALTER TABLE links_away RENAME TO links")

    def away(_: float) -> None:
        with pages.engine.begin() as connection:
            connection.execute(rename[0])
        monkeypatch.setattr(time, "sleep", back)

    def back(_: float) -> None:
        with pages.engine.begin() as connection:
            connection.execute(rename[1])
        linked(pages, only_request(pages))

    monkeypatch.setattr(time, "sleep", away)
    said = typed(*ACCOUNT, "--wait", "ready")
    assert said.exit_code == 0
    assert "went wrong on our side" in said.stderr


@pytest.fixture
def signed_in(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """Whoever types the command is signed in to the account at AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws.environment(ACCOUNT[0]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stacks, "SECONDS_APART", 0)
    return aws.session(ACCOUNT[0])


def test_it_deploys_by_ones_own_credentials(pages: Pages, signed_in: boto3.Session) -> None:
    said = typed(*ACCOUNT, "--deploy")
    assert (said.exit_code, "The stack is created." in said.stderr) == (0, True)
    assert "aws cloudformation deploy" not in said.stdout, "nothing is left to be done by hand"
    request = pages.request(only_request(pages))
    role = signed_in.client("iam").get_role(RoleName=request.role_name)["Role"]
    assert request.external_id in str(role["AssumeRolePolicyDocument"])
    with pages.engine.begin() as connection:
        connection.execute(text("UPDATE link_requests SET next_probe_at = next_probe_at + interval '1 hour'"))
    again = typed(*ACCOUNT, "--deploy", "--json")
    assert "as it should be" in again.stderr
    assert json.loads(again.stdout)["id"] == request.id
    with pages.engine.connect() as connection:
        assert "request.look-asked" in [act.action for act in audit_log.entries(connection)]
        assert request.external_id not in said.stderr + again.stderr


def test_who_stops_it_is_told_that_cloudformation_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stacks, "deploy", interrupted)
    said = typed(*ACCOUNT, "--deploy")
    assert said.exit_code == 130
    assert "What CloudFormation has begun it goes on with" in said.stderr


def test_it_deploys_into_the_account_that_was_named(
    pages: Pages, aws: AwsStandIn, signed_in: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment("222233334444").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PermanentError, match="credentials here are of account 222233334444"):
        typed(*ACCOUNT, "--deploy")
    names = [stack["StackName"] for stack in signed_in.client("cloudformation").describe_stacks()["Stacks"]]
    assert pages.request(only_request(pages)).role_name not in names


def test_what_cannot_be_is_a_sentence(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PermanentError, match=r"details\.bucket: S3 bucket names have no capital letters"):
        typed("123456789012", "--bucket", "Acme")
    typed(*ACCOUNT)
    with pytest.raises(PermanentError, match="asked for already, with another region or contact"):
        typed(*ACCOUNT[:-1], "us-east-1")
    monkeypatch.setenv("STAXPIPE_API_TOKEN", "sxp_invented")
    with pytest.raises(PermanentError, match="This token is not known here"):
        typed(*ACCOUNT)
    with pytest.raises(TransientError, match="cannot be reached"):
        typed(*ACCOUNT, "--api-url", "http://127.0.0.1:1")
    monkeypatch.delenv("STAXPIPE_API_TOKEN")
    with pytest.raises(PermanentError, match="STAXPIPE_API_TOKEN is not set"):
        typed(*ACCOUNT)


@pytest.mark.parametrize(
    ("stage", "linked_is", "ready_is"),
    [
        ("listening", False, False),
        ("refused", False, False),
        ("linked", True, False),
        ("empty", True, False),
        ("loading", True, False),
        ("ready", True, True),
    ],
)
def test_what_was_waited_for(stage: str, linked_is: bool, ready_is: bool) -> None:
    assert command.reached(stage, command.Until.LINKED) is linked_is
    assert command.reached(stage, command.Until.READY) is ready_is
