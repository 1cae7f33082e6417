"""The invoices of an account's month, as the API `invoicing` lists them: totals, without what they are made of.

What follows from them is `staxpipe.comparison.invoices`'s. The client's endpoint is global (us-east-1) whatever its
session's region: botocore's own rules for the service say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from staxpipe.aws.errors import by_choice_in_words
from staxpipe.aws.permissions import granted
from staxpipe.comparison.invoices import Amount, Invoice
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod

PERMISSION = granted("invoicing:ListInvoiceSummaries")
_IN_ORDER = ("BaseCurrencyAmount", "PaymentCurrencyAmount", "TaxCurrencyAmount")  # that of the services first


def list_invoices(client: Any, account: str, period: BillingPeriod) -> tuple[Invoice, ...]:
    """Every document that AWS lists for an account's month, whoever receives it.

    Args:
        client: of the service `invoicing`.
        account: whose invoices, by its 12 digits.
        period: the billing period that the invoices are about, not when they were issued.

    Raises:
        NotGrantedError: the role does not allow it.
        TransientError: AWS could not answer just now.
        PermanentError: AWS refuses, or an amount is no number.
    """
    what = f"the invoices of account {account} for {period}"
    with by_choice_in_words(what, PERMISSION):
        pages = client.get_paginator("list_invoice_summaries").paginate(
            Selector={"ResourceType": "ACCOUNT_ID", "Value": account},
            Filter={"BillingPeriod": {"Month": period.month, "Year": period.year}},
            PaginationConfig={"PageSize": 100},
        )
        return tuple(_invoice(summary, what) for page in pages for summary in page["InvoiceSummaries"])


def _invoice(summary: Mapping[str, Any], what: str) -> Invoice:
    entity = summary.get("Entity", {})
    return Invoice(
        id=summary.get("InvoiceId", ""),
        account_id=summary.get("AccountId", ""),
        amounts=tuple(_amount(summary[name], what) for name in _IN_ORDER if _says_something(summary.get(name))),
        kind=summary.get("InvoiceType", "INVOICE"),
        issuer=entity.get("InvoicingEntity", ""),
        marketplace=entity.get("BillingEntity") == "AWS_MARKETPLACE",
        bill_sources=tuple(summary.get("BillSourceAccounts", ())),
        role=summary.get("ReceiverRole", ""),
        commercial_id=summary.get("CommercialInvoiceId", ""),
        original_id=summary.get("OriginalInvoiceId", ""),
        issued_at=summary.get("IssuedDate"),
    )


def _says_something(amount: Mapping[str, Any] | None) -> bool:
    return bool(amount and amount.get("CurrencyCode") and amount.get("TotalAmount"))


def _amount(amount: Mapping[str, Any], what: str) -> Amount:
    before_tax = amount.get("TotalAmountBeforeTax")
    return Amount(
        amount["CurrencyCode"],
        _decimal(amount["TotalAmount"], what),
        _decimal(before_tax, what) if before_tax else None,
    )


def _decimal(text: str, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise PermanentError(f"An amount in {what} is no number: {text[:50]!r}. They cannot be compared.")
    return number
