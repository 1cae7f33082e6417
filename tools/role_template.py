"""Write cfn/staxpipe-link.yaml anew from the permission manifest: ``python tools/role_template.py``.

What is the same for every manifest (who may use the role, where the reports are) stands in role_template.yaml beside
this file. With ``--check`` nothing is written; the exit status says whether the template is up to date.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from staxpipe.aws.permissions import GRANTED, Permission, switches
from staxpipe.aws.switches import Switch

SKELETON = Path(__file__).with_suffix(".yaml")
TEMPLATE = Path(__file__).resolve().parents[1] / "cfn" / "staxpipe-link.yaml"
WIDTH = 120


def template(permissions: Sequence[Permission] = GRANTED) -> str:
    """The template that grants these permissions, and has the parameters by which some of them are chosen."""
    given = switches(permissions)
    choices = ", ".join(switch.parameter for switch in given if not switch.pattern)
    text = SKELETON.read_text(encoding="utf-8").replace("<<choices>>, ", f"{choices}, " if choices else "")
    sections = {
        "labels": [_label(switch) for switch in given],
        "parameters": [_parameter(switch) for switch in given],
        "conditions": [_condition(switch) for switch in given],
        "statements": [_statement(list(group)) for _, group in groupby(permissions, lambda each: each.sid)],
    }
    for name, parts in sections.items():
        text = _filled(text, name, "".join(parts))
    return text


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
    made = template()
    if "--check" not in arguments:
        TEMPLATE.write_text(made, encoding="utf-8")
        return 0
    return int(TEMPLATE.read_text(encoding="utf-8") != made)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
