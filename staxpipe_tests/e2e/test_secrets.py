"""No secret stands in anything that staxpipe writes down or says, when everything runs and some of it fails."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import typer
from sqlalchemy import NullPool, create_engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from staxpipe.cli.audit import audit
from staxpipe.cli.ledger import ledger
from staxpipe.cli.source import source
from staxpipe.cli.sql import sql
from staxpipe.cli.status import status
from staxpipe.cli.token import token
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.links import Link
from staxpipe.db.tables import link_requests, links
from staxpipe.demo import linking, watching
from staxpipe.demo.run import READY_SUBJECT
from staxpipe.errors import PermanentError
from staxpipe.local.database import DAGSTER_DATABASE
from staxpipe_tests.e2e.conftest import Stage

INVITED = "barbara@harbour.example"

KEEPS_SECRETS = ("secret-key", "postgres/password", "postgres/data")
"""Where secrets belong: files that only their owner can read. The database's own files hold what its tables hold."""

TABLES_WITH_SECRETS = {"link_requests", "links", "outbox"}
"""ExternalIds, and mails that wait with their links. Nobody but the application reads these tables."""


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="as the other end-to-end tests")
def test_no_log_no_table_and_no_command_tells_a_secret(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    period = stage.periods[-1]
    stage.world.deliver(period, period.start + timedelta(days=6))
    sign_in = stage.runtime.sign_in_link()
    linking.sign_in(stage.browser, sign_in)
    page = linking.fill_form(stage.browser, stage.world)
    request = linking.request_id(page)
    invitation = invite(stage, request)
    linking.create_stack(stage.browser, stage.world, page)
    watching.until_linked(stage.browser, request)
    watching.until_loaded(stage.browser, request, 1, stage.said.append)
    watching.until_mail(stage.mailbox, READY_SUBJECT)
    for dead in (sign_in, f"{invitation}x", f"{stage.runtime.settings.base_url}/sign-in/{'x' * 43}"):
        with pytest.raises(PermanentError, match="answered 403"):
            stage.browser.open(dead)
    program = use_a_token(stage, request)
    broken = contradiction(stage)

    secrets = {"the token of a program": program, **known_secrets(stage, sign_in, invitation)}
    assert len(secrets) >= 9
    assert all(len(secret) >= 12 for secret in secrets.values())
    said = capfd.readouterr()
    places = {
        "what the supervisor told": "\n".join(stage.said),
        "standard output": said.out,
        "standard error": said.err,
        "an error of the database": broken,
        **files(stage.runtime.home),
        **tables(stage),
        **commands(stage),
    }
    told = [(what, place) for place, words in places.items() for what, secret in secrets.items() if secret in words]
    assert told == []

    # It was looked in the right places: what may be told is found in them.
    assert stage.world.payer in places["table audit_log"]
    assert INVITED in places["staxpipe audit"]
    assert "sign-in-link.made" in places["staxpipe audit"]
    assert "month.loaded" in places["staxpipe audit"]
    assert "terraform" in places["staxpipe token list"]
    assert any(request in words for place, words in places.items() if place.startswith("table "))
    assert "duplicate key value" in places["postgres/postgres.log"]
    assert sum("dagster" in place for place in places) >= 3
    assert "logs/pages.log" in places


def invite(stage: Stage, request: str) -> str:
    """Invite a colleague and take the address of the invitation out of the mail."""
    page = stage.browser.open(f"/requests/{request}/invite")
    stage.browser.press(page, "Send invitations", {"addresses": INVITED, "invited_by": "Ada", "note": ""})
    mail = watching.until_mail(stage.mailbox, "asks for your help")
    found = re.search(r"http://\S+/invite/\S+", mail.text)
    assert found is not None
    return found[0]


def use_a_token(stage: Stage, request: str) -> str:
    """Make a program's token, ask by it for the request with its ExternalId, then ask by one that is not known."""
    made = CliRunner().invoke(token, ["create", "terraform", "--scope", "operator", "--json"], env=whose(stage))
    secret = str(json.loads(made.stdout)["token"])
    address = f"{stage.runtime.settings.base_url}/api/v1/requests/{request}"
    for shown, status_code in ((secret, 200), (f"{secret}x", 401)):
        answer = httpx.get(address, headers={"Authorization": f"Bearer {shown}"}, trust_env=False)
        assert answer.status_code == status_code
    return secret


def whose(stage: Stage) -> Mapping[str, str]:
    """By which variables a command finds the stage's state."""
    return {"STAXPIPE_HOME": str(stage.runtime.home), "STAXPIPE_DATABASE_URL": stage.runtime.database_url}


def contradiction(stage: Stage) -> str:
    """Have the database refuse a row that holds an ExternalId, and give what the application would log of it."""
    with stage.runtime.engine.begin() as connection:
        row = connection.execute(select(link_requests)).mappings().one()
        with pytest.raises(IntegrityError) as caught, connection.begin_nested():
            connection.execute(link_requests.insert().values({**row, "role_name": "another"}))
        request = LinkRequest(**{name: row[name] for name in LinkRequest.__dataclass_fields__})
        link = Link(
            **{
                name: value
                for name, value in connection.execute(select(links)).mappings().one().items()
                if name in Link.__dataclass_fields__
            }
        )
    return f"{caught.value}\n{request!r}\n{link!r}"


def known_secrets(stage: Stage, sign_in: str, invitation: str) -> Mapping[str, str]:
    home = stage.runtime.home
    with stage.runtime.engine.connect() as connection:
        [external_id] = connection.scalars(select(link_requests.c.external_id))
    cookies = stage.browser._client.cookies  # a browser shows its cookies to nobody
    operator = stage.world.stand_in.environment(stage.world.operator)
    return {
        "the ExternalId": external_id,
        "the sign-in token": sign_in.rsplit("/", 1)[1],
        "the invitation": invitation.rsplit("/", 1)[1],
        "the signing key": (home / "secret-key").read_text().strip(),
        "the database's password": (home / "postgres" / "password").read_text().strip(),
        "the database's address": stage.runtime.database_url,
        **{f"the cookie {name}": value for name, value in cookies.items()},
        **{name: value for name, value in operator.items() if "SECRET" in name},
    }


def files(home: Path) -> Mapping[str, str]:
    """Every file that is not where secrets belong: logs, Dagster's files, the lake, what was landed."""
    return {
        name: path.read_bytes().decode("utf-8", "replace")
        for path in home.rglob("*")
        if path.is_file() and not (name := str(path.relative_to(home))).startswith(KEEPS_SECRETS)
    }


def tables(stage: Stage) -> Mapping[str, str]:
    """Every row of both databases, but of the tables that exist to hold a secret."""
    found = {}
    for database in (None, DAGSTER_DATABASE):
        address = make_url(stage.runtime.database_url)
        engine = create_engine(address.set(database=database or address.database), poolclass=NullPool)
        with engine.connect() as connection:
            for name in inspect(connection).get_table_names():
                if database is None and name in TABLES_WITH_SECRETS:
                    continue
                rows = connection.execute(text(f'SELECT to_jsonb(it)::text FROM "{name}" AS it')).scalars()
                found[f"table {f'{database}.' if database else ''}{name}"] = "\n".join(rows)
        engine.dispose()
    return found


def commands(stage: Stage) -> Mapping[str, str]:
    """What the operator's commands print."""
    asked = (
        ("status",),
        ("status", "--json"),
        ("audit",),
        ("audit", "--json"),
        ("token", "list"),
        ("token", "list", "--json"),
        ("ledger",),
        ("source", "list"),
        ("sql", "FROM audit_log", "--json"),
    )
    app = typer.Typer()
    for command in (status, audit, ledger, sql):
        app.command()(command)
    app.add_typer(source, name="source")
    app.add_typer(token, name="token")
    with contextlib.chdir(stage.runtime.home):
        answers = {f"staxpipe {' '.join(words)}": CliRunner().invoke(app, words, env=whose(stage)) for words in asked}
    assert [answer.exception for answer in answers.values() if answer.exit_code not in {0, 1}] == []
    return {name: answer.output for name, answer in answers.items()}
