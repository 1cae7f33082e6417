"""The text of a row that does not change from hour to hour: one template for each resource, price and commitment.

A template also carries what the books need to know of its rows: type, account, product, FOCUS charge category.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from staxpipe.model import AccountId, BillingPeriod
from staxpipe.synthetic.catalogue import MONEY_UNITS, Offer, Region
from staxpipe.synthetic.commitments import opening_hour
from staxpipe.synthetic.fleet import Line
from staxpipe.synthetic.organisation import Account, Organisation, ReservedInstance, SavingsPlan, digest

PLAN_CODE = "ComputeSavingsPlans"
"""AWS's product code for fees of every kind of Savings Plan for compute."""

AWS_INC = "Amazon Web Services, Inc."
AWS_EMEA = "Amazon Web Services EMEA SARL"
ENVIRONMENTS = {"production": "Production", "staging": "Non-production", "data": "Production", "sandbox": "Sandbox"}


@dataclass(frozen=True)
class Template:
    """Static columns by header name, and what the books need.

    `category` is the FOCUS charge category of the row (of the first row, for fees that become two).
    `amortised_elsewhere` marks purchases whose effective cost is 0. `commitment` is the hourly commitment of a
    Savings Plan fee row, `unused` the unused cost of an RIFee, both in units of 1E-10.
    """

    type: str
    account: AccountId
    code: str
    category: str
    text: Mapping[str, str]
    rate: int = 0
    public: bool = False  # has a public on-demand cost
    normalization_halves: int = 0
    amortised_rate: int = 0
    amortised_elsewhere: bool = False
    commitment: int = 0
    unused: int = 0
    taxable: bool = False


def decimal_text(units: int) -> str:
    """An amount in units of 1E-10 as AWS prints rates: ten decimals, tiny ones in scientific notation."""
    if units == 0:
        return "0.0000000000"
    return str(Decimal(units).scaleb(-10))


def _price(units: int) -> str:
    plain = f"{Decimal(units).scaleb(-10):f}"
    return plain.rstrip("0").rstrip(".") if units else "0.00"


