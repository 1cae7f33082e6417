"""Charges that only some organisations have, by their features: discount rows, refunds, subscriptions, the unknown.

Each is one row a month, like those of `charges`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from staxpipe.synthetic.catalogue import CATALOGUE, REGIONS, money
from staxpipe.synthetic.charge import Charge
from staxpipe.synthetic.charges import USAGE_REFUND_DAYS
from staxpipe.synthetic.commitment_text import reservation_arn, subscription_id
from staxpipe.synthetic.organisation import Account
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.template import Template
from staxpipe.synthetic.templates import product_text

UNKNOWN_TYPE = "CarbonLevy"
"""A line-item type that AWS does not have. It appears as others did before it: without notice."""

_DISCOUNTS = (  # type, offer, amount, description
    ("Discount", "glue", "12.34", "Discount as agreed, AWS Glue"),
    ("BundledDiscount", "nat.hours", "9.72", "Bundled discount, NAT gateway with Network Firewall"),
    ("PrivateRateDiscount", "cdn.bytes", "31.4159265359", "Private rate discount, Amazon CloudFront"),
    ("RiVolumeDiscount", "ec2.m5.large", "5.05", "Reserved instance volume discount"),
    ("SppDiscount", "s3.storage", "0.0000000181", "Solution provider programme discount, Amazon S3"),
)


def adjustments(restatement: Restatement, until: datetime) -> Iterator[Charge]:
    """Everything that the organisation's features ask for."""
    features = restatement.organisation.features
    if features.every_discount:
        yield from _discounts(restatement, until)
    if features.every_refund and restatement.invoiced(USAGE_REFUND_DAYS):
        yield from _refunds(restatement)
    if features.flat_rate:
        yield _flat_rate(restatement)
    if features.unknown_type:
        yield _unknown(restatement)


def _discounts(restatement: Restatement, until: datetime) -> Iterator[Charge]:
    account = restatement.organisation.members[0]
    for kind, key, amount, words in _DISCOUNTS:
        text = _text(restatement, account, kind, key, words)
        template = Template(kind, account.id, CATALOGUE[key].code, "Usage", text)
        yield Charge(template, restatement.period.start, until, -money(amount))


def _refunds(restatement: Restatement) -> Iterator[Charge]:
    """Tax given back, and a month's fee of a reservation: refunds keep the category of what they give back."""
    organisation, start = restatement.organisation, restatement.period.start
    account = organisation.members[0]
    text = _text(restatement, account, "Refund", "nat.bytes", "Refund of VAT", "tax") | {"lineItem/TaxType": "VAT"}
    yield Charge(
        Template("Refund", account.id, "AmazonEC2", "Tax", text), start, restatement.period.end, -money("7.86")
    )
    reservation = organisation.reserved_instances[1]
    owner = restatement.account(reservation.owner)
    text = _text(restatement, owner, "Refund", reservation.offer, "Refund of a reservation's hourly fee", "fee") | {
        "reservation/ReservationARN": reservation_arn(reservation),
        "reservation/SubscriptionId": subscription_id(reservation),
    }
    template = Template("Refund", owner.id, CATALOGUE[reservation.offer].code, "Purchase", text)
    yield Charge(template, start, start + timedelta(hours=1), -money("17.24"))


def _flat_rate(restatement: Restatement) -> Charge:
    """CloudFront's flat-rate plan: paid by the month, whatever is used."""
    account, period = restatement.organisation.members[0], restatement.period
    words = "CloudFront flat-rate pricing plan, Pro"
    text = _text(restatement, account, "FlatRateSubscription", "cdn.bytes", words) | {
        "lineItem/UsageType": "Global-FlatRate-Pro",
        "lineItem/Operation": "Subscription",
        "pricing/unit": "Months",
    }
    template = Template("FlatRateSubscription", account.id, "AmazonCloudFront", "Usage", text)
    return Charge(template, period.start, period.end, money("15"))


def _unknown(restatement: Restatement) -> Charge:
    payer, period = restatement.organisation.payer, restatement.period
    text = _text(restatement, payer, UNKNOWN_TYPE, "config", "Something new")
    return Charge(
        Template(UNKNOWN_TYPE, payer.id, "AWSConfig", "Adjustment", text), period.start, period.end, money("3.21")
    )


def _text(
    restatement: Restatement, account: Account, kind: str, key: str, words: str, what: str = ""
) -> dict[str, str]:
    offer, region = CATALOGUE[key], REGIONS[account.regions[0]]
    bill_type = "Refund" if kind == "Refund" else "Anniversary"
    return (
        restatement.bill(account, bill_type=bill_type)
        | product_text(offer, region)
        | {
            "identity/LineItemId": restatement.line_item_id(kind, account.id, key, what),
            "lineItem/LineItemType": kind,
            "lineItem/ProductCode": offer.code,
            "lineItem/UsageType": region.prefix + offer.usage_type,
            "lineItem/Operation": offer.operation,
            "lineItem/LineItemDescription": words,
        }
    )
