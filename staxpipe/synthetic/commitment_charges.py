"""Fees of reservations and Savings Plans that come once a month, or once: RIFee, upfront fees, a fee's refund."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from staxpipe.synthetic.catalogue import CATALOGUE, MONEY_UNITS, QUANTITY_UNITS, REGIONS
from staxpipe.synthetic.charge import Charge
from staxpipe.synthetic.commitment_text import plan_text, reservation_arn, reservation_opened, subscription_id
from staxpipe.synthetic.commitments import ReservationUse, opening_hour
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.template import Template, decimal_text, discount
from staxpipe.synthetic.templates import PLAN_CODE, product_text

PLAN_REFUND_DAYS = 9
MISTAKEN_PLAN = "0badc0de-1111-4222-8333-444455556666"
"""The plan that is bought by mistake; its fee is paid and given back without any discount."""


def reservation_fees(restatement: Restatement, reservation: ReservedInstance, use: ReservationUse) -> Iterator[Charge]:
    """The month's RIFee (to date), and the upfront fee in the month of purchase."""
    organisation, period = restatement.organisation, restatement.period
    months = organisation.months_open(period) - reservation.opens_in_month
    if months < 0:
        return
    owner = restatement.account(reservation.owner)
    offer, region = CATALOGUE[reservation.offer], REGIONS[reservation.region]
    opened = reservation_opened(organisation, reservation)
    per_mille = restatement.per_mille(owner)
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
    hours = use.hours
    reserved = reservation.count * hours
    amortised, recurring = reservation.amortised_hourly * reserved, reservation.hourly * reserved
    unused = reserved * QUANTITY_UNITS - use.covered
    unused_amortised, unused_recurring = amortised - use.amortised, recurring - use.recurring
    factor = offer.normalization_halves
    text = base | {
        "identity/LineItemId": restatement.line_item_id("RIFee", reservation.id),
        "lineItem/LineItemType": "RIFee",
        "lineItem/NormalizationFactor": str(factor / 2),
        "lineItem/UnblendedRate": decimal_text(reservation.hourly),
        "lineItem/BlendedRate": decimal_text(reservation.hourly),
        "lineItem/LineItemDescription": f"USD {reservation.hourly / MONEY_UNITS:.4f} hourly fee per "
        f"Linux/UNIX (Amazon VPC), {offer.instance_type} instance",
        "reservation/AmortizedUpfrontFeeForBillingPeriod": decimal_text(amortised),
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
    net_unused = 0
    if per_mille:
        # What net rows of usage leave over, so that used and unused net costs add up to the net fees exactly.
        net_amortised, net_recurring = (fee - discount(fee, per_mille) for fee in (amortised, recurring))
        net_unused = net_amortised + net_recurring - use.net_amortised - use.net_recurring
        text |= {
            "lineItem/NetUnblendedRate": decimal_text(reservation.hourly - discount(reservation.hourly, per_mille)),
            "reservation/NetAmortizedUpfrontFeeForBillingPeriod": decimal_text(net_amortised),
            "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod": decimal_text(net_amortised - use.net_amortised),
            "reservation/NetUnusedRecurringFee": decimal_text(net_recurring - use.net_recurring),
            "reservation/NetUpfrontValue": decimal_text(
                reservation.upfront * reservation.count - discount(reservation.upfront * reservation.count, per_mille)
            ),
        }
    last_second = period.end - timedelta(seconds=1)  # inclusive, unlike every other row
    yield Charge(
        Template(
            "RIFee", owner.id, offer.code, "Purchase", text,
            normalization_halves=factor, unused=unused_amortised + unused_recurring, net_unused=net_unused,
            per_mille=per_mille,
        ),
        period.start, last_second, recurring, reserved * QUANTITY_UNITS,
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
            Template("Fee", owner.id, offer.code, "Purchase", text, amortised_elsewhere=True, per_mille=per_mille),
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
        text = restatement.bill(restatement.account(plan.owner), bill_type="Purchase") | plan_text(restatement, plan)
        yield Charge(_upfront(restatement, plan, text), when, when, plan.upfront)


def mistaken_plan(restatement: Restatement, until: datetime) -> Iterator[Charge]:
    """A plan bought by mistake in the organisation's second month, and its refund once that month is closed."""
    organisation, period = restatement.organisation, restatement.period
    if organisation.months_open(period) != 1 or not organisation.refunded_plan_fee:
        return
    plan = SavingsPlan(
        MISTAKEN_PLAN, organisation.payer.id, "ComputeSavingsPlans",
        organisation.refunded_plan_fee // 8760, 27, 1, "All Upfront",
    )  # fmt: skip
    when = period.start + timedelta(days=2, hours=11)
    if when >= until:
        return
    text = restatement.bill(organisation.payer, bill_type="Purchase") | plan_text(restatement, plan)
    fee = organisation.refunded_plan_fee
    yield Charge(_upfront(restatement, plan, text), when, when, fee)
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


def _upfront(restatement: Restatement, plan: SavingsPlan, text: Mapping[str, str]) -> Template:
    owner = restatement.account(plan.owner)
    return Template(
        "SavingsPlanUpfrontFee",
        owner.id,
        PLAN_CODE,
        "Purchase",
        {
            **text,
            "identity/LineItemId": restatement.line_item_id("SavingsPlanUpfrontFee", plan.id),
            "lineItem/LineItemType": "SavingsPlanUpfrontFee",
            "lineItem/ProductCode": PLAN_CODE,
            "lineItem/LineItemDescription": f"1 year {plan.option} Savings Plan {plan.id}",
            "product/ProductName": "Savings Plans for AWS Compute usage",
        },
        amortised_elsewhere=True,
        per_mille=0 if plan.id == MISTAKEN_PLAN else restatement.per_mille(owner),
    )