def moment(value: datetime) -> str:
    """A moment as a CSV report prints it."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Restatement:
    """Which restatement is being written: fixes line-item ids and whether invoices are out."""

    organisation: Organisation
    period: BillingPeriod
    as_of: datetime
    assembly_id: str

    def invoiced(self, days_after_end: int) -> bool:
        """Whether so many days have passed since the period's end."""
        return self.as_of >= self.period.end + timedelta(days=days_after_end)

    def line_item_id(self, *parts: object) -> str:
        """52 letters and digits, new in every delivery, the same for every hour of one template."""
        raw = hashlib.sha256("\x1f".join((self.assembly_id, *map(str, parts))).encode()).digest()
        return base64.b32encode(raw).decode().lower()[:52]

    def bill(self, account: Account, seller: str = "", bill_type: str = "Anniversary") -> dict[str, str]:
        """The bill/ columns and the legal entity. Marketplace invoices come two days after AWS's own."""
        entity = AWS_EMEA if account.taxed else AWS_INC
        invoiced = bill_type == "Refund" or self.invoiced(5 if seller else 3)
        number = int(digest(self.organisation.seed, self.period, entity, bool(seller), bill_type)[:8], 16) % 10**9
        return {
            "bill/InvoiceId": f"{number + 10**9}" if invoiced else "",
            "bill/InvoicingEntity": entity,
            "bill/BillingEntity": "AWS Marketplace" if seller else "AWS",
            "bill/BillType": bill_type,
            "bill/PayerAccountId": self.organisation.payer.id,
            "bill/BillingPeriodStartDate": moment(self.period.start),
            "bill/BillingPeriodEndDate": moment(self.period.end),
            "lineItem/UsageAccountId": account.id,
            "lineItem/CurrencyCode": self.organisation.currency,
            "lineItem/LegalEntity": seller or entity,
            "costCategory/Environment": ENVIRONMENTS.get(account.role, ""),
        }


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
    return Template(
        "Usage", line.account.id, offer.code, "Usage", text, rate,
        public=not offer.spot, normalization_halves=offer.normalization_halves,
        taxable=line.account.taxed and not offer.seller,
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
        "reservation/SubscriptionId": _subscription(reservation.id),
    }
    return Template(
        "DiscountedUsage", line.account.id, line.offer.code, "Usage", text, rate,
        public=True, normalization_halves=line.offer.normalization_halves,
        amortised_rate=reservation.amortised_hourly,
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
    amortised = plan.commitment if plan.upfront and due else 0
    recurring = plan.recurring_hourly if due else 0
    text = restatement.bill(owner) | plan_text(restatement, plan)
    text |= {
        "identity/LineItemId": restatement.line_item_id("SavingsPlanRecurringFee", plan.id, due),
        "lineItem/LineItemType": "SavingsPlanRecurringFee",
        "lineItem/ProductCode": PLAN_CODE,
        "lineItem/UsageType": _plan_usage_type(plan),
        "lineItem/Operation": "None",
        "lineItem/LineItemDescription": f"1 year {plan.option} {_plan_words(plan)}",
        "product/ProductName": "Savings Plans for AWS Compute usage",
        "product/servicecode": PLAN_CODE,
        "product/region": plan.region,
        "savingsPlan/TotalCommitmentToDate": decimal_text(amortised + recurring),
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": decimal_text(amortised),
        "savingsPlan/RecurringCommitmentForBillingPeriod": decimal_text(recurring),
    }
    return Template("SavingsPlanRecurringFee", owner.id, PLAN_CODE, "Purchase", text, commitment=amortised + recurring)


def plan_text(restatement: Restatement, plan: SavingsPlan) -> dict[str, str]:
    """The savingsPlan/ columns that say which plan it is."""
    opened = _opening(restatement.organisation, plan.opens_in_month)
    return {
        "savingsPlan/SavingsPlanARN": plan_arn(plan),
        "savingsPlan/OfferingType": plan.kind,
        "savingsPlan/PaymentOption": plan.option,
        "savingsPlan/PurchaseTerm": "1yr",
        "savingsPlan/InstanceTypeFamily": plan.family,
        "savingsPlan/Region": plan.region or "Any",
        "savingsPlan/StartTime": moment(opened),
        "savingsPlan/EndTime": moment(opened + timedelta(days=365) - timedelta(seconds=1)),
    }


def plan_arn(plan: SavingsPlan) -> str:
    """The ARN of a Savings Plan."""
    return f"arn:aws:savingsplans::{plan.owner}:savingsplan/{plan.id}"


def reservation_arn(reservation: ReservedInstance) -> str:
    """The ARN of a reservation."""
    service, kind = ("rds", "ri") if reservation.offer.startswith("rds.") else ("ec2", "reserved-instances")
    separator = ":" if service == "rds" else "/"
    return f"arn:aws:{service}:{reservation.region}:{reservation.owner}:{kind}{separator}{reservation.id}"


def reservation_opened(organisation: Organisation, reservation: ReservedInstance) -> datetime:
    """When a reservation began."""
    return _opening(organisation, reservation.opens_in_month)


def _opening(organisation: Organisation, opens_in_month: int) -> datetime:
    period = organisation.opened
    for _ in range(opens_in_month):
        period = period.next()
    return period.start + timedelta(hours=opening_hour(opens_in_month))


def _subscription(text: str) -> str:
    return str(10**9 + int(text[:8], 16) % 10**9)


def subscription_id(reservation: ReservedInstance) -> str:
    """AWS's number of a reservation's subscription."""
    return _subscription(reservation.id)


def _plan_usage_type(plan: SavingsPlan) -> str:
    option = plan.option.replace(" ", "")
    return f"EUC1-EC2SP:{plan.family}.1yr{option}" if plan.family else f"ComputeSP:1yr{option}"


def _plan_words(plan: SavingsPlan) -> str:
    return f"{plan.family} EC2 Instance Savings Plan in {plan.region}" if plan.family else "Compute Savings Plan"


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
        "pricing/currency": restatement.organisation.currency,
    }
    if offer.normalization_halves:
        text["lineItem/NormalizationFactor"] = str(offer.normalization_halves / 2)
    months = restatement.organisation.months_open(restatement.period)
    for key, value in line.tags.items():
        if months >= 2 or key not in {"user:project", "user:Ürün"}:
            text[f"resourceTags/{key}"] = value
    if team := line.tags.get("user:Team"):
        text["costCategory/Team"] = team
    return text


def _public_text(offer: Offer, region: Region, rate: int) -> dict[str, str]:
    code = digest("rate", offer.key, region.code)
    return {
        "pricing/publicOnDemandRate": decimal_text(rate),
        "pricing/term": "OnDemand",
        "pricing/RateId": str(10**9 + int(code[:8], 16) % (9 * 10**9)),
        "pricing/RateCode": f"{sku(offer, region)}.JRTCKXETXF.6YS6EN2CT7",
    }


def cents(units: int) -> int:
    """An amount rounded half up to whole cents, in units of 1E-10."""
    cent = MONEY_UNITS // 100
    return (units + cent // 2) // cent * cent
