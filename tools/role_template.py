"""Write the templates of roles in cfn/ anew from the permission manifest: ``python tools/role_template.py``.

What is the same for every manifest (who may use the role, where the reports are) stands in role_template.yaml beside
this file. members_template.yaml is the StackSet that gives the same role to members of an organisation: the role within
it is the one of role_template.yaml, with the account's number in what must differ from member to member. With
``--check`` nothing is written; the exit status says whether the templates are up to date.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from staxpipe.aws.permissions import GRANTED, GRANTED_BY_MEMBERS, Permission, switches
from staxpipe.aws.switches import Switch

SKELETON = Path(__file__).with_suffix(".yaml")
MEMBERS_SKELETON = SKELETON.with_name("members_template.yaml")
TEMPLATE = Path(__file__).resolve().parents[1] / "cfn" / "staxpipe-link.yaml"
MEMBERS_TEMPLATE = TEMPLATE.with_name("staxpipe-members.yaml")
WIDTH = 120

_OF_EACH_MEMBER = {
    "!Ref ExternalId": '!Sub "${ExternalId}-${AWS::AccountId}"',
    "RoleName: !Ref RoleName": 'RoleName: !Sub "${RoleName}-${AWS::AccountId}"',
    "${BucketName}": "${BucketNameBefore}${AWS::AccountId}${BucketNameAfter}",
    # A boundary is another account's policy in each member, which one parameter cannot name.
    "      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]\n": "",
}
"""What in the role's template is another thing in each member."""

_HANDED_ON = ("OperatorPrincipalArn", "ExternalId", "RoleName", "BucketNameBefore", "BucketNameAfter", "BucketPrefix")


def template(permissions: Sequence[Permission] = GRANTED) -> str:
    """The template that grants these permissions, and has the parameters by which some of them are chosen."""
    given = switches(permissions)
    choices = ", ".join(switch.parameter for switch in given if not switch.pattern)
    text = SKELETON.read_text(encoding="utf-8").replace("<<choices>>, ", f"{choices}, " if choices else "")
    return _with_sections(
        text,
        {
            "labels": [_label(switch) for switch in given],
            "parameters": [_parameter(switch) for switch in given],
            "conditions": [_condition(switch) for switch in given],
            "statements": _statements(permissions),
        },
    )


def members_template(permissions: Sequence[Permission] = GRANTED_BY_MEMBERS) -> str:
    """The template of the StackSet by which every member grants these permissions."""
    given = switches(permissions)
    skeleton = SKELETON.read_text(encoding="utf-8")
    [prefix] = re.findall(r"^  BucketPrefix:\n((?:    .*\n)+)  <<parameters>>", skeleton, flags=re.MULTILINE)
    [role] = re.findall(r"^Resources:\n.*?(?=^Outputs:)", skeleton, flags=re.MULTILINE | re.DOTALL)
    role = _with_sections(role.rstrip("\n") + "\n", {"statements": _statements(permissions)})
    for once, each in _OF_EACH_MEMBER.items():
        if once not in role:
            raise ValueError(f"the role's template has no {once!r} that could be each member's own")
        role = role.replace(once, each)
    names = [*_HANDED_ON, *(switch.parameter for switch in given)]
    return _with_sections(
        MEMBERS_SKELETON.read_text(encoding="utf-8"),
        {
            "labels": [_label(switch) for switch in given],
            "parameters": [_parameter(switch) for switch in given],
            "prefix": [textwrap.dedent(prefix)],
            "handed_on": [f"- ParameterKey: {name}\n  ParameterValue: !Ref {name}\n" for name in names],
            "inner_parameters": [f"{name}:\n  Type: String\n" for name in names],
            "conditions": [_condition(switch) for switch in given],
            "role": [role],
        },
    )


def _with_sections(text: str, sections: Mapping[str, Sequence[str]]) -> str:
    for name, parts in sections.items():
        text = _filled(text, name, "".join(parts))
    return text


def _statements(permissions: Sequence[Permission]) -> list[str]:
    return [_statement(list(group)) for _, group in groupby(permissions, lambda each: each.sid)]


def _filled(skeleton: str, name: str, section: str) -> str:
    before, indent, after = re.split(rf"^( *)<<{name}>>\n", skeleton, flags=re.MULTILINE)
    return f"{before}{textwrap.indent(section, indent)}{after}"


def _label(switch: Switch) -> str:
    return f"{switch.parameter}:\n  default: {switch.label}\n"


def _parameter(switch: Switch) -> str:
    declared = [f"{switch.parameter}:", "  Type: String"]
    if switch.pattern:
        declared += ['  Default: ""', *_folded("Description", switch.description)]
        declared += [f'  AllowedPattern: "|{switch.pattern}"', f"  ConstraintDescription: must {switch.constraint}"]
    else:
        declared += ['  Default: "false"', '  AllowedValues: ["true", "false"]']
        declared += _folded("Description", switch.description)
    return _lines(declared)


def _condition(switch: Switch) -> str:
    empty = f'!Not [!Equals [!Ref {switch.parameter}, ""]]'
    true = f'!Equals [!Ref {switch.parameter}, "true"]'
    return f"{switch.condition}: {empty if switch.pattern else true}\n"


def _statement(permissions: Sequence[Permission]) -> str:
    """One statement, with its comment; of a choice, only where it was made."""
    first = permissions[0]
    said = [first.reason] if len(permissions) == 1 else []
    said += [first.remark] if first.remark else []
    said += [f"Only with {first.switch.parameter}."] if first.switch else []
    fields = [f"Sid: {first.sid}", "Effect: Allow", *_actions(permissions), *_field("Resource", first.resource)]
    if first.condition:
        fields += _field("Condition", first.condition)
    item = _item(fields)
    if first.switch:
        item = ["- !If", *_indented([f"- {first.switch.condition}", *item, "- !Ref AWS::NoValue"])]
    return _lines([*_comment(" ".join(said), 14), *item])


def _actions(permissions: Sequence[Permission]) -> list[str]:
    if len(permissions) == 1:
        return [f"Action: {permissions[0].action}"]
    listed = [[*_comment(each.reason, 24), f"- {each.action}"] for each in permissions]
    return ["Action:", *_indented(line for lines in listed for line in lines)]


def _field(name: str, yaml: str) -> list[str]:
    """A field whose value begins beside its name and goes on below it."""
    first, *rest = yaml.splitlines()
    return [f"{name}: {first}".rstrip(), *_indented(rest)]


def _item(fields: Iterable[str]) -> list[str]:
    first, *rest = fields
    return [f"- {first}", *_indented(rest)]


def _folded(name: str, text: str) -> list[str]:
    """A field in one line of the template, or folded below its name."""
    if len(f"    {name}: {text}") <= WIDTH and ": " not in text:
        return [f"  {name}: {text}"]
    return [f"  {name}: >-", *(f"    {line}" for line in _wrapped(text, WIDTH - 6))]


def _comment(text: str, indent: int) -> list[str]:
    return [f"# {line}" for line in _wrapped(text, WIDTH - indent - 2)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    made = {TEMPLATE: template(), MEMBERS_TEMPLATE: members_template()}
    if "--check" in arguments:
        return int(any(path.read_text(encoding="utf-8") != text for path, text in made.items()))
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
