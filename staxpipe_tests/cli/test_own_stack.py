"""A staxpipe elsewhere cannot have somebody's credentials create or change what they did not ask for."""

from __future__ import annotations

from typing import Any

import pytest

from staxpipe.cli.own_stack import asked_for
from staxpipe.errors import PermanentError
from staxpipe.linking.quick_create import template_text

NAME = "staxpipe-link-k3j9x2abq7mz"
DETAILS = {"account_id": "123456789012", "bucket": "acme-billing-reports", "prefix": "cur", "region": "eu-west-1"}
PARAMETERS = {
    "OperatorPrincipalArn": "arn:aws:iam::999988887777:role/staxpipe",
    "ExternalId": "mJt0b8eW6h1Qk2vXo4rZsYcN9dPfLgUa7iT3xR5uBwE",
    "RoleName": NAME,
    "BucketName": "acme-billing-reports",
    "BucketPrefix": "cur",
}


def answer(name: str = NAME, **changed: str | None) -> dict[str, Any]:
    parameters = {key: value for key, value in {**PARAMETERS, **changed}.items() if value is not None}
    return {
        "account_id": "222233334444",
        "deployment": {"stack_name": name, "region": "eu-west-1", "parameters": parameters},
    }


def test_it_is_of_the_account_that_was_typed_by_our_own_template() -> None:
    wanted = asked_for(DETAILS, answer())
    assert (wanted.account_id, wanted.region, wanted.name) == ("123456789012", "eu-west-1", NAME)
    assert wanted.parameters == PARAMETERS
    assert wanted.template == template_text()


@pytest.mark.parametrize(
    "found",
    [
        answer(name="prod-database", RoleName="prod-database"),
        answer(name=f"{NAME}\n", RoleName=f"{NAME}\n"),
        answer(RoleName="staxpipe-link-000000000000"),
        answer(BucketName="payroll"),
        answer(BucketPrefix=""),
        answer(IncludeOrganizations="true"),
        answer(ExternalId=None),
    ],
)
def test_anything_else_is_refused(found: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="not what you asked for, so nothing was created") as caught:
        asked_for(DETAILS, found)
    assert PARAMETERS["ExternalId"] not in str(caught.value)


def test_where_there_is_none_it_says_why() -> None:
    with pytest.raises(PermanentError, match="nothing to deploy: It has ended"):
        asked_for(DETAILS, {"deployment": None, "deployment_missing": "It has ended."})
