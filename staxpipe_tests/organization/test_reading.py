"""What AWS Organizations is asked, and what is made of its answers: moto has the service with its pages.

That only the management account may ask, moto does not know: there the answers are AWS's own, played by botocore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from staxpipe.errors import NotGrantedError, PermanentError, TransientError
from staxpipe.organization.members import ManagedElsewhere, NoOrganization, Organization
from staxpipe.organization.reading import Pace, read_organization

PAYER = "123456789012"  # as whom moto lets everybody ask
NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        make: Any = boto3.client
        yield make("organizations", region_name="eu-central-1")


def account(client: Any, name: str, **tags: str) -> str:
    made = client.create_account(
        Email=f"{abs(hash(name))}@example.com",
        AccountName=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return str(made["CreateAccountStatus"]["AccountId"])


def unit(client: Any, parent: str, name: str) -> str:
    return str(client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"])


def read(client: Any) -> Organization:
    found = read_organization(client, PAYER, {}, NEVER)
    assert isinstance(found, Organization)
    return found


def test_names_units_and_tags_are_read_however_deep(client: Any) -> None:
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    deep = unit(client, unit(client, root, "Workloads"), "R/D 🚀")
    account(client, "At the top")
    moved = account(client, "Zażółć „gęślą” 数据", **{"cost-center": "Ünïcode 🍣", "empty": ""})
    client.move_account(AccountId=moved, SourceParentId=root, DestinationParentId=deep)
    found = read(client)
    assert found.management_account == PAYER
    assert found.untagged == ""
    by_name = {member.name: member for member in found.members}
    assert by_name["At the top"].ou_path == "/"
    assert by_name["At the top"].ou_id == root
    member = by_name["Zażółć „gęślą” 数据"]
    assert (member.account_id, member.ou_id) == (moved, deep)
    assert member.ou_path == "/Workloads/R\\/D 🚀"
    assert member.tags == {"cost-center": "Ünïcode 🍣", "empty": ""}
    assert by_name["At the top"].tags == {}
    assert {each.status for each in found.members} == {"ACTIVE"}
    assert "@" not in repr(found), "no mail address is kept"


def test_every_page_is_read(client: Any) -> None:
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    names = {account(client, f"Account {number}"): f"Account {number}" for number in range(25)}
    for number in range(23):
        parent = unit(client, root, f"Unit {number}")
    last = account(client, "Behind the last page")
    client.move_account(AccountId=last, SourceParentId=root, DestinationParentId=parent)
    assert "NextToken" in client.list_accounts_for_parent(ParentId=root)
    assert "NextToken" in client.list_organizational_units_for_parent(ParentId=root)
    found = {member.account_id: member for member in read(client).members}
    assert {number: found[number].name for number in names} == names
    assert found[last].ou_path == "/Unit 22"


def test_a_closed_account_says_so(client: Any) -> None:
    client.create_organization(FeatureSet="ALL")
    closed = account(client, "Over")
    client.close_account(AccountId=closed)
    [member] = [member for member in read(client).members if member.account_id == closed]
    assert member.status == "SUSPENDED"


def test_tags_stop_when_there_is_no_time_and_names_do_not(client: Any) -> None:
    client.create_organization(FeatureSet="ALL")
    numbers = sorted(account(client, f"Account {number}", team="a") for number in range(3))
    asked: list[None] = []

    def late() -> bool:
        asked.append(None)
        return len(asked) > 1

    read_at = dict.fromkeys(numbers, datetime(2026, 1, 1, tzinfo=UTC)) | {PAYER: datetime(2026, 2, 1, tzinfo=UTC)}
    found = read_organization(client, PAYER, read_at, late)
    assert isinstance(found, Organization)
    assert {member.account_id for member in found.members} >= set(numbers)
    assert [member.account_id for member in found.members if member.tags is not None] == numbers[:1]
    assert "the others are read next time" in found.untagged


def test_an_account_without_an_organisation_says_so(client: Any) -> None:
    assert read_organization(client, PAYER, {}, NEVER) == NoOrganization()


@pytest.fixture
def played() -> Iterator[tuple[Any, Stubber]]:
    session = botocore.session.get_session()
    client = session.create_client(
        "organizations", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stubber:
        yield client, stubber


def describes(stubber: Stubber, manager: str) -> None:
    stubber.add_response("describe_organization", {"Organization": {"MasterAccountId": manager}})


def denies(stubber: Stubber, operation: str, said: str = "You don't have permissions to access this resource.") -> None:
    stubber.add_client_error(operation, "AccessDeniedException", said, 400)


def test_a_member_learns_who_manages_its_organisation(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    describes(stubber, "999988887777")
    denies(stubber, "list_roots")
    assert read_organization(client, PAYER, {}, NEVER) == ManagedElsewhere("999988887777")


def test_a_manager_that_is_refused_is_told_which_parameter_would_help(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    describes(stubber, PAYER)
    denies(stubber, "list_roots")
    with pytest.raises(NotGrantedError, match="IncludeOrganizations=true"):
        read_organization(client, PAYER, {}, NEVER)


def test_a_role_without_the_permission_is_told_it_too(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    denies(stubber, "describe_organization", "is not authorized to perform: organizations:DescribeOrganization")
    with pytest.raises(NotGrantedError, match=r"organizations:DescribeOrganization.*IncludeOrganizations=true"):
        read_organization(client, PAYER, {}, NEVER)


def one_member(stubber: Stubber, **found: str) -> None:
    describes(stubber, PAYER)
    stubber.add_response("list_roots", {"Roots": [{"Id": "r-abcd"}]})
    stubber.add_response("list_accounts_for_parent", {"Accounts": [{"Id": PAYER, **found}]}, {"ParentId": "r-abcd"})
    stubber.add_response("list_organizational_units_for_parent", {"OrganizationalUnits": []}, {"ParentId": "r-abcd"})


def test_refused_tags_leave_the_names(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    one_member(stubber, Name="Payer", State="ACTIVE", Status="SUSPENDED")
    denies(stubber, "list_tags_for_resource")
    found = read_organization(client, PAYER, {}, NEVER)
    assert isinstance(found, Organization)
    [member] = found.members
    assert (member.name, member.status, member.tags) == ("Payer", "ACTIVE", None)
    assert "organizations:ListTagsForResource" in found.untagged


def test_an_account_without_a_name_is_called_by_its_number(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    one_member(stubber, Status="ACTIVE")
    stubber.add_client_error("list_tags_for_resource", "TargetNotFoundException", "gone", 400)
    found = read_organization(client, PAYER, {}, NEVER)
    assert isinstance(found, Organization)
    [member] = found.members
    assert (member.name, member.status, member.tags) == (PAYER, "ACTIVE", None)


def test_a_unit_that_is_deleted_meanwhile_is_passed_over(played: tuple[Any, Stubber]) -> None:
    client, stubber = played
    describes(stubber, PAYER)
    stubber.add_response("list_roots", {"Roots": [{"Id": "r-abcd"}]})
    stubber.add_response("list_accounts_for_parent", {"Accounts": []}, {"ParentId": "r-abcd"})
    gone = {"OrganizationalUnits": [{"Id": "ou-abcd-11112222", "Name": "Gone"}]}
    stubber.add_response("list_organizational_units_for_parent", gone, {"ParentId": "r-abcd"})
    for operation in ("list_accounts_for_parent", "list_organizational_units_for_parent"):
        stubber.add_client_error(operation, "ParentNotFoundException", "no such unit", 400)
    assert read_organization(client, PAYER, {}, NEVER) == Organization(PAYER, ())


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 400, TransientError),
        ("ServiceException", 500, TransientError),
        ("InvalidInputException", 400, PermanentError),
    ],
)
def test_other_failures_are_no_answer(
    played: tuple[Any, Stubber], code: str, status: int, kind: type[Exception]
) -> None:
    client, stubber = played
    describes(stubber, PAYER)
    stubber.add_client_error("list_roots", code, "no", status)
    with pytest.raises(kind):
        read_organization(client, PAYER, {}, NEVER)


def test_requests_keep_a_pace() -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4, lambda: now[0], sleep)
    for _ in range(3):
        pace(request="any")
    assert slept == [0.25, 0.25]
    now[0] += 10
    pace()
    pace()
    assert slept == [0.25, 0.25, 0.25], "what was not used is not saved up"
