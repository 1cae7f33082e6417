"""`staxpipe doctor` as a command: links and requests that listen, in a real account of the stand-in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from staxpipe.cli.doctor import doctor
from staxpipe.db import audit_log, link_requests, links, probes
from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.doctor.keeping import kept
from staxpipe.errors import PermanentError
from staxpipe.local.terminal import whereabouts
from staxpipe.model import AccountId
from staxpipe_tests.aws_stand_in import *  # noqa: F403
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.doctor.test_gather import deliver

NOW = datetime.now(UTC)


@pytest.fixture
def command(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    app = typer.Typer()
    app.command()(doctor)
    return app


def listen(engine: Engine, customer: Customer) -> LinkRequest:
    """A request of the customer's account whose role is being looked for."""
    with engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
        details = Details(AccountId(customer.account_id), customer.bucket, customer.prefix, customer.region)
        assert link_requests.save_details(connection, request.id, details, NOW, timedelta(days=14))
        found = link_requests.get(connection, request.id)
    assert found is not None
    return found


def link(engine: Engine, customer: Customer) -> LinkRequest:
    """A link of the customer's account, whose role is deployed."""
    request = listen(engine, customer)
    customer.deploy(RoleName=request.role_name, ExternalId=request.external_id)
    with engine.begin() as connection:
        assert probes.mark_linked(connection, request.id, NOW)
        links.create(
            connection,
            request_id=request.id,
            account_id=customer.account_id,
            role_arn=str(request.role_arn),
            external_id=request.external_id,
            bucket=customer.bucket,
            prefix=customer.prefix,
            region=customer.region,
            contact="ada@example.com",
            now=NOW,
        )
    return request


def run(command: typer.Typer, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def accounts(result: Result) -> dict[str, Any]:
    return {found["account_id"]: found for found in json.loads(result.stdout)["accounts"]}


@pytest.mark.usefixtures("operator_environment")
def test_a_link_that_is_well(command: typer.Typer, engine: Engine, customer: Customer) -> None:
    deliver(customer)
    request = link(engine, customer)
    result = run(command)
    assert result.exit_code == 0, result.stdout
    assert f"{customer.account_id}  active  s3://{customer.bucket}/reports" in result.stdout
    assert "✓ Role  holds" in result.stdout
    assert "✓ Granularity, daily  holds" in result.stdout
    assert "J F M A M J J A S O N D" in result.stdout
    assert "2026  · · · · · · · · · ■" in result.stdout
    assert request.external_id not in result.stdout
    with engine.connect() as connection:
        report = kept(connection, request.id)
        asked = audit_log.entries(connection, "account:*")
    assert report is not None
    assert report.looked_at is not None
    assert [(act.actor, act.action, act.source_ip) for act in asked] == [("operator", "doctor.asked", whereabouts())]


@pytest.mark.usefixtures("operator_environment")
def test_a_request_that_listens_is_broken_until_its_role_is_there(
    command: typer.Typer, engine: Engine, customer: Customer
) -> None:
    deliver(customer)
    request = listen(engine, customer)
    result = run(command, "--json", "--account", customer.account_id)
    assert result.exit_code == 1
    found = accounts(result)[customer.account_id]
    assert (found["state"], found["request_id"], found["looked_at"]) == ("listening", request.id, None)
    role, *_ = found["checks"]
    assert (role["code"], role["state"]) == ("role-found", "broken")
    assert "CloudFormation → Stacks" in role["to_do"]

    customer.deploy(RoleName=request.role_name, ExternalId=request.external_id)
    result = run(command, "--json")
    assert result.exit_code == 0, result.stdout
    assert accounts(result)[customer.account_id]["months"] == ["2026-10"]


@pytest.mark.usefixtures("operator_environment")
def test_what_is_broken_says_what_to_do(command: typer.Typer, engine: Engine, customer: Customer) -> None:
    link(engine, customer)
    result = run(command)
    assert result.exit_code == 1
    assert "✗ Reports below the prefix  broken" in result.stdout
    assert "Billing and Cost Management → Data Exports" in result.stdout


def test_who_has_no_credentials_can_check_nothing_and_that_is_no_success(
    command: typer.Typer, engine: Engine, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(engine, customer)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    result = run(command)
    assert result.exit_code == 1
    assert "11 not known" in result.stdout


def test_nothing_is_linked(command: typer.Typer) -> None:
    result = run(command)
    assert (result.exit_code, result.stdout) == (0, "Nothing is linked, and no request listens.\n")
    assert json.loads(run(command, "--json").stdout) == {"accounts": [], "not_reached": 0}


def test_an_account_of_which_nothing_is_known(command: typer.Typer) -> None:
    for account, words in (("222222222222", "has no link"), ("12", "exactly 12 digits")):
        error = run(command, "--account", account).exception
        assert isinstance(error, PermanentError)
        assert words in str(error)
