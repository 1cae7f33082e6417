"""Every setting, read once into one frozen object: from STAXPIPE_* variables, from a secret in AWS, from staxpipe.toml.

What a setting means and its default stand here and nowhere else; README's table is made from this file.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from staxpipe.errors import PermanentError
from staxpipe.settings_mistakes import unreadable_file, wrong_settings
from staxpipe.settings_oidc import Addresses, AddressesOrDomains, Issuer, oidc_mistake
from staxpipe.settings_secret import misnamed, read_secret

FILE = "staxpipe.toml"
DEFAULT_HOME = Path.home() / ".staxpipe"
SHORTEST_KEY = 32
_KEY_LOOKS = 50  # in a second
AWS_REGION = r"[a-z]{2}(-[a-z]+)+-[0-9]"


def _written_like(pattern: str, words: str) -> AfterValidator:
    """A validator whose message is in words, not a regular expression."""

    def check(value: str | None) -> str | None:
        if value is not None and re.fullmatch(pattern, value) is None:
            raise ValueError(f"must be {words}")
        return value

    return AfterValidator(check)


def _postgres_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None and urlsplit(value.get_secret_value()).scheme not in {"postgresql", "postgresql+psycopg2"}:
        raise ValueError("must be a Postgres address, as in postgresql://user:password@host:5432/staxpipe")
    return value


def _store_url(value: str | None) -> str | None:
    if value is not None and not value.startswith(("s3://", "/", "file:///")):
        raise ValueError("must be a folder (/path) or an S3 address (s3://bucket/prefix)")
    return value.rstrip("/") if value else value


def _web_url(value: str | None) -> str | None:
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be the address of a staxpipe, as in https://costs.example.com")
    return value


def _mail_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("must be smtp://[user:password@]host[:port], or smtps:// for TLS from the start")
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
StoreUrl = Annotated[str | None, AfterValidator(_store_url)]


class Settings(BaseSettings):
    """What staxpipe is told from outside. A field's description is the documentation of its setting."""

    model_config = SettingsConfigDict(env_prefix="STAXPIPE_", frozen=True, extra="forbid", toml_file=FILE)

    home: Path = Field(DEFAULT_HOME, description="The folder that holds all state: database, lake, landing, secrets.")
    database_url: Annotated[SecretStr | None, AfterValidator(_postgres_url)] = Field(
        None, description="A Postgres 15+ to use instead of the embedded one."
    )
    dagster_database_url: Annotated[SecretStr | None, AfterValidator(_postgres_url)] = Field(
        None,
        description="Dagster's own database, where database_url is given; default: the database `dagster` beside it.",
    )
    host: str = Field("127.0.0.1", description="The address that the web processes listen on.")
    web_port: Port = Field(8600, description="Port of the onboarding pages.")
    dagster_port: Port = Field(8610, description="Port of the Dagster UI.")
    postgres_port: Port = Field(0, description="Port of the embedded Postgres; 0 takes any free one.")
    public_url: str | None = Field(
        None, description="The address by which people reach the onboarding pages; links in mails begin with it."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Reverse proxies that every request to the pages passes. So many addresses at the end of "
        "X-Forwarded-For are believed (audit log, rate limits); with 0 a client is the address that connects.",
    )
    landing_url: StoreUrl = Field(
        None, description="Where delivered files are copied to: a folder or s3://bucket/prefix."
    )
    lake_url: StoreUrl = Field(
        None, description="Where the lake (Apache Iceberg) lives: a folder or s3://bucket/prefix."
    )
    operator_role_arn: Annotated[
        str | None,
        _written_like(
            r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@/_-]+",
            "the ARN of an IAM role or user, as in arn:aws:iam::123456789012:role/staxpipe",
        ),
    ] = Field(
        None,
        description="The principal that staxpipe runs as; customers' roles trust it and nobody else.",
    )
    region: Annotated[str, _written_like(AWS_REGION, "an AWS region, as in eu-west-1")] = Field(
        "us-east-1", description="The AWS region staxpipe runs in."
    )
    template_url: Annotated[
        str | None, _written_like(r"https://\S{1,1016}", "an https:// address of at most 1,024 characters")
    ] = Field(
        None,
        description="S3 address of the published role template, with the others of cfn/ beside it; without it pages "
        "offer a download and a command.",
    )
    smtp_url: Annotated[SecretStr | None, AfterValidator(_mail_url)] = Field(
        None, description="Mail server; without it messages wait in the outbox and `status` says so."
    )
    mail_from: str = Field("staxpipe@localhost", description="Sender of mails.")
    operator_email: str | None = Field(None, description="Who is told of failures, beside the one who linked.")
    secret_key: SecretStr | None = Field(
        None,
        min_length=SHORTEST_KEY,
        description="Signs invitations and sessions; made and kept under home if not given.",
    )
    aws_secret: str | None = Field(
        None,
        min_length=1,
        description="Name or ARN of a secret in AWS Secrets Manager that holds settings as a JSON object, as in "
        '{"database_url": "…", "smtp_url": "…"}; variables go before it, and it before staxpipe.toml.',
    )
    oidc_issuer: Issuer = Field(
        None, description="Issuer of an OpenID Connect provider at which people sign in; without it links let them in."
    )
    oidc_client_id: str | None = Field(None, min_length=1, description="What staxpipe is called at that provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, min_length=1, description="The secret that the provider gave for it."
    )
    oidc_name: str = Field(
        "single sign-on",
        min_length=1,
        max_length=60,
        description="What people call the provider: the button says “Sign in with …”.",
    )
    oidc_scopes: str = Field("openid email profile", description="Scopes that are asked for.")
    oidc_operators: Addresses = Field(
        (), description="Addresses of those who are operators and see everything, parted by commas."
    )
    oidc_operator_group: str | None = Field(None, min_length=1, description="A group whose members are operators.")
    oidc_linkers: AddressesOrDomains = Field(
        (),
        description="Who may link accounts and see those: addresses, domains (`@example.com`), or `*` for everybody "
        "who can sign in there; parted by commas.",
    )
    oidc_linker_group: str | None = Field(None, min_length=1, description="A group whose members may link accounts.")
    oidc_email_claim: str = Field("email", min_length=1, description="The claim that holds a person's mail address.")
    oidc_groups_claim: str = Field("groups", min_length=1, description="The claim that holds a person's groups.")
    oidc_trust_addresses: bool = Field(
        False,
        description="Take addresses of which the provider does not say whether it verified them (`email_verified`). "
        "Only for a provider where nobody can choose their own.",
    )
    sign_in_links: bool = Field(
        False,
        description="Let one-time sign-in links in beside the provider, for the day when it is down. Without a "
        "provider they always do.",
    )
    request_days: int = Field(
        14, ge=1, le=90, description="Days after which a link request that nobody finished expires."
    )
    sensor_seconds: int = Field(
        30, ge=1, le=3600, description="Seconds between two looks for deliveries; for roles, too, if fewer than 10."
    )
    discovery_minutes: int = Field(
        15, ge=0, le=1440, description="Minutes between two listings of one customer's bucket (0: at every look)."
    )
    concurrent_runs: int = Field(2, ge=1, le=1000, description="Months that load at the same time.")
    compare_invoices: bool = Field(
        True,
        description="Compare finished months with AWS's invoices, in accounts whose role allows it "
        "(the template's IncludeInvoices). Free of charge.",
    )
    compare_cost_explorer: bool = Field(
        False,
        description="Compare finished months with Cost Explorer too, in accounts whose role allows it (the template's "
        "IncludeCostExplorer). AWS charges the linked account USD 0.01 for each request: one for each delivery of a "
        "finished month.",
    )
    keep_deliveries_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="Days for which the lake can still be read as of a superseded delivery (0: for ever).",
    )
    memory_mb: int = Field(
        800,
        ge=1,
        description="Memory, in MiB, that reading a month may take at most; it decides how many threads read and how "
        "many rows at a time. Each month that loads at the same time has this much of its own.",
    )
    line_item_ids: bool = Field(False, description="Keep identity/LineItemId in the lake (about 45 % more bytes).")
    api_url: Annotated[str | None, AfterValidator(_web_url)] = Field(
        None, description="The staxpipe that `staxpipe link` talks to; default: the one on this machine."
    )
    api_token: SecretStr | None = Field(
        None, description="The token that `staxpipe link` shows it; `staxpipe token create` makes one."
    )
    csv_reader: Literal["auto", "native", "arrow"] = Field(
        "auto",
        description="What reads CSV: `native` (this project's own scanner, several times faster), `arrow` (pyarrow, "
        "with the same outcome), or `auto`: native where it was compiled when staxpipe was installed.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the secret that one of the others names, then staxpipe.toml."""
        file = TomlConfigSettingsSource(settings_cls)
        told = {**file(), **env_settings(), **init_settings()}
        secret = InitSettingsSource(settings_cls, _in_secret(settings_cls, told))
        return init_settings, env_settings, secret, file

    @model_validator(mode="after")
    def _ports_differ(self) -> Settings:
        taken = [port for port in (self.web_port, self.dagster_port, self.postgres_port) if port]
        if len(taken) != len(set(taken)):
            raise ValueError("web_port, dagster_port and postgres_port must differ")
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Settings:
        mistake = oidc_mistake(self)
        if mistake is not None:
            raise ValueError(mistake)
        return self

    @property
    def links_sign_in(self) -> bool:
        """Whether one-time links let an operator in."""
        return self.oidc_issuer is None or self.sign_in_links

    @property
    def landing(self) -> str:
        """Where landed files go, as a folder path or an s3:// address."""
        return self.landing_url or str(self.home.expanduser().absolute() / "landing")

    @property
    def lake(self) -> str:
        """Where the lake lives, as a folder path or an s3:// address."""
        return self.lake_url or str(self.home.expanduser().absolute() / "lake")

    @property
    def base_url(self) -> str:
        """The onboarding pages' address, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.web_port}").rstrip("/")

    @property
    def dagster_url(self) -> str:
        """The Dagster UI's address, without a trailing slash."""
        return f"http://{self.host}:{self.dagster_port}"

    def signing_key(self) -> str:
        """The key that signs invitations and sessions; made on first use, readable by this user only."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        path = self.home.expanduser() / "secret-key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _whole_key(path)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return _whole_key(path)


def _whole_key(path: Path) -> str:
    """The key in a file that another process may be writing just now. An empty one would let anybody sign.

    Raises:
        PermanentError: the file holds no key.
    """
    for _ in range(_KEY_LOOKS):
        key = path.read_text()
        if len(key) >= SHORTEST_KEY:
            return key
        time.sleep(0.02)
    raise PermanentError(
        f"The file {path} holds no key of at least {SHORTEST_KEY} characters: whoever wrote it did not finish. Remove "
        "it and start again: a new one is made, and sessions and invitations that there were end."
    )


def _in_secret(settings_cls: type[BaseSettings], told: Mapping[str, object]) -> dict[str, object]:
    name, region = told.get("aws_secret"), told.get("region", settings_cls.model_fields["region"].default)
    if not isinstance(name, str) or not name or not isinstance(region, str) or not re.fullmatch(AWS_REGION, region):
        return {}  # where one is wrong, it is told with all other mistakes
    found = read_secret(name, region)
    wrong = misnamed(name, found, settings_cls.model_fields)
    if wrong is not None:
        raise PermanentError(wrong)
    return dict(found)


def read_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read and validate all settings.

    Raises:
        PermanentError: naming every setting that is wrong, each with its reason; or the secret that was named is not
            there, or may not be read.
        TransientError: AWS Secrets Manager does not answer.
    """
    try:
        return Settings(**(overrides or {}))  # type: ignore[arg-type]  # pydantic checks the types
    except ValidationError as error:
        raise PermanentError(wrong_settings(error, Settings.model_fields, FILE)) from None
    except (OSError, ValueError) as error:
        raise PermanentError(unreadable_file(Path(FILE), error)) from None
