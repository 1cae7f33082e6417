"""Charges that come once a month, not by the hour: fees, tax, credits, refunds, support, the enterprise discount.

Each is one row. Amounts are integers of 1E-10; the texts are like AWS's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.synthetic.catalogue import CATALOGUE, MONEY_UNITS, QUANTITY_UNITS, REGIONS, money
from staxpipe.synthetic.commitments import opening_hour
from staxpipe.synthetic.organisation import Account, ReservedInstance, SavingsPlan
from staxpipe.synthetic.templates import (
    PLAN_CODE,
    Restatement,
    Template,
    cents,
    decimal_text,
    plan_text,
    product_text,
    reservation_arn,
    reservation_opened,
    subscription_id,
)

SUPPORT_DAYS = 5
"""AWS adds support fees on the 6th or 7th of the next month."""

PLAN_REFUND_DAYS = 9
USAGE_REFUND_DAYS = 12


@dataclass(frozen=True)
class Charge:
    """One row: its template, usage dates, time interval (where it differs), quantity and unblended cost."""

    template: Template
    start: datetime
    end: datetime
    unblended: int
    quantity: int = QUANTITY_UNITS
    interval: tuple[datetime, datetime] | None = None


def reservation_fees(
    restatement: Restatement, reservation: ReservedInstance, hours: int, used: int, used_amortised: int, used_cost: int
) -> Iterator[Charge]:
    """The month's RIFee (to date), and the upfront fee in the month of purchase.

    `hours` the reservation held so far; `used` covered quantity in units of 1E-6; `used_amortised` and
    `used_cost` what DiscountedUsage rows carry of upfront fee and of both fees.
    """
    organisation, period = restatement.organisation, restatement.period
    months = organisation.months_open(period) - reservation.opens_in_month
    if months < 0:
        return
    owner = _account(restatement, reservation.owner)
    offer, region = CATALOGUE[reservation.offer], REGIONS[reservation.region]
    opened = reservation_opened(organisation, reservation)
    base = restatement.bill(owner) | product_text(offer, region)
    base |= {
        "lineItem/ProductCode": offer.code,
        "lineItem/UsageType": f"{region.prefix}HeavyUsage:{offer.instance_type}",
        "lineItem/Operation": offer.operation,
        "pricing/unit": "Hrs",
        "pricing/term": "Reserved",
        "pricing/LeaseContractLength": "1yr",
        "pricing/OfferingClass": "standard",
        "pricing/PurchaseOption": reservation.option,
        "reservation/ReservationARN": reservation_arn(reservation),
        "reservation/SubscriptionId": subscription_id(reservation),
    }
    reserved = reservation.count * hours
    unused = reserved * QUANTITY_UNITS - used
    unused_amortised = reservation.amortised_hourly * reserved - used_amortised
    unused_recurring = reservation.hourly * reserved - (used_cost - used_amortised)
    factor = offer.normalization_halves
    text = base | {
        "identity/LineItemId": restatement.line_item_id("RIFee", reservation.id),
        "lineItem/LineItemType": "RIFee",
        "lineItem/NormalizationFactor": str(factor / 2),
        "lineItem/UnblendedRate": decimal_text(reservation.hourly),
        "lineItem/BlendedRate": decimal_text(reservation.hourly),
        "lineItem/LineItemDescription": f"USD {reservation.hourly / MONEY_UNITS:.4f} hourly fee per "
        f"Linux/UNIX (Amazon VPC), {offer.instance_type} instance",
        "reservation/AmortizedUpfrontFeeForBillingPeriod": decimal_text(reservation.amortised_hourly * reserved),
        "reservation/StartTime": opened.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "reservation/EndTime": (opened + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "reservation/ModificationStatus": "Original",
        "reservation/NumberOfReservations": str(reservation.count),
        "reservation/UnitsPerReservation": f"{hours}.0000000000",
        "reservation/TotalReservedUnits": f"{reserved}.0000000000",
        "reservation/NormalizedUnitsPerReservation": f"{hours * factor / 2}",
        "reservation/TotalReservedNormalizedUnits": f"{reserved * factor / 2}",
        "reservation/UnusedQuantity": decimal_text(unused * 10_000),
        "reservation/UnusedNormalizedUnitQuantity": decimal_text(unused * 10_000 * factor // 2),
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": decimal_text(unused_amortised),
        "reservation/UnusedRecurringFee": decimal_text(unused_recurring),
        "reservation/UpfrontValue": decimal_text(reservation.upfront * reservation.count),
    }
    last_second = period.end - timedelta(seconds=1)  # inclusive, unlike every other row
    yield Charge(
        Template(
            "RIFee", owner.id, offer.code, "Purchase", text,
            normalization_halves=factor, unused=unused_amortised + unused_recurring,
        ),
        period.start, last_second, reservation.hourly * reserved, reserved * QUANTITY_UNITS,
        interval=(period.start, last_second),
    )  # fmt: skip
    if reservation.upfront and months % 12 == 0:
        when = period.start + timedelta(hours=opening_hour(reservation.opens_in_month))
        text = base | {
            "identity/LineItemId": restatement.line_item_id("Fee", reservation.id),
            "bill/BillType": "Purchase",
            "lineItem/LineItemType": "Fee",
            "lineItem/LineItemDescription": f"Sign up charge for subscription: {subscription_id(reservation)}, "
            f"planId: {reservation.id[:8]}",
        }
        yield Charge(
            Template("Fee", owner.id, offer.code, "Purchase", text, amortised_elsewhere=True),
            when,
            when + timedelta(seconds=1),
            reservation.upfront * reservation.count,
            reservation.count * QUANTITY_UNITS,
        )


def plan_fees(restatement: Restatement, plan: SavingsPlan, until: datetime) -> Iterator[Charge]:
    """A plan's upfront fee, in the month of its purchase and each year."""
    months = restatement.organisation.months_open(restatement.period) - plan.opens_in_month
    when = restatement.period.start + timedelta(hours=opening_hour(plan.opens_in_month))
    if plan.upfront and months >= 0 and months % 12 == 0 and when < until:
        text = restatement.bill(_account(restatement, plan.owner), bill_type="Purchase") | plan_text(restatement, plan)
        yield Charge(_upfront(restatement, plan.id, plan.owner, text), when, when, plan.upfront)


