"""The help page names exactly the actions that the template allows."""

from __future__ import annotations

import re

from staxpipe.linking.quick_create import template_text
from staxpipe.onboarding.permissions import PERMISSIONS


def test_the_page_and_the_template_agree() -> None:
    policies = template_text().split("      Policies:\n")[1].split("\nOutputs:")[0]
    single = re.findall(r"^ +Action: (\S+:\S+)$", policies, re.MULTILINE)
    listed = re.findall(r"^ +- ([a-z0-9-]+:[A-Z]\w+)$", policies, re.MULTILINE)
    assert len(single) + len(listed) == len({permission.action for permission in PERMISSIONS})
    assert {permission.action for permission in PERMISSIONS} == {*single, *listed}
    assert policies.count("Action:") == len(single) + 1  # one statement lists its actions
    assert template_text().count("Type: AWS::") == 1  # "one role and nothing else"


def test_every_action_reads() -> None:
    verbs = {permission.action.split(":")[1] for permission in PERMISSIONS}
    assert all(verb.startswith(("List", "Get", "Describe", "Decrypt")) for verb in verbs)
