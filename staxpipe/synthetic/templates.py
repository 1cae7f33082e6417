"""The templates of rows that come by the hour: one for each resource, price and commitment."""

from __future__ import annotations

import base64
from decimal import Decimal

from staxpipe.synthetic.catalogue import Offer, Region
from staxpipe.synthetic.columns import CAPACITY_RESERVATION, LATE_TAGS
from staxpipe.synthetic.commitment_text import plan_text, plan_usage_type, plan_words, reservation_arn, subscription_id
from staxpipe.synthetic.fleet import Line
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan, digest
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.template import FULLY, Template, decimal_text, discount

PLAN_CODE = "ComputeSavingsPlans"
"""AWS's product code for fees of every kind of Savings Plan for compute."""

CAPACITY_OFFER = "ec2.g4dn.xlarge"
"""The instances for which capacity is reserved, where the organisation reserves any."""

_BUNDLED_OFFER = "nat.hours"  # AWS gives NAT gateway hours away with Network Firewall's


def _price(units: int) -> str:
    plain = f"{Decimal(units).scaleb(-10):f}"
    return plain.rstrip("0").rstrip(".") if units else "0.00"


def product_text(offer: Offer, region: Region) -> dict[str, str]:
    """The product/ columns of an offer in a region."""
    everywhere = region.code == "global"
    text = {f"product/{name}": value.format(location=region.location) for name, value in offer.product.items()}
    return text | {
        "product/ProductName": offer.name,
        "product/productFamily": offer.family,
        "product/servicecode": offer.service_code or offer.code,
        "product/servicename": "AWS Data Transfer" if offer.service_code == "AWSDataTransfer" else offer.name,
        "product/region": "" if everywhere else region.code,
        "product/regionCode": "" if everywhere else region.code,
        "product/location": region.location,
        "product/locationType": "Other" if everywhere else "AWS Region",
        "product/operation": offer.operation,
        "product/usagetype": region.prefix + offer.usage_type,
        "product/sku": sku(offer, region),
    }


def sku(offer: Offer, region: Region) -> str:
    """Sixteen letters and digits that stand for an offer in a region."""
    return base64.b32encode(bytes.fromhex(digest(offer.key, region.code)))[:16].decode()


def usage_template(restatement: Restatement, line: Line, rate: int) -> Template:
    """On-demand or Spot usage of a line at a rate."""
    offer, region = line.offer, line.region
    text = _usage_text(restatement, line, "Usage", rate)
    text["identity/LineItemId"] = restatement.line_item_id("Usage", line.account.id, offer.key, line.resource, rate)
    if not offer.spot:
        text |= _public_text(offer, region, rate)
    per_mille = restatement.per_mille(line.account, offer.seller)
    if per_mille:
        per_mille = FULLY if offer.key == _BUNDLED_OFFER else per_mille
        text["lineItem/NetUnblendedRate"] = decimal_text(rate - discount(rate, per_mille))
    return Template(
        "Usage", line.account.id, offer.code, "Usage", text, rate,
        public=not offer.spot, normalization_halves=offer.normalization_halves,
        taxable=line.account.taxed and not offer.seller, per_mille=per_mille,
    )  # fmt: skip


def idle_template(restatement: Restatement, line: Line, rate: int) -> Template:
    """Hours in which reserved capacity runs nothing: they cost what the instance would."""
    text = _usage_text(restatement, line, "Usage", rate) | _public_text(line.offer, line.region, rate)
    arn = text["capacityReservation/CapacityReservationArn"]
    text |= {
        "identity/LineItemId": restatement.line_item_id("Idle", line.account.id, line.resource),
        "lineItem/UsageType": f"{line.region.prefix}UnusedBox:{line.offer.instance_type}",
        "lineItem/ResourceId": arn,
        "lineItem/LineItemDescription": f"per Unused Reservation Linux {line.offer.instance_type} Instance Hour",
        "product/usagetype": f"{line.region.prefix}UnusedBox:{line.offer.instance_type}",
        "product/capacitystatus": "UnusedCapacityReservation",
        "capacityReservation/CapacityReservationStatus": "Unused",
    }
    return Template(
        "Usage", line.account.id, line.offer.code, "Usage", text, rate, public=True,
        normalization_halves=line.offer.normalization_halves, taxable=line.account.taxed,
        per_mille=restatement.per_mille(line.account),
    )  # fmt: skip


