"""Asking as a linked role: a real stack, role and session of the stand-in, which knows Organizations and enforces IAM.

In the stand-in each account manages an organisation of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from staxpipe.aws.session_policy import READ_ORGANIZATION
from staxpipe.aws.sessions import link_session, operator_session
from staxpipe.errors import AccessError, NotGrantedError
from staxpipe.local.aws_stand_in import StandInCredentials
from staxpipe.organization import reading
from staxpipe.organization.members import Organization
from staxpipe.organization.reading import read_as_link
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import Customer


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REQUESTS_A_SECOND", 1000.0)


def organization(customer: Customer) -> Any:
    make: Any = customer.session.client
    return make("organizations")


def test_a_role_that_may_reads_the_organisation(customer: Customer, operator_environment: StandInCredentials) -> None:
    client = organization(customer)
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
    made = client.create_account(
        Email="a@example.com", AccountName="Søk 検索", Tags=[{"Key": "team", "Value": "search"}]
    )["CreateAccountStatus"]["AccountId"]
    client.move_account(AccountId=made, SourceParentId=root, DestinationParentId=unit)
    customer.deploy(IncludeOrganizations="true")
    found = read_as_link(operator_session(read_settings({"region": "eu-west-1"})), customer, {})
    assert isinstance(found, Organization)
    assert found.management_account == customer.account_id
    members = {member.account_id: member for member in found.members}
    assert set(members) == {customer.account_id, made}
    assert (members[made].name, members[made].ou_path) == ("Søk 検索", "/Workloads")
    assert members[made].tags == {"team": "search"}


def test_a_role_that_may_not_says_how_it_could(customer: Customer, operator_environment: StandInCredentials) -> None:
    customer.deploy()
    with pytest.raises(NotGrantedError, match="IncludeOrganizations=true"):
        read_as_link(operator_session(read_settings()), customer, {})


def test_a_role_that_is_gone_is_another_matter(customer: Customer, operator_environment: StandInCredentials) -> None:
    with pytest.raises(AccessError, match="can no longer be assumed") as refused:
        read_as_link(operator_session(read_settings()), customer, {})
    assert not isinstance(refused.value, NotGrantedError)


def test_the_session_can_do_nothing_else(customer: Customer, operator_environment: StandInCredentials) -> None:
    customer.put("reports/a")
    customer.deploy(IncludeOrganizations="true")
    session: Any = link_session(
        operator_session(read_settings()),
        customer.role_arn,
        customer.external_id,
        customer.id,
        "us-east-1",
        READ_ORGANIZATION,
    )
    organizations = session.client("organizations")
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == customer.account_id
    attempts: tuple[Callable[[], object], ...] = (
        lambda: organizations.list_accounts(),
        lambda: organizations.create_account(Email="a@example.com", AccountName="No"),
        lambda: session.client("s3").list_objects_v2(Bucket=customer.bucket, Prefix="reports/"),
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
