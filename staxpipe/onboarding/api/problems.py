"""Errors as programs get them: RFC 9457 problem details, whose `detail` is a sentence for a person.

`code` is a stable name that a program can tell them apart by. What each status means is written here once, for answers
and for the description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
_MOST_TOLD = 20  # mistakes in one answer
_LONGEST_NAME = 100


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(
        description="The field, as in `details.bucket`; empty where it is the whole.", examples=["limit"]
    )
    detail: str = Field(description="What is wrong with it and what to write instead.")


class Problem(BaseModel):
    """Why something was not done (RFC 9457)."""

    type: str = Field("about:blank", description="Always `about:blank`: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    detail: str = Field(description="What happened and what to do, in sentences for a person.")
    code: str = Field(description="A stable name, for programs.", examples=["already-linked"])
    errors: list[FieldProblem] = Field([], description="The fields that are wrong, where some are.")


class ProblemError(HTTPException):
    """Something that is not done, with its reason."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.errors = errors or {}


_GENERAL = {
    400: ("unreadable", "What was sent cannot be read: it is not JSON in UTF-8."),
    401: ("token-missing", "Send a token: the header Authorization with “Bearer sxp_…”."),
    403: ("another-contact", "This token acts for one person, whose requests have no other contact."),
    404: ("not-found", "There is none, or it is not for this token to see."),
    405: ("method-not-allowed", "That cannot be done here: the description says which methods this address has."),
    409: ("conflict", "That does not go with how the request stands now."),
    413: ("too-large", "What was sent is larger than 64 KiB, and was not read."),
    422: ("invalid", "Something that was sent is not as it must be: see `errors`."),
    429: ("too-often", "That was done too often."),
    500: ("mistake-of-ours", "Something went wrong on our side; nothing you did caused this. Try again in a minute."),
    503: (
        "no-database",
        "The database does not answer: staxpipe is starting or being repaired. Try again in a minute.",
    ),
}
_ALWAYS = (401, 422, 429, 500, 503)
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "`Bearer`.", "required": True, "schema": {"type": "string"}}},
    429: {
        "Retry-After": {
            "description": "Seconds until it may be tried again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


def answer(
    status: int,
    code: str | None = None,
    detail: str | None = None,
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem as an answer; what is not given is what the status generally means."""
    general_code, general_detail = _GENERAL.get(status, _GENERAL[500 if status >= 500 else 409])
    problem = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail or general_detail,
        code=code or general_code,
        errors=[FieldProblem(field=field, detail=words) for field, words in (errors or {}).items()],
    )
    return JSONResponse(problem.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How the description says that an operation may end so, beside the ways that each of them has."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _GENERAL[status][1], "content": content, "headers": _HEADERS.get(status, {})}
        for status in sorted({*statuses, *_ALWAYS})
    }


def wrong_fields(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What FastAPI found wrong, as sentences by field."""
    found: dict[str, str] = {}
    for error in islice(errors, _MOST_TOLD):
        found.setdefault(_field(error["loc"]), _sentence(error))
    return found


def _field(place: Sequence[str | int]) -> str:
    """Its name: what comes first says whether it is of the body, the query or a header. It may be anything at all."""
    name = ".".join(str(part) for part in place[1:])
    return name[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _sentence(error: Mapping[str, Any]) -> str:
    said = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(said["error"])
        case "missing":
            return "This is missing."
        case "extra_forbidden":
            return "There is no such field."
        case "model_attributes_type" | "dict_type" | "model_type":
            return "Send a JSON object, with the header Content-Type: application/json."
        case "string_type" | "string_unicode":
            return "Write text in quotes, in UTF-8."
    return f"{error['msg']}."
