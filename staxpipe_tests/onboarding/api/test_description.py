"""The OpenAPI description says all that the API does: each operation, with examples, every answer, and who may."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from staxpipe.db import probes
from staxpipe.onboarding.api.codes import CODES
from staxpipe.onboarding.api.problems import Problem
from staxpipe_tests.onboarding.api.conftest import REQUESTS, Pages, begun, problem, program, token
from staxpipe_tests.onboarding.ledger import add_link

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = {"read_role_template"}


@pytest.fixture
def described(pages: Pages) -> dict[str, Any]:
    answer = pages.visitor().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation for methods in described["paths"].values() for operation in methods.values()
    }


def test_every_operation_is_described(described: dict[str, Any], pages: Pages) -> None:
    assert described["openapi"].startswith("3.1")
    assert described["servers"] == [{"url": "/api/v1"}]
    found = operations(described)
    assert set(found) == {
        "begin_request",
        "list_requests",
        "read_request",
        "save_details",
        "read_deployment",
        "read_doctor",
        "look_now",
        "cancel_request",
        "pause_link",
        "resume_request",
        "list_invitations",
        "invite",
        "resend_invitation",
        "withdraw_invitation",
        "read_link",
        "end_link",
        "read_token",
        "read_role_template",
    }
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], name
    for name, operation in found.items():
        if name not in PUBLIC:
            assert operation["security"] == [{"token": []}], name
            assert {"401", "422", "429", "500", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            assert response["description"] != "Successful Response", name
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
    assert {tag["name"] for tag in described["tags"]} == {tag for one in found.values() for tag in one["tags"]}
    schemes = described["components"]["securitySchemes"]
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    assert set(described["components"]["schemas"]) >= {"Problem", "FieldProblem", "LinkRequestOut", "Stack"}
    assert not any("ValidationError" in name for name in described["components"]["schemas"])
    problem(pages.visitor().get("/api/v1/docs"), 404, "not-found")


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert named
    assert named <= set(described["components"]["schemas"])
    links = described["paths"]["/requests"]["post"]["responses"]["201"]["links"]
    assert {link["operationId"] for link in links.values()} <= set(operations(described))


def test_what_is_answered_has_every_field(described: dict[str, Any]) -> None:
    """What may be missing is null: nobody has to ask whether a field is there."""
    schemas = described["components"]["schemas"]
    sent = {"AccountDetails", "BeginRequest", "SaveDetails", "Invite", "EndLink"}
    for name, schema in schemas.items():
        if "properties" in schema and name not in sent:
            assert set(schema["required"]) == set(schema["properties"]), name


def test_every_code_is_described_with_its_example(described: dict[str, Any]) -> None:
    """Which operation answers which is held by every test that gets a problem."""
    examples = described["components"]["examples"]
    assert set(examples) == set(CODES)
    for code, example in examples.items():
        assert (example["value"]["status"], example["value"]["code"]) == (CODES[code].status, code)
        Problem.model_validate(example["value"])
    used = {
        (int(status), code)
        for operation in operations(described).values()
        for status, response in operation["responses"].items()
        if status >= "400"
        for code in response["content"]["application/problem+json"]["examples"]
    }
    assert {code for _, code in used} == set(CODES) - {"method-not-allowed", "conflict"}, "those are of no operation"
    assert all(CODES[code].status == status for status, code in used)


def test_nothing_is_refused_by_a_code_that_is_not_described() -> None:
    source = "".join(path.read_text() for path in (ROOT / "staxpipe/onboarding/api").glob("*.py"))
    raised = set(re.findall(r'ProblemError\(\s*(\d+), "([a-z-]+)"', source))
    assert len(raised) >= 18
    assert [one for one in raised if one[1] not in CODES or str(CODES[one[1]].status) != one[0]] == []


def test_the_document_names_every_operation_and_code(described: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for path, methods in described["paths"].items():
        for method in methods:
            assert f"| `{method.upper()} {path}` |" in page
    rows = dict(re.findall(r"^\| ([45]\d\d) \| (.+) \|$", page, re.MULTILINE))
    told = {(int(status), code) for status, codes in rows.items() for code in re.findall(r"`([a-z-]+)`", codes)}
    assert told == {(reason.status, code) for code, reason in CODES.items()}


def shell(block: str, tmp_path: Path, pages: Pages, *arguments: str) -> str:
    """Run lines of the document as they stand there, as an operator's program; what they print."""
    environment = {**os.environ, "STAXPIPE": f"{pages.url}/api/v1", "TOKEN": token(pages)}
    script = ["bash", "-euo", "pipefail", "-c", block, "unlink.sh", *arguments]
    done = subprocess.run(
        script, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(beginning: str) -> str:
    """The block of the document that begins so, without that line."""
    page = (ROOT / "docs" / "api.md").read_text()
    [found] = re.findall(rf"```sh\n{re.escape(beginning)}[^\n]*\n(.*?)```", page, re.DOTALL)
    return str(found)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documents_lines_for_curl_work(pages: Pages, tmp_path: Path) -> None:
    [listed] = json.loads(shell(lines("export STAXPIPE="), tmp_path, pages))["requests"]
    begun = json.loads((tmp_path / "request.json").read_text())
    assert (listed["id"], listed["stage"]) == (begun["id"], "listening")
    assert "ExternalId=" in begun["deployment"]["command"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documents_script_ends_what_is_linked_and_cancels_what_is_not(pages: Pages, tmp_path: Path) -> None:
    client, script = program(pages), lines("# unlink.sh ACCOUNT KEY")
    linked, pending = begun(client), begun(client, key="second", bucket="another-bucket")
    with pages.engine.begin() as connection:
        assert probes.mark_linked(connection, linked, pages.clock.now)
        add_link(connection, linked, pages.clock.now)
    shell(script, tmp_path, pages, "123456789012", "first")
    shell(script, tmp_path, pages, "123456789012", "second")
    assert client.get(f"{REQUESTS}/{linked}/link").json()["stage"] == "deleting"
    assert client.get(f"{REQUESTS}/{pending}").json()["stage"] == "cancelled"
