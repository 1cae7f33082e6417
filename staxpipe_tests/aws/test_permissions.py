"""The permission manifest: it names what is there, and no session of a linked role can do what is not in it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from itertools import groupby

import botocore.session
import pytest

from staxpipe.aws import session_policy
from staxpipe.aws.permissions import GRANTED, MANIFEST, Permission, granted, needed_for, switches
from staxpipe.aws.session_policy import NOTHING, read_reports


def actions(policy: Mapping[str, object]) -> set[str]:
    statements = policy["Statement"]
    assert isinstance(statements, list)
    named = [statement["Action"] for statement in statements]
    return {action for one in named for action in ([one] if isinstance(one, str) else one)}


def ids(permission: object) -> str:
    return permission.action if isinstance(permission, Permission) else str(permission)


@pytest.mark.parametrize("permission", GRANTED, ids=ids)
def test_what_uses_an_action_is_there(permission: Permission) -> None:
    for name in permission.used_by:
        assert callable(pkgutil.resolve_name(name)), name


@pytest.mark.parametrize("permission", MANIFEST, ids=ids)
def test_an_action_reads_and_says_why(permission: Permission) -> None:
    assert permission.action.split(":")[1].startswith(("List", "Get", "Describe", "Decrypt"))
    for words in (permission.reason, permission.scope, permission.without):
        assert words.endswith(".")


@pytest.mark.parametrize("permission", MANIFEST, ids=ids)
def test_its_operations_are_aws_s(permission: Permission) -> None:
    service = permission.action.split(":")[0]
    if permission.operations:
        known = botocore.session.get_session().get_service_model(service).operation_names
        assert set(permission.operations) <= set(known)
    else:
        assert permission.action == "kms:Decrypt", "S3 asks for it, and no code of ours"


def test_an_action_and_an_operation_stand_in_it_once() -> None:
    named = [permission.action for permission in MANIFEST]
    operations = [operation for permission in MANIFEST for operation in permission.operations]
    assert len(named) == len(set(named))
    assert len(operations) == len(set(operations)), "or a refusal could not be told apart"


def test_actions_of_one_statement_stand_together_and_differ_in_nothing_else() -> None:
    statements = [(sid, list(group)) for sid, group in groupby(MANIFEST, lambda permission: permission.sid)]
    assert len(statements) == len({sid for sid, _ in statements})
    for _, group in statements:
        assert len({(permission.resource, permission.condition, permission.switch) for permission in group}) == 1


def test_sessions_can_do_what_the_manifest_grants_and_nothing_else() -> None:
    # Each session of a linked role has one of these policies, and AWS allows it nothing beyond.
    fixed = [value for value in vars(session_policy).values() if isinstance(value, Mapping) and "Statement" in value]
    policies = [*fixed, read_reports("bills", "reports"), read_reports("bills", "")]
    assert NOTHING in policies
    allowed = {action for policy in policies for action in actions(policy)}
    # AWS lets everybody ask who they are: no role has to allow it.
    assert allowed - {"sts:GetCallerIdentity"} == {permission.action for permission in GRANTED}


def test_what_nothing_uses_is_not_granted() -> None:
    assert [permission for permission in MANIFEST if not permission.used_by]
    assert all(permission.used_by for permission in GRANTED)
    assert needed_for("ListAccounts") is None
    with pytest.raises(KeyError):
        granted("organizations:ListAccounts")


def test_a_call_is_traced_to_its_action() -> None:
    assert needed_for("ListObjectsV2") is granted("s3:ListBucket")
    assert needed_for("GetCostAndUsage") is granted("ce:GetCostAndUsage")
    assert needed_for("PutObject") is None


def test_switches_are_named_once_and_in_order() -> None:
    named = [switch.parameter for switch in switches(MANIFEST)]
    assert named == ["KmsKeyArn", "IncludeOrganizations", "IncludeInvoices", "IncludeCostExplorer"]
    assert [switch.parameter for switch in switches()] == ["KmsKeyArn", "IncludeInvoices", "IncludeCostExplorer"]
    assert [switch.turned_on for switch in switches()] == [
        "KmsKeyArn=…",
        "IncludeInvoices=true",
        "IncludeCostExplorer=true",
    ]


@pytest.mark.parametrize(("prefix", "files"), [("reports", "bills/reports/*"), ("", "bills/*")])
def test_a_session_that_reads_names_one_bucket_in_a_way_that_iam_takes(prefix: str, files: str) -> None:
    # IAM refuses a policy with a partition that it does not know, and with it the whole session.
    statements = read_reports("bills", prefix)["Statement"]
    resources = {statement["Sid"]: statement["Resource"] for statement in statements}
    assert resources["ListReports"] == "arn:aws:s3:::bills"
    assert resources["ReadReports"] == f"arn:aws:s3:::{files}"
