"""What AWS refused, in words: the action, what is lost, and which policy to look at."""

from __future__ import annotations

import re

import pytest

from staxpipe.aws.permissions import granted
from staxpipe.aws.refusals import not_granted, refused

WHERE = "the bucket s3://bills of account 222222222222"
ROLE = "User: arn:aws:sts::222222222222:assumed-role/staxpipe-link-a/staxpipe-1 is not authorized to perform: "
LACKS = f"{ROLE}s3:GetObject on resource: x because no identity-based policy allows the s3:GetObject action"
UPDATE = "update the role's stack with the current template"


@pytest.mark.parametrize("said", [LACKS, "Access Denied", "Forbidden"])
def test_a_role_that_lacks_something_says_what_is_lost_and_how_to_mend_it(said: str) -> None:
    words = refused(WHERE, "GetObject", said)
    assert words.startswith(f"AWS refuses access to {WHERE}: the role may not use s3:GetObject there. Nothing can be l")
    assert re.search("the role's stack (has this bucket and prefix|names another bucket or another prefix)", words)
    assert UPDATE in words
    assert words.endswith(f"AWS said: {said}")


def test_whether_the_stack_or_the_bucket_is_another_is_told_apart_where_aws_tells() -> None:
    stack, bucket = refused(WHERE, "GetObject", LACKS), refused(WHERE, "GetObject", "Access Denied")
    assert "names another bucket or another prefix" in stack
    assert "names another bucket or another prefix" not in bucket
    assert "where the bucket belongs to another account" in bucket
    assert "another account" not in stack


@pytest.mark.parametrize(
    "why",
    [
        "with an explicit deny in a service control policy",
        "with an explicit deny in a resource-based policy",
        "because no permissions boundary allows the s3:ListBucket action",
        "because no service control policy allows the s3:ListBucket action",
    ],
)
def test_another_policy_is_no_matter_of_the_stack(why: str) -> None:
    words = refused(WHERE, "ListObjectsV2", f"{ROLE}s3:ListBucket {why}")
    assert "may not use s3:ListBucket there. No report can be found." in words
    assert "a policy beside the role's own" in words
    assert UPDATE not in words


def test_a_call_that_no_role_is_asked_for_names_no_action() -> None:
    words = refused(WHERE, "PutObject", "Access Denied")
    assert words.startswith(f"AWS refuses access to {WHERE}. AWS gives no reason")


def test_what_is_by_choice_names_its_parameter() -> None:
    words = not_granted("the invoices", granted("invoicing:ListInvoiceSummaries"), "no")
    assert "does not allow invoicing:ListInvoiceSummaries. Months are compared with their report only" in words
    assert f"{UPDATE} and IncludeInvoices=true." in words
