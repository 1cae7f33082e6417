"""`staxpipe token`: tokens by which programs use the JSON API, made, listed and revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from staxpipe.db.api_tokens import ApiToken
    from staxpipe.settings import Settings

OPERATOR = "operator"

token = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Make, list and revoke tokens, by which Terraform, scripts and `staxpipe link` use the API (docs/api.md). "
    "Of a token only a hash is kept: it is shown once, when it is made.",
)

AsJson = Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")]


class Scope(StrEnum):
    """What a token opens, as it is typed."""

    OPERATOR = "operator"
    LINKER = "linker"


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, as in `terraform prod`.")],
    scope: Annotated[
        Scope, typer.Option(help="`operator` opens every request, `linker` those of the person it acts for.")
    ],
    acts_for: Annotated[
        str | None, typer.Option("--for", metavar="ADDRESS", help="Whom a linker's token acts for: a mail address.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days after which it expires.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, alone on standard output. It is not shown again.

    Example: staxpipe token create "terraform prod" --scope linker --for ada@example.com
    """
    from staxpipe.db import api_tokens, audit_log
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.onboarding.tokens import described
    from staxpipe.settings import read_settings

    settings, now = read_settings(), datetime.now(UTC)
    person, label, kind = _person(scope, acts_for, settings), _name(name), api_tokens.Scope(scope.value)
    with open_database(settings) as engine, engine.begin() as connection:
        made, secret = api_tokens.issue(connection, label, kind, person, OPERATOR, now, timedelta(days=days))
        subject = f"token:{made.id}"
        audit_log.record(connection, OPERATOR, "token.made", subject, "done", whereabouts(), described(made))
    if as_json:
        print(json.dumps(_as_json(made, settings, now) | {"token": secret}, indent=2))
        return
    print(secret)
    words = f"Token {made.id} opens what is {'everybody' if kind is api_tokens.Scope.OPERATOR else person}'s, until "
    _tell(f"{words}{made.expires_at:%Y-%m-%d %H:%M} UTC. Keep it as you keep a password: it is not shown again.")


@token.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """Show every token that was ever made, the newest first: for whom, until when, used when."""
    from staxpipe.db import api_tokens
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings

    settings, now = read_settings(), datetime.now(UTC)
    with open_database(settings) as engine, engine.connect() as connection:
        found = api_tokens.every(connection)
    if as_json:
        print(json.dumps([_as_json(one, settings, now) for one in found], indent=2, ensure_ascii=False))
    elif found:
        _show(found, settings, now)
    else:
        standard_output().print("No token was made yet. `staxpipe token create` makes one.")


@token.command()
def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="ID_OR_ADDRESS",
            help="One, as `staxpipe token list` shows it; or a person's mail address: all of theirs.",
        ),
    ],
) -> None:
    """End a token at once, for whoever has it; or all of a person who has left. It cannot be taken back; make another.

    Example: staxpipe token revoke k3j9x2ab
    """
    from staxpipe.db import api_tokens, audit_log
    from staxpipe.errors import PermanentError
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.onboarding.tokens import described
    from staxpipe.settings import read_settings

    if which.startswith(api_tokens.PREFIX):
        raise PermanentError("ID is the token's short name, not the token itself: see `staxpipe token list`.")
    now = datetime.now(UTC)
    with open_database(read_settings()) as engine, engine.begin() as connection:
        if "@" in which:
            ended = api_tokens.revoke_held_by(connection, which.lower(), tuple(api_tokens.Scope), now)
        else:
            one = api_tokens.revoke(connection, which, now)
            ended = [one] if one else []
        for each in ended:
            subject = f"token:{each.id}"
            audit_log.record(connection, OPERATOR, "token.revoked", subject, "done", whereabouts(), described(each))
    if not ended:
        raise PermanentError(
            f"There is no token {'of ' if '@' in which else ''}{which} that could be revoked. `staxpipe token list` "
            "shows all, with their ids."
        )
    for each in ended:
        _tell(f"Token {each.id} ({each.name}) opens nothing any more.")


def _person(scope: Scope, acts_for: str | None, settings: Settings) -> str:
    from staxpipe.errors import PermanentError
    from staxpipe.onboarding.tokens import clean_holder

    if scope is Scope.OPERATOR:
        if acts_for is not None:
            raise PermanentError("--for: an operator's token acts for the operator; only a linker's is for somebody.")
        return OPERATOR
    try:
        return clean_holder(acts_for or "", settings)
    except ValueError as error:
        raise PermanentError(f"--for: {error}") from None


def _name(name: str) -> str:
    from staxpipe.errors import PermanentError
    from staxpipe.onboarding.tokens import clean_label

    try:
        return clean_label(name)
    except ValueError as error:
        raise PermanentError(f"NAME: {error}") from None


def _show(found: list[ApiToken], settings: Settings, now: datetime) -> None:
    from staxpipe.onboarding.tokens import standing

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("id", "standing"):
        table.add_column(name, no_wrap=True)
    for name in ("name", "scope", "for", "until", "last used"):
        table.add_column(name, overflow="fold")
    colours = {"valid": "green", "expired": "yellow", "revoked": "dim", "suspended": "yellow"}
    for one in found:
        stands = standing(one, settings, now)
        table.add_row(
            one.id,
            Text(stands, colours[stands]),
            Text(one.name),
            one.scope.value,
            Text(one.acts_for),
            _moment(one.expires_at),
            _moment(one.last_used_at) if one.last_used_at else "never",
        )
    print_table(standard_output(), table, leading=1)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _as_json(one: ApiToken, settings: Settings, now: datetime) -> dict[str, object]:
    from staxpipe.onboarding.tokens import standing

    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope.value,
        "for": one.acts_for,
        "standing": standing(one, settings, now),
        "created_by": one.created_by,
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
    }


def _tell(sentence: str) -> None:
    Console(stderr=True).print(sentence, highlight=False, markup=False, soft_wrap=True)