def discounted_template(restatement: Restatement, line: Line, rate: int, reservation: ReservedInstance) -> Template:
    """Usage that a reservation covers: no unblended cost, an effective one."""
    text = _usage_text(restatement, line, "DiscountedUsage", 0) | _public_text(line.offer, line.region, rate)
    text |= {
        "identity/LineItemId": restatement.line_item_id(
            "DiscountedUsage", reservation.id, line.account.id, line.resource
        ),
        "lineItem/LineItemDescription": f"{line.offer.instance_type} reserved instance applied",
        "pricing/term": "Reserved",
        "pricing/LeaseContractLength": "1yr",
        "pricing/OfferingClass": "standard",
        "pricing/PurchaseOption": reservation.option,
        "reservation/ReservationARN": reservation_arn(reservation),
        "reservation/SubscriptionId": subscription_id(reservation),
    }
    return Template(
        "DiscountedUsage", line.account.id, line.offer.code, "Usage", text, rate,
        public=True, normalization_halves=line.offer.normalization_halves,
        per_mille=restatement.per_mille(line.account),
    )  # fmt: skip


def covered_template(restatement: Restatement, line: Line, rate: int, plan: SavingsPlan, plan_rate: int) -> Template:
    """Usage that a Savings Plan covers, at its on-demand cost; a negation takes that cost back."""
    text = _usage_text(restatement, line, "SavingsPlanCoveredUsage", rate) | _public_text(line.offer, line.region, rate)
    text |= plan_text(restatement, plan)
    text |= {
        "identity/LineItemId": restatement.line_item_id(
            "Covered", plan.id, line.account.id, line.offer.key, line.resource
        ),
        "savingsPlan/SavingsPlanRate": decimal_text(plan_rate),
    }
    return Template(
        "SavingsPlanCoveredUsage", line.account.id, line.offer.code, "Usage", text, rate,
        public=True, normalization_halves=line.offer.normalization_halves,
        per_mille=restatement.per_mille(line.account),
    )  # fmt: skip


def negation_template(restatement: Restatement, line: Line, plan: SavingsPlan) -> Template:
    """The row that takes back a group's covered cost: per plan, account, operation, usage type and zone."""
    text = restatement.bill(line.account) | plan_text(restatement, plan)
    text |= {
        "identity/LineItemId": restatement.line_item_id(
            "Negation", plan.id, line.account.id, line.offer.key, line.region.code, line.zone
        ),
        "lineItem/LineItemType": "SavingsPlanNegation",
        "lineItem/ProductCode": line.offer.code,
        "lineItem/UsageType": line.region.prefix + line.offer.usage_type,
        "lineItem/Operation": line.offer.operation,
        "lineItem/AvailabilityZone": line.zone,
        "lineItem/LineItemDescription": f"SavingsPlanNegation used by AccountId : {line.account.id} "
        f"and UsageSku : {sku(line.offer, line.region)}",
        "product/ProductName": line.offer.name,
        "product/servicecode": line.offer.code,
        "product/region": line.region.code,
        "product/regionCode": line.region.code,
    }
    return Template("SavingsPlanNegation", line.account.id, line.offer.code, "", text)


