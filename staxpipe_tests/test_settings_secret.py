"""Settings from AWS Secrets Manager (the stand-in's, with IAM enforced): read once, told in words, never shown."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.settings import read_settings
from staxpipe.settings_secret import parse_secret, read_secret
from staxpipe_tests.aws_stand_in import *  # noqa: F403
from staxpipe_tests.aws_stand_in import OPERATOR_ACCOUNT

INSIDE: dict[str, object] = {
    "database_url": "postgresql://me:hunter2@db.example.com/staxpipe",
    "smtp_url": "smtp://me:hunter2@mail.example.com",
    "secret_key": "hunter2-hunter2-hunter2-hunter2-hunter2",
    "oidc_client_secret": "hunter2",
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "staxpipe",
    "oidc_operators": ["ada@example.com"],
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    read_secret.cache_clear()
    yield
    read_secret.cache_clear()


@pytest.fixture
def owner(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> AwsStandIn:
    """This process runs as the root of the account that owns the secrets."""
    for name, value in aws.environment(OPERATOR_ACCOUNT).items():
        monkeypatch.setenv(name, value)
    return aws


def made(aws: AwsStandIn, text: str, region: str = "us-east-1") -> tuple[str, str]:
    """A new secret's name and ARN."""
    client = aws.session(OPERATOR_ACCOUNT, region).client("secretsmanager")
    name = f"staxpipe-{secrets.token_hex(4)}"
    return name, client.create_secret(Name=name, SecretString=text)["ARN"]


def test_secrets_are_read_by_name_and_by_arn_and_not_shown(owner: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = made(owner, json.dumps(INSIDE))
    _, elsewhere = made(owner, json.dumps(INSIDE), "eu-west-1")
    for secret in (name, elsewhere):
        monkeypatch.setenv("STAXPIPE_AWS_SECRET", secret)
        settings = read_settings()
        for field in ("database_url", "smtp_url", "secret_key", "oidc_client_secret"):
            assert getattr(settings, field).get_secret_value() == INSIDE[field]
        assert "hunter2" not in repr(settings) + str(settings.model_dump())
        assert settings.signing_key() == INSIDE["secret_key"]


def test_the_environment_goes_before_the_secret_and_the_secret_before_the_file(
    owner: AwsStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, _ = made(owner, '{"web_port": 9001, "mail_from": "secret@example.com", "oidc_linkers": ["@example.com"]}')
    file = f'aws_secret = "{name}"\nweb_port = 9002\ndagster_port = 9003\nmail_from = "file@example.com"\n'
    (tmp_path / "staxpipe.toml").write_text(file)
    monkeypatch.setenv("STAXPIPE_MAIL_FROM", "environment@example.com")
    settings = read_settings({"postgres_port": 9004})
    assert (settings.web_port, settings.dagster_port, settings.postgres_port) == (9001, 9003, 9004)
    assert settings.mail_from == "environment@example.com"
    assert settings.oidc_linkers == ("@example.com",)


def test_what_is_wrong_in_a_secret_is_told_without_its_values(owner: AwsStandIn) -> None:
    name, _ = made(owner, json.dumps({"smtp_url": "hunter2", "database_url": 7}))
    with pytest.raises(PermanentError) as caught:
        read_settings({"aws_secret": name})
    assert "STAXPIPE_SMTP_URL: must be smtp://" in str(caught.value)
    assert "STAXPIPE_DATABASE_URL: " in str(caught.value)
    assert "hunter2" not in str(caught.value)
    name, _ = made(owner, json.dumps({"STAXPIPE_SMTP_URL": "hunter2", "region": "hunter2", "zzz": "hunter2"}))
    with pytest.raises(PermanentError) as caught:
        read_settings({"aws_secret": name})
    assert str(caught.value).splitlines()[1:] == [
        "  unknown setting `STAXPIPE_SMTP_URL`; did you mean smtp_url?",
        "  `region` says where the secret is and cannot stand inside it",
        "  unknown setting `zzz`",
    ]


@pytest.mark.parametrize("text", [None, "", "hunter2", '"hunter2"', "[1]", "7"])
def test_a_secret_that_holds_no_settings_is_a_sentence(text: str | None) -> None:
    with pytest.raises(PermanentError, match="must hold a JSON object") as caught:
        parse_secret("staxpipe", text)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_not_there_is_a_sentence(owner: AwsStandIn) -> None:
    with pytest.raises(PermanentError, match="There is no secret nowhere in eu-west-1"):
        read_settings({"aws_secret": "nowhere", "region": "eu-west-1"})


def test_a_secret_that_may_not_be_read_is_a_sentence(aws: AwsStandIn, operator_environment: StandInCredentials) -> None:
    name, _ = made(aws, json.dumps(INSIDE))
    with pytest.raises(PermanentError, match="secretsmanager:GetSecretValue"):
        read_settings({"aws_secret": name})


def test_no_credentials_and_no_network_are_sentences(owner: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(TransientError, match="does not answer"):
        read_settings({"aws_secret": "staxpipe"})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PermanentError, match="come from where the AWS SDK"):
        read_settings({"aws_secret": "staxpipe"})


def test_a_secret_is_asked_for_once(owner: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = made(owner, json.dumps(INSIDE))
    first = read_settings({"aws_secret": name})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert read_settings({"aws_secret": name}) == first
