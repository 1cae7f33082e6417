"""The role's template is made from the permission manifest, whatever that holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cfnlint import api as cfn_lint
from cfnlint import decode as cfn_decode

from staxpipe.aws.permissions import GRANTED, MANIFEST, Permission, switches
from tools.role_template import MEMBERS_TEMPLATE, TEMPLATE, main, members_template, template

BY_DEFAULT = tuple(permission for permission in GRANTED if permission.switch is None or permission.switch.pattern)


def statements(text: str) -> list[dict[str, Any]]:
    """Of the role's policy, as if every choice was made."""
    decoded, _ = cfn_decode.decode_str(text)
    [policy] = decoded["Resources"]["LinkRole"]["Properties"]["Policies"]
    found = policy["PolicyDocument"]["Statement"]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


def actions(text: str) -> list[str]:
    found = [statement["Action"] for statement in statements(text)]
    return [action for each in found for action in (each if isinstance(each, list) else [each])]


def test_the_committed_template_is_what_the_manifest_says() -> None:
    assert TEMPLATE.read_text() == template(), "run: make format"
    assert MEMBERS_TEMPLATE.read_text() == members_template(), "run: make format"
    assert main(["--check"]) == 0


@pytest.mark.parametrize("permissions", [GRANTED, MANIFEST, BY_DEFAULT], ids=["granted", "all", "without choices"])
def test_any_manifest_makes_a_template_that_cfn_lint_accepts(permissions: tuple[Permission, ...]) -> None:
    text = template(permissions)
    assert [str(match) for match in cfn_lint.lint(text, regions=["us-east-1"])] == []
    assert actions(text) == [permission.action for permission in permissions]
    assert "<<" not in text
    assert text.count("Type: AWS::") == 1, "one role and nothing else"
    declared = cfn_decode.decode_str(text)[0]["Parameters"]
    known = {switch.parameter for switch in switches(MANIFEST)}
    assert known & set(declared) == {switch.parameter for switch in switches(permissions)}


def test_a_choice_is_off_unless_made_and_its_statement_depends_on_it() -> None:
    decoded, _ = cfn_decode.decode_str(template(MANIFEST))
    [policy] = decoded["Resources"]["LinkRole"]["Properties"]["Policies"]
    conditional = {
        statement["Fn::If"][1]["Sid"]: statement["Fn::If"][0]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in statement
    }
    assert conditional == {each.sid: each.switch.condition for each in MANIFEST if each.switch}
    for switch in switches(MANIFEST):
        assert decoded["Parameters"][switch.parameter]["Default"] == ("" if switch.pattern else "false")
        assert switch.condition in decoded["Conditions"]


def test_every_statement_has_its_reason_above_it() -> None:
    text = template()
    for permission in GRANTED:
        comment = re.search(rf"((?: +#.*\n)+)(?:.*!If\n.*\n)? +- Sid: {permission.sid}\n", text)
        assert comment, permission.action
        said = " ".join(re.findall(r"# (.*)", comment[1]))
        first, *more = [other for other in GRANTED if other.sid == permission.sid]
        assert said.startswith(first.remark if more else first.reason), "each of several actions has its own"
    assert max(len(line) for line in text.splitlines()) <= 130


def test_actions_of_one_statement_are_listed_each_with_its_reason() -> None:
    text = template(MANIFEST)
    for permission in MANIFEST:
        if permission.sid == "ReadOrganization":
            assert re.search(rf"# {re.escape(permission.reason)}\n +- {permission.action}\n", text)
