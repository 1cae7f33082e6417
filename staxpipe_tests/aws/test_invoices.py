"""The API `invoicing`: real client code, its requests and answers checked against AWS's own model by a Stubber."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber

from staxpipe.aws.invoices import list_invoices
from staxpipe.aws.sessions import client_config
from staxpipe.comparison.invoices import Amount, Invoice
from staxpipe.errors import AccessError, NotGrantedError, PermanentError, TransientError
from staxpipe.model import BillingPeriod

PAYER = "111122223333"
SEPTEMBER = BillingPeriod(2026, 9)
ASKED = {
    "Selector": {"ResourceType": "ACCOUNT_ID", "Value": PAYER},
    "Filter": {"BillingPeriod": {"Month": 9, "Year": 2026}},
    "MaxResults": 100,
}
EMEA = {
    "AccountId": PAYER,
    "InvoiceId": "EUINDE26-12345",
    "IssuedDate": datetime(2026, 10, 3, tzinfo=UTC),
    "BillSourceAccounts": [PAYER],
    "ReceiverRole": "BUYER",
    "Entity": {"InvoicingEntity": "Amazon Web Services EMEA SARL", "BillingEntity": "AWS"},
    "BillingPeriod": {"Month": 9, "Year": 2026},
    "InvoiceType": "INVOICE",
    "BaseCurrencyAmount": {
        "TotalAmount": "119.00",
        "TotalAmountBeforeTax": "100.00",
        "CurrencyCode": "USD",
        "AmountBreakdown": {"SubTotalAmount": "100.00", "Taxes": {"TotalAmount": "19.00"}},
    },
    "TaxCurrencyAmount": {"TotalAmount": "17.58", "CurrencyCode": "EUR"},
    "PaymentCurrencyAmount": {"TotalAmount": "110.08", "TotalAmountBeforeTax": "92.50", "CurrencyCode": "EUR"},
}
MEMO = {
    "InvoiceId": "CR1",
    "InvoiceType": "CREDIT_MEMO",
    "OriginalInvoiceId": "EUINDE26-12345",
    "CommercialInvoiceId": "X",
    "Entity": {"BillingEntity": "AWS_MARKETPLACE"},
    "BaseCurrencyAmount": {},
}


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "invoicing",
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=client_config(attempts=1),
    )


def test_every_page_is_read_and_each_amount_is_exact(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_response("list_invoice_summaries", {"InvoiceSummaries": [EMEA], "NextToken": "more"}, ASKED)
        stub.add_response("list_invoice_summaries", {"InvoiceSummaries": [MEMO]}, ASKED | {"NextToken": "more"})
        invoice, memo = list_invoices(client, PAYER, SEPTEMBER)
        stub.assert_no_pending_responses()
    assert invoice == Invoice(
        id="EUINDE26-12345",
        account_id=PAYER,
        amounts=(
            Amount("USD", Decimal("119.00"), Decimal("100.00")),
            Amount("EUR", Decimal("110.08"), Decimal("92.50")),
            Amount("EUR", Decimal("17.58")),
        ),
        issuer="Amazon Web Services EMEA SARL",
        bill_sources=(PAYER,),
        role="BUYER",
        issued_at=datetime(2026, 10, 3, tzinfo=UTC),
    )
    assert memo == Invoice(
        "CR1", "", (), kind="CREDIT_MEMO", marketplace=True, original_id="EUINDE26-12345", commercial_id="X"
    )


def test_a_month_without_invoices_is_empty(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_response("list_invoice_summaries", {"InvoiceSummaries": []}, ASKED)
        assert list_invoices(client, PAYER, SEPTEMBER) == ()


def test_a_role_that_may_not_ask_is_told_how_it_could(client: Any) -> None:
    said = "User: arn is not authorized to perform: invoicing:ListInvoiceSummaries"
    with Stubber(client) as stub:
        stub.add_client_error("list_invoice_summaries", "AccessDeniedException", said, 400)
        with pytest.raises(NotGrantedError, match="IncludeInvoices=true") as refused:
            list_invoices(client, PAYER, SEPTEMBER)
    assert said in str(refused.value)
    assert not isinstance(refused.value, TransientError), "people are told of those"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, TransientError),
        ("InternalServerException", 500, TransientError),
        ("ValidationException", 400, PermanentError),
        ("InvalidClientTokenId", 403, AccessError),
    ],
)
def test_other_failures_are_no_matter_of_permission(client: Any, code: str, status: int, kind: type[Exception]) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("list_invoice_summaries", code, "as told", status)
        with pytest.raises(kind) as failed:
            list_invoices(client, PAYER, SEPTEMBER)
    assert not isinstance(failed.value, NotGrantedError)
    assert f"the invoices of account {PAYER} for 2026-09" in str(failed.value)


@pytest.mark.parametrize("printed", ["1.234,50", "NaN", "Infinity"])
def test_an_amount_that_is_no_number_is_told(client: Any, printed: str) -> None:
    strange = EMEA | {"BaseCurrencyAmount": {"TotalAmount": printed, "CurrencyCode": "USD"}}
    with Stubber(client) as stub:
        stub.add_response("list_invoice_summaries", {"InvoiceSummaries": [strange]}, ASKED)
        with pytest.raises(PermanentError, match="no number"):
            list_invoices(client, PAYER, SEPTEMBER)


def test_the_request_goes_to_the_one_endpoint_that_knows_it(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever region the session is: AWS has the API at a single address."""
    sent = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)

        class Raw:
            def stream(self, **_: Any) -> list[bytes]:
                return [b'{"InvoiceSummaries": []}']

        return AWSResponse(request.url, 200, HTTPHeaders(), Raw())

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client.meta.events.register("before-send.invoicing.*", answer)
    list_invoices(client, PAYER, SEPTEMBER)
    assert sent[0].url == "https://invoicing.us-east-1.api.aws/"
    assert b"/us-east-1/invoicing/" in sent[0].headers["Authorization"]
