"""The API as an application of its own, below `/api/v1`: its operations, its errors, and its description."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from staxpipe.onboarding.api import (
    acts,
    answers,
    beginning,
    deploying,
    invitations,
    problems,
    requests,
    templates,
    tokens,
    unlinking,
)
from staxpipe.onboarding.api.problems import Problem, ProblemError
from staxpipe.onboarding.limits import TooManyError
from staxpipe.onboarding.site import NotTheirsError, Site

PATH = answers.PATH
_log = logging.getLogger(__name__)

_DESCRIPTION = """
Link AWS accounts from Terraform, scripts and programs. What can be done here is what the pages do: begin a request,
create the role that it asks for, and follow it until its data is ready.

Every operation but the template's wants a token. Errors are problem details (RFC 9457): `detail` is for people, `code`
for programs. A request is begun under a key of your own, so that sending it twice begins one.
"""


_TAGS = [
    {"name": "requests", "description": "From the wish to link an account to its data."},
    {"name": "links", "description": "What a request becomes once its role is proved safe."},
    {"name": "invitations", "description": "Colleagues who are asked by mail to go on with a request."},
    {"name": "token", "description": "What lets a program in."},
    {"name": "templates", "description": "What is deployed in AWS."},
]


def create_api(site: Site) -> FastAPI:
    """The API for one site, to be mounted at `PATH`."""
    api = FastAPI(
        title="staxpipe",
        version="1",
        summary="Link AWS accounts.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,  # FastAPI's pages load from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PATH}],
        root_path_in_servers=False,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
    )
    api.state.site = site
    for part in (beginning, requests, deploying, acts, unlinking, invitations, tokens, templates):
        api.include_router(part.router)

    def described() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _described(api)
        return api.openapi_schema

    api.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to add to the description
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(OperationalError, _no_database)
    api.add_exception_handler(Exception, _crash)
    return api


def _described(api: FastAPI) -> dict[str, Any]:
    described = get_openapi(
        title=api.title,
        version=api.version,
        summary=api.summary,
        description=api.description,
        tags=api.openapi_tags,
        routes=api.routes,
        servers=api.servers,
    )
    _, problem = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    described["components"]["schemas"] |= problem["$defs"]
    described["components"]["examples"] = problems.examples()
    return described


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, NotTheirsError):
        error.visit.note_refusal(error.action, error.subject)
    if isinstance(error, TooManyError):
        return problems.answer(429, detail=error.sentences, headers=error.headers)
    if isinstance(error, ProblemError):
        return problems.answer(error.status_code, error.code, error.detail, error.errors, error.headers)
    if isinstance(error, HTTPException):
        headers = {**(error.headers or {}), **(_allowed(request) if error.status_code == 405 else {})}
        return problems.answer(error.status_code, headers=headers)
    raise error


def _allowed(request: Request) -> dict[str, str]:
    """Every method of an address: Starlette names those of the first of its routes only."""
    here = request.url.path.removeprefix(PATH)
    for path, methods in request.app.openapi()["paths"].items():
        if compile_path(path)[0].match(here):
            return {"Allow": ", ".join(sorted(method.upper() for method in methods))}
    return {}


def _invalid(_: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(one["type"] == "json_invalid" for one in found):
        return problems.answer(400)
    return problems.answer(422, errors=problems.wrong_fields(found))


def _no_database(_: Request, error: Exception) -> Response:
    _log.error("the metadata database does not answer: %s", error)
    return problems.answer(503)


def _crash(_: Request, __: Exception) -> Response:  # the server logs the exception itself
    return problems.answer(500)
