"""Errors as programs get them: RFC 9457 problem details, whose `detail` is a sentence for a person.

`code` is a stable name that a program can tell them apart by: all of them are in `codes`. How one is answered, and how
it is described, is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from staxpipe.onboarding.api.codes import ALWAYS, CODES, usual

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

    type: str = Field(
        description="Always `about:blank`: the status says what kind of problem it is.", examples=["about:blank"]
    )
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    detail: str = Field(description="What happened and what to do, in sentences for a person.")
    code: str = Field(description="A stable name, for programs.", examples=["already-linked"])
    errors: list[FieldProblem] = Field(description="The fields that are wrong, where some are.")


class ProblemError(HTTPException):
    """Something that is not done, with its reason."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.errors = errors or {}


_REFERENCE = {"$ref": "#/components/schemas/Problem"}
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
    problem = _problem(status, code or usual(status), detail, errors)
    return JSONResponse(problem.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """How the description says that an operation may end so, beside the ways that each of them has: by status, with an
    example of each code.
    """
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *ALWAYS):
        by_status.setdefault(CODES[code].status, []).append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {CODES[code].words}" for code in found),
            "content": {
                MEDIA_TYPE: {
                    "schema": _REFERENCE,
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in found},
                }
            },
            "headers": _HEADERS.get(status, {}),
        }
        for status, found in sorted(by_status.items())
    }


def examples() -> dict[str, Any]:
    """A problem of each code, for the description."""
    return {
        code: {"summary": words, "value": _problem(status, code, None, None).model_dump()}
        for code, (status, words) in CODES.items()
    }


def _problem(status: int, code: str, detail: str | None, errors: Mapping[str, str] | None) -> Problem:
    return Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail or CODES[code].words,
        code=code,
        errors=[FieldProblem(field=field, detail=words) for field, words in (errors or {}).items()],
    )


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
