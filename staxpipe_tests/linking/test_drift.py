"""A role of an older template: what it lacks is told in words, and the current template gives it."""

from __future__ import annotations

import pytest

from staxpipe.aws.link_bucket import link_bucket
from staxpipe.aws.permissions import GRANTED
from staxpipe.aws.sessions import operator_session
from staxpipe.errors import AccessError
from staxpipe.linking.bucket_check import check_bucket
from staxpipe.local.aws_stand_in import StandInCredentials
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import Customer
from tools.role_template import template

UPDATE = "update the role's stack with the current template"


def older_template(without: str) -> str:
    return template([permission for permission in GRANTED if permission.action != without])


def test_a_role_that_cannot_read_says_so_until_its_stack_is_updated(
    customer: Customer, operator_environment: StandInCredentials
) -> None:
    customer.put("reports/a", b"rows")
    customer.deploy(older_template("s3:GetObject"))
    operator = operator_session(read_settings({}))
    bucket = link_bucket(operator, customer)
    [stored] = bucket.list("reports/")
    with pytest.raises(AccessError, match=r"may not use s3:GetObject there\. Nothing can be loaded\.") as refused:
        bucket.read(stored, 10)
    assert UPDATE in str(refused.value)
    customer.update(template())
    assert link_bucket(operator, customer).read(stored, 10) == b"rows"


def test_a_role_that_cannot_list_is_a_problem_of_its_bucket(
    customer: Customer, operator_environment: StandInCredentials
) -> None:
    customer.deploy(older_template("s3:ListBucket"))
    problem = check_bucket(link_bucket(operator_session(read_settings({})), customer), customer.prefix)
    assert problem is not None
    assert problem.code == "bucket-refused"
    assert "may not use s3:ListBucket there. No report can be found." in problem.reason
    assert UPDATE in problem.reason
