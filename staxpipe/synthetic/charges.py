"""Charges that come once a month, not by the hour: tax, credits, a refund, support, the enterprise discount.

Each is one row. Amounts are integers of 1E-10; the texts are like AWS's. Fees of commitments are in
`commitment_charges`, what only some organisations have in `adjustments`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from staxpipe.synthetic.catalogue import CATALOGUE, QUANTITY_UNITS, REGIONS, money
from staxpipe.synthetic.charge import Charge
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.template import Template, cents
from staxpipe.synthetic.templates import product_text

SUPPORT_DAYS = 5
"""AWS adds support fees on the 6th or 7th of the next month."""

USAGE_REFUND_DAYS = 12


def usage_refund(restatement: Restatement) -> Iterator[Charge]:
    """AWS gives some usage back, days after the month was closed."""
    if restatement.invoiced(USAGE_REFUND_DAYS):
        account = restatement.organisation.members[0]
        offer, region = CATALOGUE["nat.bytes"], REGIONS[account.regions[0]]
        text = restatement.bill(account, bill_type="Refund") | product_text(offer, region)
        text |= {
            "identity/LineItemId": restatement.line_item_id("Refund", account.id),
            "lineItem/LineItemType": "Refund",
            "lineItem/ProductCode": offer.code,
            "lineItem/UsageType": region.prefix + offer.usage_type,
            "lineItem/Operation": offer.operation,
            "lineItem/LineItemDescription": "Service credit, NAT gateway availability below the agreed level",
        }
        start = restatement.period.start + timedelta(days=16, hours=4)
        template = Template("Refund", account.id, offer.code, "Usage", text)
        yield Charge(template, start, start + timedelta(hours=3), -money("41.37"))


def credits(restatement: Restatement) -> Iterator[Charge]:
    """Promotional credits against two services."""
    for account, key, amount, words in (
        (restatement.organisation.members[0], "lambda.time", "64.20", "AWS Activate, promotional credit"),
        (restatement.organisation.members[2], "glue", "18.50", "Workshop credit HARBOUR-2026"),
    ):
        offer = CATALOGUE[key]
        text = restatement.bill(account) | {
            "identity/LineItemId": restatement.line_item_id("Credit", account.id, key),
            "lineItem/LineItemType": "Credit",
            "lineItem/ProductCode": offer.code,
            "lineItem/LineItemDescription": words,
            "product/ProductName": offer.name,
            "product/servicecode": offer.code,
        }
        start = restatement.period.start
        template = Template("Credit", account.id, offer.code, "Credit", text)
        yield Charge(template, start, start + timedelta(hours=1), -money(amount))


def subscription(restatement: Restatement) -> Iterator[Charge]:
    """A marketplace seller's monthly fee: its own legal entity, its own invoice."""
    account = restatement.organisation.members[0]
    text = restatement.bill(account, seller="Northlight Observability GmbH") | {
        "identity/LineItemId": restatement.line_item_id("Fee", "northlight"),
        "lineItem/LineItemType": "Fee",
        "lineItem/ProductCode": "4d7fexample0northlight",
        "lineItem/UsageType": "MP:contract_monthly",
        "lineItem/Operation": "Contract",
        "lineItem/LineItemDescription": "AWS Marketplace SaaS contract, 25 seats",
        "product/ProductName": "Northlight Observability",
    }
    start = restatement.period.start
    template = Template("Fee", account.id, "4d7fexample0northlight", "Purchase", text)
    yield Charge(template, start, start + timedelta(seconds=1), money("1250"), 25 * QUANTITY_UNITS)


def support(restatement: Restatement, base: int) -> Iterator[Charge]:
    """Business support on the 6th of the next month: a tenth of the month's charges, at least $100."""
    if not restatement.invoiced(SUPPORT_DAYS):
        return
    payer, period = restatement.organisation.payer, restatement.period
    text = restatement.bill(payer) | {
        "identity/LineItemId": restatement.line_item_id("Fee", "support"),
        "lineItem/LineItemType": "Fee",
        "lineItem/ProductCode": "AWSSupportBusiness",
        "lineItem/UsageType": "Dollar",
        "lineItem/LineItemDescription": "AWS Support (Business)",
        "product/ProductName": "AWS Support (Business)",
        "product/servicecode": "AWSSupportBusiness",
    }
    template = Template("Fee", payer.id, "AWSSupportBusiness", "Purchase", text)
    yield Charge(template, period.start, period.end, cents(max(money("100"), base // 10)))


def taxes(restatement: Restatement, bases: Mapping[tuple[str, str], int], names: Mapping[str, str]) -> Iterator[Charge]:
    """Value-added tax per account and service: the interval is one day, the usage dates the whole month."""
    period = restatement.period
    for (account_id, code), base in sorted(bases.items()):
        account = restatement.account(account_id)
        seller = account.seller
        text = restatement.bill(account) | {
            "identity/LineItemId": restatement.line_item_id("Tax", account_id, code),
            "lineItem/LineItemType": "Tax",
            "lineItem/ProductCode": code,
            "lineItem/LineItemDescription": f"Tax for product code {code}",
            "lineItem/TaxType": seller.tax_type if seller else "VAT",
            "product/ProductName": names[code],
        }
        percent = seller.tax_percent if seller else restatement.organisation.tax_percent
        yield Charge(
            Template("Tax", account.id, code, "Tax", text),
            period.start,
            period.end,
            cents(base * percent // 100),
            interval=(period.start, period.start + timedelta(days=1)),
        )


def enterprise_discount(
    restatement: Restatement, bases: Mapping[tuple[str, str], int], names: Mapping[str, str], until: datetime
) -> Iterator[Charge]:
    """EdpDiscount rows, one per account and service, where the organisation has an agreement."""
    percent = restatement.organisation.edp_percent
    for (account_id, code), base in sorted(bases.items()) if percent else ():
        if base <= 0:
            continue
        account = restatement.account(account_id)
        text = restatement.bill(account) | {
            "identity/LineItemId": restatement.line_item_id("EdpDiscount", account_id, code),
            "lineItem/LineItemType": "EdpDiscount",
            "lineItem/ProductCode": code,
            "lineItem/LineItemDescription": f"{percent}.0% enterprise discount on {names[code]}",
            "product/ProductName": names[code],
        }
        template = Template("EdpDiscount", account.id, code, "Usage", text)
        yield Charge(template, restatement.period.start, until, -(base * percent // 100))
