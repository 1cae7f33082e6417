"""A month's invoices beside its line items. Pure; the invoices come from `staxpipe.aws.invoices`.

AWS issues an invoice for each legal entity that bills, others for AWS Marketplace and for purchases in mid-month, and
credit memos. A report names its invoice on each row once there is one, so the two sides are matched by that id. What
an invoice says in the currency of the report is compared, tax included: BilledCost includes it too.

Guesses, for want of invoices to look at: that a credit memo takes its amount away, whatever its sign; that a document
with a commercial invoice id repeats another one for the tax office; that AWS rounds an invoice by service and kind of
charge (it says only that its billing features "round cost data in different ways").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from staxpipe.comparison.billed import Billed
from staxpipe.comparison.verdicts import HALF_A_CENT, Against, Comparison, Part, Reason, concluded, equal
from staxpipe.focus.numbers import exact_subtract, exact_sum

CREDIT_MEMO = "CREDIT_MEMO"
PAYMENT_RECEIPT = "PAYMENT_RECEIPT"
SELLER = "SELLER"


@dataclass(frozen=True)
class Amount:
    """What an invoice says in one currency. `before_tax` is None where it does not say."""

    currency: str
    total: Decimal
    before_tax: Decimal | None = None


@dataclass(frozen=True)
class Invoice:
    """One document as AWS lists it.

    `account_id` is who receives it, `bill_sources` whose bills it is about. `amounts` are those in the currency of
    the services, then of the payment, then of the tax: the first of a currency counts.
    """

    id: str
    account_id: str
    amounts: tuple[Amount, ...]
    kind: str = "INVOICE"
    issuer: str = ""
    marketplace: bool = False
    bill_sources: tuple[str, ...] = ()
    role: str = ""
    commercial_id: str = ""
    original_id: str = ""
    issued_at: datetime | None = None

    def amount_in(self, currency: str) -> Amount | None:
        """What it says in a currency, less than nothing for a credit memo; None where it says nothing in it."""
        found = next((amount for amount in self.amounts if amount.currency == currency), None)
        if found is None or self.kind != CREDIT_MEMO:
            return found
        before_tax = None if found.before_tax is None else -abs(found.before_tax)
        return Amount(currency, -abs(found.total), before_tax)


def counts(invoice: Invoice, account: str) -> bool:
    """Whether a document asks for (or takes back) money of this account's own bill."""
    own = account in invoice.bill_sources if invoice.bill_sources else invoice.account_id == account
    repeats = bool(invoice.commercial_id) and invoice.commercial_id != invoice.id
    return own and not repeats and invoice.kind != PAYMENT_RECEIPT and invoice.role != SELLER and bool(invoice.amounts)


def compare_invoices(account: str, ours: Sequence[Billed], theirs: Iterable[Invoice]) -> tuple[Comparison, ...]:
    """A month's comparison for each currency, ordered; none where neither side has anything."""
    listed: dict[str, list[Invoice]] = {}
    for invoice in theirs:
        if counts(invoice, account):
            listed.setdefault(invoice.id, []).append(invoice)
    our_currencies = {billed.currency for billed in ours}
    known = {billed.invoice_id for billed in ours}
    unlabelled = {billed.currency for billed in ours if not billed.invoice_id and abs(billed.billed) >= HALF_A_CENT}
    parts: dict[str, list[Part]] = {}
    for billed in ours:
        parts.setdefault(billed.currency, []).append(_our_part(billed, listed.get(billed.invoice_id, [])))
    for invoice_id, documents in listed.items():
        if invoice_id not in known:
            for invoice in documents:
                currency = _home(invoice, our_currencies)
                parts.setdefault(currency, []).append(_their_part(invoice, currency, currency in unlabelled))
    return tuple(concluded(Against.INVOICES, currency, parts[currency]) for currency in sorted(parts))


def _our_part(billed: Billed, documents: Sequence[Invoice]) -> Part:
    matters = abs(billed.billed) >= HALF_A_CENT
    if not billed.invoice_id:
        return Part("", None, billed.billed, Reason.NOT_FINAL if matters else None)
    if not documents:  # AWS need not write an invoice of nothing
        return Part(billed.invoice_id, None, billed.billed, Reason.NOT_LISTED if matters else None, billed.issuer)
    amounts = [amount for amount in (invoice.amount_in(billed.currency) for invoice in documents) if amount]
    if not amounts:
        said = ", ".join(f"{amount.total:f} {amount.currency}" for invoice in documents for amount in invoice.amounts)
        return Part(billed.invoice_id, None, billed.billed, Reason.OTHER_CURRENCY if matters else None, said)
    total = exact_sum(amount.total for amount in amounts)
    return Part(billed.invoice_id, total, billed.billed, _why(billed, amounts, total))


def _why(billed: Billed, amounts: Sequence[Amount], total: Decimal) -> Reason | None:
    if equal(total, billed.billed):
        return None
    if all(amount.before_tax is not None for amount in amounts):
        before_tax = exact_sum(amount.before_tax for amount in amounts)
        if equal(before_tax, exact_subtract(billed.billed, billed.tax)):
            return Reason.TAX
    if abs(exact_subtract(total, billed.billed)) <= HALF_A_CENT * billed.lines:
        return Reason.ROUNDING
    return Reason.UNEXPLAINED


def _their_part(invoice: Invoice, currency: str, unlabelled: bool) -> Part:
    amount = invoice.amount_in(currency)
    total = amount.total if amount else Decimal(0)
    if abs(total) < HALF_A_CENT:
        return Part(invoice.id, total, None)
    if unlabelled:
        reason = Reason.NOT_FINAL  # its rows may be those that have no invoice id yet
    elif invoice.kind == CREDIT_MEMO:
        reason = Reason.CREDIT_MEMO
    else:
        reason = Reason.MARKETPLACE if invoice.marketplace else Reason.NOT_IN_REPORT
    return Part(invoice.id, total, None, reason, invoice.issuer)


def _home(invoice: Invoice, our_currencies: set[str]) -> str:
    """The currency in which an invoice that no row names is counted: one of the report's if it has one."""
    return next(
        (amount.currency for amount in invoice.amounts if amount.currency in our_currencies),
        invoice.amounts[0].currency,
    )
