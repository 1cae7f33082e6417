"""The AWS stand-in with a record of what it was asked and by whom, as a program for `AwsStandIn` to run.

It is kept where every request arrives, whichever process and library sent it. The names are IAM's: the stand-in itself
tells which action a request needs, as it must to grant or refuse it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from staxpipe.local.aws_stand_in import serve

_LINK_ROLE = re.compile(r"arn:aws:sts::[0-9]{12}:assumed-role/staxpipe-link-[a-z0-9]{12}/")
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")


def program(record: Path) -> tuple[str, ...]:
    """What `AwsStandIn` is to run, so that it writes to this file."""
    return ("-m", __name__, str(record))


def asked_of_link_roles(record: Path) -> set[str]:
    """The IAM actions that sessions of linked accounts' roles asked for, whether they were granted or not."""
    lines = (line.split(" ", 1) for line in record.read_text().splitlines())
    return {action for principal, action in lines if _LINK_ROLE.match(principal)}


def _action(named: str | None, method: str, path: str, headers: Mapping[str, str]) -> str:
    """What the stand-in calls the action; of a service that it does not know, what the request itself says."""
    signed = _SIGNED_FOR.search(headers.get("authorization", ""))
    service = signed[1] if signed else "nobody"
    if named is not None and named.startswith(f"{service}:"):
        return named
    return f"{service}:{headers.get('x-amz-target', '').rpartition('.')[2] or f'{method} {path}'}"


def _record_into(record: Path) -> None:
    from ministack.core import iam_actions, iam_evaluator, responses, router

    extract = iam_actions.extract_iam_action

    def recorded(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> str | None:
        named: str | None = extract(service, method, path, headers, body, query)
        key = router.extract_access_key_id(headers, query)
        principal = iam_evaluator.resolve_principal(key, responses.get_account_id())
        with record.open("a") as file:
            file.write(f"{getattr(principal, 'arn', 'nobody')} {_action(named, method, path, headers)}\n")
        return named

    iam_actions.extract_iam_action = recorded


if __name__ == "__main__":
    _record_into(Path(sys.argv[1]))
    serve()