def mistaken_plan(restatement: Restatement, until: datetime) -> Iterator[Charge]:
    """A plan bought by mistake in the organisation's second month, and its refund once that month is closed."""
    organisation, period = restatement.organisation, restatement.period
    if organisation.months_open(period) != 1 or not organisation.refunded_plan_fee:
        return
    plan = SavingsPlan(
        "0badc0de-1111-4222-8333-444455556666", organisation.payer.id, "ComputeSavingsPlans",
        organisation.refunded_plan_fee // 8760, 27, 1, "All Upfront",
    )  # fmt: skip
    when = period.start + timedelta(days=2, hours=11)
    if when >= until:
        return
    text = restatement.bill(organisation.payer, bill_type="Purchase") | plan_text(restatement, plan)
    fee = organisation.refunded_plan_fee
    yield Charge(_upfront(restatement, plan.id, plan.owner, text), when, when, fee)
    if restatement.invoiced(PLAN_REFUND_DAYS):
        text = restatement.bill(organisation.payer, bill_type="Refund") | plan_text(restatement, plan)
        text |= {
            "identity/LineItemId": restatement.line_item_id("Refund", plan.id),
            "lineItem/LineItemType": "Refund",
            "lineItem/ProductCode": PLAN_CODE,
            "lineItem/LineItemDescription": f"Refund for one-time fee for Savings Plan ID: {plan.id}",
            "product/ProductName": "Savings Plans for AWS Compute usage",
        }
        template = Template("Refund", plan.owner, PLAN_CODE, "Purchase", text, amortised_elsewhere=True)
        yield Charge(template, when, when + timedelta(hours=1), -fee)


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
    by_id = {str(account.id): account for account in restatement.organisation.accounts}
    for (account_id, code), base in sorted(bases.items()):
        text = restatement.bill(by_id[account_id]) | {
            "identity/LineItemId": restatement.line_item_id("Tax", account_id, code),
            "lineItem/LineItemType": "Tax",
            "lineItem/ProductCode": code,
            "lineItem/LineItemDescription": f"Tax for product code {code}",
            "lineItem/TaxType": "VAT",
            "product/ProductName": names[code],
        }
        yield Charge(
            Template("Tax", by_id[account_id].id, code, "Tax", text),
            period.start,
            period.end,
            cents(base * restatement.organisation.tax_percent // 100),
            interval=(period.start, period.start + timedelta(days=1)),
        )


def enterprise_discount(
    restatement: Restatement, bases: Mapping[tuple[str, str], int], names: Mapping[str, str], until: datetime
) -> Iterator[Charge]:
    """EdpDiscount rows, one per account and service, where the organisation has an agreement."""
    percent = restatement.organisation.edp_percent
    by_id = {str(account.id): account for account in restatement.organisation.accounts}
    for (account_id, code), base in sorted(bases.items()) if percent else ():
        if base <= 0:
            continue
        text = restatement.bill(by_id[account_id]) | {
            "identity/LineItemId": restatement.line_item_id("EdpDiscount", account_id, code),
            "lineItem/LineItemType": "EdpDiscount",
            "lineItem/ProductCode": code,
            "lineItem/LineItemDescription": f"{percent}.0% enterprise discount on {names[code]}",
            "product/ProductName": names[code],
        }
        template = Template("EdpDiscount", by_id[account_id].id, code, "Usage", text)
        yield Charge(template, restatement.period.start, until, -(base * percent // 100))


def _account(restatement: Restatement, account_id: str) -> Account:
    return next(account for account in restatement.organisation.accounts if account.id == account_id)


def _upfront(restatement: Restatement, plan_id: str, owner: str, text: Mapping[str, str]) -> Template:
    return Template(
        "SavingsPlanUpfrontFee",
        _account(restatement, owner).id,
        PLAN_CODE,
        "Purchase",
        {
            **text,
            "identity/LineItemId": restatement.line_item_id("SavingsPlanUpfrontFee", plan_id),
            "lineItem/LineItemType": "SavingsPlanUpfrontFee",
            "lineItem/ProductCode": PLAN_CODE,
            "lineItem/LineItemDescription": f"1 year All Upfront Savings Plan {plan_id}",
            "product/ProductName": "Savings Plans for AWS Compute usage",
        },
        amortised_elsewhere=True,
    )
