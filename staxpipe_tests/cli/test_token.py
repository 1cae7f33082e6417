"""`staxpipe token` as a person types it: what is printed, what is kept, and what is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from staxpipe.cli.token import token
from staxpipe.db import api_tokens, audit_log
from staxpipe.errors import PermanentError
from staxpipe.local.terminal import whereabouts


@pytest.fixture(autouse=True)
def here(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(token, list(arguments), catch_exceptions=False)


def test_a_token_is_made_shown_once_listed_and_revoked(engine: Engine) -> None:
    assert "No token was made yet" in typed("list").stdout
    made = typed("create", "terraform prod", "--scope", "linker", "--for", "ada@Example.com", "--days", "30")
    secret = made.stdout.strip()
    assert made.stdout == f"{secret}\n", "alone on standard output, for a variable of a script"
    assert "opens what is ada@example.com's" in made.stderr
    assert secret not in made.stderr
    [listed] = json.loads(typed("list", "--json").stdout)
    assert (listed["name"], listed["scope"], listed["for"]) == ("terraform prod", "linker", "ada@example.com")
    assert (listed["standing"], listed["last_used_at"]) == ("valid", None)
    assert secret not in typed("list").stdout
    assert "never" in typed("list").stdout
    assert "opens nothing any more" in typed("revoke", listed["id"]).stderr
    assert "revoked" in typed("list").stdout
    with engine.connect() as connection:
        found = api_tokens.find(connection, secret)
        acts = audit_log.entries(connection)[::-1]
    assert found is not None
    assert (found.expires_at - found.created_at).days == 30
    assert [(act.actor, act.action, act.subject, act.source_ip) for act in acts] == [
        ("operator", "token.made", f"token:{found.id}", whereabouts()),
        ("operator", "token.revoked", f"token:{found.id}", whereabouts()),
    ]
    assert secret not in str(acts)


def test_programs_get_it_as_json() -> None:
    made = json.loads(typed("create", "ci", "--scope", "operator", "--json").stdout)
    assert made["token"].startswith("sxp_")
    assert (made["scope"], made["for"]) == ("operator", "operator")


def test_all_of_a_person_who_has_left_are_revoked(engine: Engine) -> None:
    for name, whose in (("one", "ada"), ("two", "ada"), ("other", "grace")):
        typed("create", name, "--scope", "linker", "--for", f"{whose}@example.com")
    told = typed("revoke", "Ada@example.com").stderr
    assert told.count("opens nothing any more") == 2
    stands = {one["name"]: one["standing"] for one in json.loads(typed("list", "--json").stdout)}
    assert stands == {"one": "revoked", "two": "revoked", "other": "valid"}
    with engine.connect() as connection:
        revoked = [act.detail["name"] for act in audit_log.entries(connection) if act.action == "token.revoked"]
    assert sorted(str(name) for name in revoked) == ["one", "two"]
    with pytest.raises(PermanentError, match=r"no token of ada@example\.com"):
        typed("revoke", "ada@example.com")


def test_who_may_not_sign_in_gets_none_and_loses_what_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    typed("create", "before", "--scope", "linker", "--for", "ada@example.com")
    for name, value in (("ISSUER", "https://login.example.com"), ("CLIENT_ID", "x"), ("CLIENT_SECRET", "y")):
        monkeypatch.setenv(f"STAXPIPE_OIDC_{name}", value)
    monkeypatch.setenv("STAXPIPE_OIDC_OPERATORS", "grace@example.com")
    [listed] = json.loads(typed("list", "--json").stdout)
    assert listed["standing"] == "suspended"
    assert "suspended" in typed("list").stdout
    with pytest.raises(PermanentError, match=r"ada@example\.com may not sign in here"):
        typed("create", "after", "--scope", "linker", "--for", "ada@example.com")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("create", "ci", "--scope", "linker"), "--for: Write the mail address"),
        (("create", "ci", "--scope", "linker", "--for", "ada"), "--for: ada is not a mail address"),
        (("create", "ci", "--scope", "operator", "--for", "ada@example.com"), "--for: an operator's token"),
        (("create", " ", "--scope", "operator"), "NAME: Say what the token is for, on one line"),
        (("create", "a\nb", "--scope", "operator"), "NAME: Say what the token is for, on one line"),
        (("revoke", "nothing"), "no token nothing"),
        (("revoke", "sxp_secret"), "not the token itself"),
    ],
)
def test_what_cannot_be_is_a_sentence(engine: Engine, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        typed(*arguments)
    with engine.connect() as connection:
        assert api_tokens.every(connection) == []
        assert audit_log.entries(connection) == []
