"""The Cost Explorer API: real client code against moto, and against AWS's own model by a Stubber."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.ce.models import ce_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from staxpipe.aws.cost_explorer import get_costs
from staxpipe.aws.sessions import client_config
from staxpipe.comparison.costs import Costs
from staxpipe.errors import NotGrantedError, PermanentError, TransientError
from staxpipe.model import BillingPeriod

PAYER = "111122223333"
DECEMBER = BillingPeriod(2025, 12)
ASKED = {
    "TimePeriod": {"Start": "2025-12-01", "End": "2026-01-01"},
    "Granularity": "MONTHLY",
    "Metrics": ["NetUnblendedCost", "UnblendedCost"],
    "GroupBy": [{"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
}


def group(record_type: str, net: str, gross: str) -> dict[str, Any]:
    metrics = {"NetUnblendedCost": net, "UnblendedCost": gross}
    return {
        "Keys": [record_type],
        "Metrics": {name: {"Amount": amount, "Unit": "USD"} for name, amount in metrics.items()},
    }


ANSWER: dict[str, Any] = {
    "GroupDefinitions": [{"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
    "ResultsByTime": [
        {
            "TimePeriod": {"Start": "2025-12-01", "End": "2026-01-01"},
            "Total": {},
            "Groups": [group("Usage", "88.0000000001", "100"), group("Tax", "7.5", "7.5")],
            "Estimated": False,
        }
    ],
}
EXPECTED = Costs(
    {
        "USD": {
            "NetUnblendedCost": {"Usage": Decimal("88.0000000001"), "Tax": Decimal("7.5")},
            "UnblendedCost": {"Usage": Decimal(100), "Tax": Decimal("7.5")},
        }
    }
)


def client_of() -> Any:
    return boto3.client(
        "ce",
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=client_config(attempts=1),
    )


@mock_aws
def test_the_answer_of_an_emulated_cost_explorer() -> None:
    moto = ce_backends[DEFAULT_ACCOUNT_ID]["aws"]
    moto.cost_usage_results_queue.append(ANSWER)
    assert get_costs(client_of(), PAYER, DECEMBER) == EXPECTED


def test_one_request_asks_for_everything() -> None:
    client = client_of()
    with Stubber(client) as stub:
        stub.add_response("get_cost_and_usage", ANSWER, ASKED)
        assert get_costs(client, PAYER, DECEMBER) == EXPECTED
        stub.assert_no_pending_responses()


def test_a_month_that_may_still_change_says_so() -> None:
    client = client_of()
    month = ANSWER["ResultsByTime"][0] | {"Estimated": True}
    with Stubber(client) as stub:
        stub.add_response("get_cost_and_usage", {"ResultsByTime": [month]}, ASKED)
        assert get_costs(client, PAYER, DECEMBER).estimated


def test_a_second_page_is_not_paid_for() -> None:
    client = client_of()
    with Stubber(client) as stub:
        stub.add_response("get_cost_and_usage", ANSWER | {"NextPageToken": "more"}, ASKED)
        with pytest.raises(PermanentError, match="several pages"):
            get_costs(client, PAYER, DECEMBER)


def test_an_amount_that_is_no_number_is_told() -> None:
    client = client_of()
    month = ANSWER["ResultsByTime"][0] | {"Groups": [group("Usage", "many", "100")]}
    with Stubber(client) as stub:
        stub.add_response("get_cost_and_usage", {"ResultsByTime": [month]}, ASKED)
        with pytest.raises(PermanentError, match="no number: 'many'"):
            get_costs(client, PAYER, DECEMBER)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", NotGrantedError),
        ("LimitExceededException", TransientError),
        ("DataUnavailableException", TransientError),
        ("ThrottlingException", TransientError),
        ("ValidationException", PermanentError),
        ("BillExpirationException", PermanentError),
    ],
)
def test_failures_in_words(code: str, kind: type[Exception]) -> None:
    client = client_of()
    with Stubber(client) as stub:
        stub.add_client_error("get_cost_and_usage", code, "as told", 400)
        with pytest.raises(kind, match=f"Cost Explorer of account {PAYER} for 2025-12") as failed:
            get_costs(client, PAYER, DECEMBER)
    assert isinstance(failed.value, NotGrantedError) is (code == "AccessDeniedException")
    if code == "AccessDeniedException":
        assert "IncludeCostExplorer=true" in str(failed.value)