def plan_fee_template(restatement: Restatement, plan: SavingsPlan, due: bool) -> Template:
    """A plan's hourly fee. Hours that have not come yet (`due` False) are billed ahead and commit nothing."""
    organisation = restatement.organisation
    owner = next(account for account in organisation.accounts if account.id == plan.owner)
    amortised = plan.amortised_hourly if due else 0
    recurring = plan.recurring_hourly if due else 0
    per_mille = restatement.per_mille(owner)
    text = restatement.bill(owner) | plan_text(restatement, plan)
    text |= {
        "identity/LineItemId": restatement.line_item_id("SavingsPlanRecurringFee", plan.id, due),
        "lineItem/LineItemType": "SavingsPlanRecurringFee",
        "lineItem/ProductCode": PLAN_CODE,
        "lineItem/UsageType": plan_usage_type(plan),
        "lineItem/Operation": "None",
        "lineItem/LineItemDescription": f"1 year {plan.option} {plan_words(plan)}",
        "product/ProductName": "Savings Plans for AWS Compute usage",
        "product/servicecode": PLAN_CODE,
        "product/region": plan.region,
        "savingsPlan/TotalCommitmentToDate": decimal_text(amortised + recurring),
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": decimal_text(amortised),
        "savingsPlan/RecurringCommitmentForBillingPeriod": decimal_text(recurring),
    }
    if per_mille:
        net = amortised - discount(amortised, per_mille), recurring - discount(recurring, per_mille)
        text["savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod"] = decimal_text(net[0])
        text["savingsPlan/NetRecurringCommitmentForBillingPeriod"] = decimal_text(net[1])
    return Template(
        "SavingsPlanRecurringFee", owner.id, PLAN_CODE, "Purchase", text,
        commitment=amortised + recurring, per_mille=per_mille,
    )  # fmt: skip


def _usage_text(restatement: Restatement, line: Line, kind: str, rate: int) -> dict[str, str]:
    offer, region = line.offer, line.region
    text = restatement.bill(line.account, offer.seller) | product_text(offer, region)
    what = offer.what.format(location=region.location, region=region.code)
    text |= {
        "lineItem/LineItemType": kind,
        "lineItem/ProductCode": offer.code,
        "lineItem/UsageType": region.prefix + offer.usage_type,
        "lineItem/Operation": offer.operation,
        "lineItem/AvailabilityZone": line.zone,
        "lineItem/ResourceId": line.resource,
        "lineItem/UnblendedRate": decimal_text(rate),
        "lineItem/BlendedRate": decimal_text(rate),
        "lineItem/LineItemDescription": f"${_price(rate)} {what}",
        "pricing/unit": offer.unit,
        "pricing/currency": restatement.organisation.currency_of(line.account),
    }
    if offer.normalization_halves:
        text["lineItem/NormalizationFactor"] = str(offer.normalization_halves / 2)
    text |= tag_text(restatement, line)
    if restatement.organisation.features.capacity_reservations and offer.key == CAPACITY_OFFER:
        number = digest(line.account.id, line.resource)[:17]
        arn = f"arn:aws:ec2:{region.code}:{line.account.id}:capacity-reservation/cr-{number}"
        text |= dict(
            zip((f"capacityReservation/{name}" for name in CAPACITY_RESERVATION), (arn, "Used", "ODCR"), strict=True)
        )
    return text


def tag_text(restatement: Restatement, line: Line) -> dict[str, str]:
    """The tags of a line's resource that are activated by now, and the cost category that follows from them."""
    spelling = restatement.organisation.spelling
    months = restatement.organisation.months_open(restatement.period)
    text = {
        f"resourceTags/{spelling.tag(key)}": value
        for key, value in line.tags.items()
        if months >= 2 or key not in LATE_TAGS
    }
    if team := line.tags.get("user:Team"):
        text[f"costCategory/{spelling.cost_category('Team')}"] = team
    return text


def _public_text(offer: Offer, region: Region, rate: int) -> dict[str, str]:
    code = digest("rate", offer.key, region.code)
    return {
        "pricing/publicOnDemandRate": decimal_text(rate),
        "pricing/term": "OnDemand",
        "pricing/RateId": str(10**9 + int(code[:8], 16) % (9 * 10**9)),
        "pricing/RateCode": f"{sku(offer, region)}.JRTCKXETXF.6YS6EN2CT7",
    }
