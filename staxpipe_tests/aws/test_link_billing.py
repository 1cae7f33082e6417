"""Asking as a linked role: a real stack, role and session of the stand-in; the two billing APIs are a fake server.

The stand-in knows neither API, so that they refuse a role without the permission is tried with AWS's own error.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import boto3
import pytest
from botocore.exceptions import ClientError

from staxpipe.aws.link_billing import LinkBilling
from staxpipe.aws.session_policy import GET_COSTS, LIST_INVOICES
from staxpipe.aws.sessions import link_session, operator_session
from staxpipe.errors import AccessError, NotGrantedError, TransientError
from staxpipe.local.aws_stand_in import StandInCredentials
from staxpipe.model import BillingPeriod
from staxpipe.settings import read_settings
from staxpipe_tests.aws.billing_server import BillingServer
from staxpipe_tests.aws_stand_in import Customer

SEPTEMBER = BillingPeriod(2026, 9)
DENIED = (400, "AccessDeniedException", "User is not authorized")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BillingServer]:
    with BillingServer() as server:
        for service in ("INVOICING", "COST_EXPLORER"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
        yield server


@pytest.fixture
def ours(operator_environment: StandInCredentials) -> boto3.Session:
    return operator_session(read_settings({"region": "eu-west-1"}))


@pytest.fixture
def billing(ours: boto3.Session) -> LinkBilling:
    return LinkBilling(ours)


def test_invoices_are_asked_for_as_the_linked_role(
    billing: LinkBilling, customer: Customer, server: BillingServer
) -> None:
    customer.deploy(IncludeInvoices="true")
    amount = {"TotalAmount": "12.00", "CurrencyCode": "USD"}
    server.answers.append({"InvoiceSummaries": [{"InvoiceId": "A1", "BaseCurrencyAmount": amount}]})
    [invoice] = billing.invoices(customer, SEPTEMBER)
    assert invoice.amounts[0].total == Decimal("12.00")
    [asked] = server.asked
    assert asked.operation == "ListInvoiceSummaries"
    assert asked.parameters["Selector"] == {"ResourceType": "ACCOUNT_ID", "Value": customer.account_id}
    assert asked.session_token, "as the role, not as ourselves"


def test_throttled_invoices_are_asked_for_again(
    billing: LinkBilling, customer: Customer, server: BillingServer
) -> None:
    customer.deploy(IncludeInvoices="true")
    server.answers += [(400, "ThrottlingException", "Rate exceeded"), {"InvoiceSummaries": []}]
    assert billing.invoices(customer, SEPTEMBER) == ()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "failure", [(400, "LimitExceededException", "Rate exceeded"), (503, "ServiceUnavailable", "down")]
)
def test_cost_explorer_is_asked_once_whatever_it_says(
    billing: LinkBilling, customer: Customer, server: BillingServer, failure: tuple[int, str, str]
) -> None:
    customer.deploy(IncludeCostExplorer="true")
    server.answers.append(failure)
    with pytest.raises(TransientError):
        billing.costs(customer, SEPTEMBER)
    assert [asked.operation for asked in server.asked] == ["GetCostAndUsage"]


def test_what_is_not_granted_says_by_which_parameter_it_could_be(
    billing: LinkBilling, customer: Customer, server: BillingServer
) -> None:
    customer.deploy()
    server.answers += [DENIED, DENIED]
    with pytest.raises(NotGrantedError, match="IncludeInvoices=true"):
        billing.invoices(customer, SEPTEMBER)
    with pytest.raises(NotGrantedError, match="IncludeCostExplorer=true"):
        billing.costs(customer, SEPTEMBER)


def test_a_role_that_is_gone_is_no_matter_of_permission(
    billing: LinkBilling, customer: Customer, server: BillingServer
) -> None:
    with pytest.raises(AccessError) as failed:  # no stack was ever created
        billing.costs(customer, SEPTEMBER)
    assert not isinstance(failed.value, NotGrantedError)
    assert server.asked == [], "and nothing was charged"


@pytest.mark.parametrize("policy", [LIST_INVOICES, GET_COSTS])
def test_such_a_session_cannot_read_the_bucket(
    ours: boto3.Session, customer: Customer, policy: dict[str, object]
) -> None:
    customer.put("reports/a")
    customer.deploy(IncludeInvoices="true", IncludeCostExplorer="true")
    session = link_session(ours, customer.role_arn, customer.external_id, customer.id, customer.region, policy)
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("s3").list_objects_v2(Bucket=customer.bucket, Prefix="reports/")


def test_each_policy_allows_its_one_action() -> None:
    allowed = [[statement["Action"] for statement in policy["Statement"]] for policy in (LIST_INVOICES, GET_COSTS)]
    assert allowed == [["invoicing:ListInvoiceSummaries"], ["ce:GetCostAndUsage"]]
