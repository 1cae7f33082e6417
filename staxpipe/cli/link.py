"""`staxpipe link`: link an account from a terminal or a script, through the JSON API of a staxpipe anywhere."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from staxpipe.cli.tables import standard_output

if TYPE_CHECKING:
    from staxpipe.onboarding.api.client import Client
    from staxpipe.settings import Settings

SECONDS_APART = 5.0
NEEDS_SOMEBODY = 3
TIMED_OUT = 4

_OVER = {"cancelled", "ended"}
_GIVEN_UP = {"refused", "expired"}
_STUCK = _OVER | _GIVEN_UP | {"paused"}
_LINKED = {"linked", "empty", "loading", "ready"}
_MOST_OVER = 100
_GOES_ON = "staxpipe goes on by itself; the same command follows it again."


class Until(StrEnum):
    """What to wait for."""

    LINKED = "linked"
    READY = "ready"


def link(
    account: Annotated[str, typer.Argument(help="The AWS account to link, by its 12 digits.")],
    bucket: Annotated[str, typer.Option(help="The S3 bucket that its billing reports are delivered to.")],
    prefix: Annotated[str, typer.Option(help="The folder below which the reports are.")] = "",
    region: Annotated[str | None, typer.Option(help="The bucket's region; default: STAXPIPE_REGION.")] = None,
    contact: Annotated[str | None, typer.Option(help="Who is told when the data is ready: a mail address.")] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="Create the stack, with your own AWS credentials of that account.")
    ] = False,
    wait: Annotated[
        Until | None, typer.Option(help="Follow until the account is `linked`, or its data is `ready`.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, help="Minutes to wait at most.")] = 60,
    api_url: Annotated[
        str | None, typer.Option(help="Which staxpipe; default: STAXPIPE_API_URL, or the one on this machine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The request as one JSON object on standard output.")] = False,
) -> None:
    """Begin to link an account and print what to create in AWS. Given again, it goes on with the same request, and has
    the role looked for again where that was given up.

    The token is STAXPIPE_API_TOKEN; `staxpipe token create` makes one. Nothing is created in AWS, unless you say
    --deploy: run the command that is printed, where you are signed in to the account. With --deploy, the template that
    this very installation has is deployed by the AWS credentials that the AWS CLI would use here; a stack that is
    there is updated.

    Exit codes: 0, done, or what was waited for has come; 1, it could not be done; 2, wrongly typed; 3, while waiting:
    somebody must do something first, and it says what; 4, while waiting: the time is over, and staxpipe goes on.

    Example: staxpipe link 111122223333 --bucket acme-billing-reports --prefix cur --region eu-west-1 --wait ready
    """
    from staxpipe.cli.own_stack import deploy_stack
    from staxpipe.onboarding.api.client import Client, in_the_clear
    from staxpipe.settings import read_settings

    settings = read_settings()
    details = {"account_id": account, "bucket": bucket, "prefix": prefix, "region": region or settings.region}
    if contact is not None:
        details["contact"] = contact
    url = _url(settings, api_url)
    with Client(url, _token(settings)) as client:
        if in_the_clear(url):
            _tell(f"{url} is asked without TLS: whoever is on the way can read the token. Use https.")
        found = _begin(client, details)
        if not as_json:
            _show(found, commands=not deploy)
        if deploy:
            deploy_stack(client, details, found, _tell)
        code = 0
        if wait is not None:
            code, found = _follow(client, found, wait, timeout)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    raise typer.Exit(code)


def _url(settings: Settings, given: str | None) -> str:
    from staxpipe.local.address import pages_url

    return given or settings.api_url or pages_url(settings)


def _token(settings: Settings) -> str:
    from staxpipe.errors import PermanentError

    if settings.api_token is None:
        raise PermanentError(
            "STAXPIPE_API_TOKEN is not set. `staxpipe token create` makes a token, where staxpipe runs."
        )
    return settings.api_token.get_secret_value()


def _begin(client: Client, details: dict[str, str]) -> dict[str, Any]:
    """The request for this account, bucket and prefix that is not over: begun now or before."""
    from staxpipe.errors import PermanentError
    from staxpipe.onboarding.api.client import NotDoneError, key_for

    for nth in range(1, _MOST_OVER + 1):
        key = key_for(details, nth)
        try:
            found = client.begin(key, details)
        except NotDoneError as error:
            if error.code != "key-used":
                raise
            raise PermanentError(
                f"Account {details['account_id']} and this bucket are asked for already, with another region or "
                "contact. Correct them on the request's page, or give the command as it was given then."
            ) from None
        if found["stage"] in _GIVEN_UP:
            _tell(f"{found['headline']}. It is looked for again.")
            client.resume(found["id"])
            return client.begin(key, details)  # what to deploy is said again, too
        if found["stage"] not in _OVER:
            return found
    raise PermanentError(f"{_MOST_OVER} requests for this account and bucket were cancelled. Use the pages instead.")


def _show(found: dict[str, Any], *, commands: bool) -> None:
    _say(f"Request {found['id']}: {found['headline']}. {found['text']}")
    stack = found["deployment"]
    if stack is None:
        _say(found["deployment_missing"])
    elif commands and found["stage"] == "listening":
        _say(f"\nCreate this stack in account {found['account_id']}, as somebody who is signed in to it:\n")
        _say(f"curl -fsSo staxpipe-link.yaml {stack['template_download']}\n{stack['command']}\n")
        if stack["console_url"]:
            _say(f"Or open this page of the AWS console:\n\n{stack['console_url']}\n")


def _follow(client: Client, found: dict[str, Any], until: Until, minutes: int) -> tuple[int, dict[str, Any]]:
    """Follow the request, telling what changes on standard error; the exit code and how it stood last.

    What only the answer to beginning it has (what to deploy) stays in it.
    """
    from staxpipe.errors import TransientError

    deadline = time.monotonic() + minutes * 60.0
    told = None
    while True:
        words = f"{found['headline']}. {found['text']}"
        if words != told:
            _tell(words)
            told = words
        if reached(found["stage"], until):
            return 0, found
        if found["stage"] in _STUCK:
            return NEEDS_SOMEBODY, found
        if time.monotonic() + SECONDS_APART > deadline:
            _tell(f"That took {'a minute' if minutes == 1 else f'{minutes} minutes'}. {_GOES_ON}")
            return TIMED_OUT, found
        try:
            time.sleep(SECONDS_APART)
            found = found | client.read(found["id"])
        except TransientError as error:  # it restarts, or the network is gone for a moment
            _tell(str(error), style="dim")
        except KeyboardInterrupt:
            _tell(_GOES_ON)
            raise


def reached(stage: str, until: Until) -> bool:
    """Whether a request that stands so is where it was waited for."""
    return stage == "ready" or (until is Until.LINKED and stage in _LINKED)


def _say(sentence: str) -> None:
    standard_output().print(sentence, highlight=False, markup=False, soft_wrap=True)


def _tell(sentence: str, style: str | None = None) -> None:
    """On standard error: standard output is for what a script reads."""
    Console(stderr=True).print(sentence, style=style, highlight=False, markup=False, soft_wrap=True)
