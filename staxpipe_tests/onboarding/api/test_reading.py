"""The page of the API says what the description says: each operation, field and refusal, and asks nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from staxpipe.onboarding.api import reading
from staxpipe.onboarding.api.codes import CODES
from staxpipe_tests.onboarding.api.conftest import Pages, description


def test_the_page_has_every_operation_field_and_code(pages: Pages) -> None:
    answer = pages.visitor().get("/help/api")
    assert answer.status_code == 200
    page = answer.text
    for operation in reading.operations(description()):
        assert f"<code>{operation.method} {operation.path}</code>" in page
    for shape in reading.shapes(description()):
        assert f'id="{shape.name}"' in page
        assert all(f"<code>{field.name}</code>" in page for field in shape.fields)
    used = set(CODES) - {"method-not-allowed", "conflict"}
    assert all(f"<code>{code}</code>" in page for code in used)
    assert "`" not in page, "what is code looks so"
    anchors = set(re.findall(r'href="#(\w+)"', page)) - {"content"}
    assert anchors <= set(re.findall(r'id="(\w+)"', page))
    assert 'href="/api/v1/openapi.json"' in page


def test_what_is_sent_is_told_from_what_is_answered() -> None:
    assert reading.sent(description()) == {"AccountDetails", "BeginRequest", "SaveDetails", "Invite", "EndLink"}
    begin = next(each for each in reading.operations(description()) if each.id == "begin_request")
    assert (begin.sent, begin.answered, begin.token) == ("BeginRequest", "BegunRequest", True)
    assert [(each.name, each.required) for each in begin.parameters] == [("Idempotency-Key", True)]
    template = next(each for each in reading.operations(description()) if each.id == "read_role_template")
    assert (template.sent, template.answered, template.token, template.refusals) == (None, None, False, ())


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date-time"}, "moment"),
        ({"type": "string", "enum": ["keep", "delete"]}, "keep, delete"),
        ({"type": "string", "enum": [str(number) for number in range(20)]}, "0, … 19"),
        ({"type": "string", "const": "CAPABILITY_NAMED_IAM"}, "CAPABILITY_NAMED_IAM"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Month"}}, "list of Month"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of text"),
        (
            {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "integer"}}},
            "object of object of whole number",
        ),
        ({"type": "boolean"}, "true or false"),
    ],
)
def test_kinds_are_words(rules: dict[str, Any], words: str) -> None:
    assert reading.kind(rules) == words
