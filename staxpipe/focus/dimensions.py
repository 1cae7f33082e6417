"""The text columns of FOCUS: accounts, regions, resources, commitments, units, identifiers.

Each function returns the columns that it names. Numbers are in costs.py, services in services.py. Where the source of
a rule is a guess, it says so.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Mask, choose, coalesce, coded, combined, constant, nothing
from staxpipe.focus.line_item_types import RULES, Kind
from staxpipe.focus.lines import Lines
from staxpipe.focus.regions import REGION_NAMES, region_of_zone

AWS_ISSUER = "Amazon Web Services, Inc."
"""Who issues the invoice where the source names nobody: a guess, right for all but AWS's regional sellers."""

MARKETPLACE = "AWS Marketplace"
DEFAULT_CURRENCY = "USD"

_CAPACITY_STATES = {"used": "Used", "unused": "Unused", "cancelled": "Unused", "canceled": "Unused"}

_UNITS: tuple[tuple[str, str], ...] = (
    (r"(BoxUsage|SpotUsage|HeavyUsage|DedicatedUsage|HostUsage|InstanceUsage|NodeUsage|UnusedBox)", "Hrs"),
    (r"(VolumeUsage|SnapshotUsage|TimedStorage|StorageUsage|ByteHrs)", "GB-Mo"),
    (r"Bytes", "GB"),
    (r"Requests", "Requests"),
)
_LAST_UNIT = "Units"


def accounts(lines: Lines) -> dict[str, Coded]:
    """Billing account, sub account, currency, who sells and who bills."""
    count = len(lines)
    currency = currency_of(lines)
    marketplace = marketplace_rows(lines)
    entity = lines.text("line_item_legal_entity")
    sub_account = lines.text("line_item_usage_account_id")
    # On marketplace rows the legal entity is the seller, who publishes and does not bill.
    issuer = coalesce((lines.text("bill_invoicing_entity"), entity.where(~marketplace), constant(AWS_ISSUER, count)))
    return {
        "BillingAccountId": lines.text("bill_payer_account_id"),
        # FOCUS 1.2 wants a name wherever there is an id; a legacy CUR has no names, so the id stands for it.
        "BillingAccountName": coalesce((lines.text("bill_payer_account_name"), lines.text("bill_payer_account_id"))),
        "BillingAccountType": constant("Payer Account", count),
        "BillingCurrency": currency,
        "InvoiceId": lines.text("bill_invoice_id"),
        "InvoiceIssuerName": issuer,
        "PricingCurrency": coalesce((lines.text("pricing_currency"), currency)),
        "ProviderName": constant("AWS", count),
        "PublisherName": coalesce((entity, constant(AWS_ISSUER, count))),
        "SubAccountId": sub_account,
        "SubAccountName": coalesce((lines.text("line_item_usage_account_name"), sub_account)).where(
            sub_account.present
        ),
        "SubAccountType": constant("Usage Account", count).where(sub_account.present),
    }


def currency_of(lines: Lines) -> Coded:
    """The currency of the row's amounts; US dollars where the whole file does not say (reported as assumed)."""
    if lines.has("line_item_currency_code"):
        return lines.text("line_item_currency_code")
    return constant(DEFAULT_CURRENCY, len(lines))


def marketplace_rows(lines: Lines) -> Mask:
    """Rows of products that others sell through AWS Marketplace."""
    return lines.text("bill_billing_entity").lookup(lambda entity: entity == MARKETPLACE, np.bool_, False)


def places(lines: Lines) -> dict[str, Coded]:
    """Availability zone and region."""
    zone = lines.text("line_item_availability_zone")
    region = coalesce(
        (
            lines.text("product_region_code"),
            lines.text("product_region"),
            zone.map(region_of_zone),
            lines.text("product_from_region_code"),
        )
    )
    name = coalesce((region.map(REGION_NAMES.get), lines.text("product_location").where(region.present), region))
    return {"AvailabilityZone": zone, "RegionId": region, "RegionName": name}


def capacity(lines: Lines) -> dict[str, Coded]:
    """The capacity reservation that a row belongs to, and whether it uses it.

    CUR 2.0 has it with INCLUDE_CAPACITY_RESERVATION_DATA. Of AWS's four states FOCUS 1.2 knows two: capacity that was
    cancelled is paid for and not used; what is only "Reserved" is neither, so it stays null, as AWS says of its own
    FOCUS export that it may.
    """
    reservation = lines.text("capacity_reservation_capacity_reservation_a_r_n")
    status = lines.text("capacity_reservation_capacity_reservation_status").map(
        lambda text: _CAPACITY_STATES.get(text.strip().lower())
    )
    return {"CapacityReservationId": reservation, "CapacityReservationStatus": status.where(reservation.present)}


def commitments(lines: Lines, normalised: Mask) -> dict[str, Coded]:
    """Which commitment a row belongs to. Only a non-empty ARN makes one: every row of 2018 has the columns.

    `normalised` are the rows of reservations that count in normalised hours. Shares of split cost allocation belong
    to none: the row of their instance does.
    """
    charge = ~lines.of(Kind.SPLIT)
    plan = lines.text("savings_plan_savings_plan_a_r_n").where(charge)
    reservation = lines.text("reservation_reservation_a_r_n").where(charge)
    arn = coalesce((plan, reservation))
    of_plan = plan.present
    used = lines.of(Kind.SAVINGS_PLAN_COVERED_USAGE, Kind.DISCOUNTED_USAGE)
    count = len(lines)
    status = choose(lines.unused, constant("Unused", count), constant("Used", count).where(used))
    hours = choose(normalised, constant("Normalized Hours", count), constant("Hours", count))
    unit = choose(of_plan, currency_of(lines), hours)
    counted = arn.present & lines.in_category(("Usage", "Purchase"))
    return {
        "CommitmentDiscountCategory": _either(of_plan, "Spend", "Usage", arn.present),
        "CommitmentDiscountId": arn,
        "CommitmentDiscountStatus": status.where(arn.present),
        "CommitmentDiscountType": _either(of_plan, "Savings Plan", "Reserved Instances (RI)", arn.present),
        "CommitmentDiscountUnit": unit.where(counted),
    }


def resources(lines: Lines, commitment: Coded, commitment_type: Coded, service: Coded) -> dict[str, Coded]:
    """Resource id and type. What a commitment purchase buys is the commitment (FOCUS 1.2)."""
    bought = lines.in_category(("Purchase",)) | lines.unused
    resource = lines.text("line_item_resource_id")
    resource = choose(bought & commitment.present, commitment, resource)
    family = lines.text("product_product_family")
    kind = choose(
        bought & commitment.present,
        commitment_type,
        coalesce((family, resource.where(~family.present).compact().map(_arn_type), service)),
    )
    return {"ResourceId": resource, "ResourceType": kind.where(resource.present)}


def charges(lines: Lines) -> dict[str, Coded]:
    """Category, frequency, pricing category, description: what kind of charge this is."""
    # Where AWS describes nothing, the usage type says more than a null.
    description = coalesce((lines.text("line_item_line_item_description"), lines.text("line_item_usage_type")))
    if lines.unused.any():
        description = choose(lines.unused, description.map(lambda text: f"{text} (unused)"), description)
    spot = lines.text("line_item_usage_type").lookup(lambda usage_type: "Spot" in usage_type, np.bool_, False)
    spot &= lines.of(*(kind for kind in Kind if RULES[kind].spot_aware))
    count = len(lines)
    pricing = choose(
        lines.unused,
        constant("Committed", count),
        choose(
            spot, constant("Dynamic", count), _by_kind(lines, {kind: RULES[kind].pricing_category for kind in Kind})
        ),
    )
    usage = constant("Usage", count)
    often = constant("Usage-Based", count)
    return {
        "ChargeCategory": choose(
            lines.unused, usage, _by_kind(lines, {kind: RULES[kind].charge_category for kind in Kind})
        ),
        "ChargeDescription": description,
        "ChargeFrequency": choose(
            lines.unused, often, _by_kind(lines, {kind: RULES[kind].charge_frequency for kind in Kind})
        ),
        "PricingCategory": pricing,
    }


def skus(lines: Lines) -> dict[str, Coded]:
    """What was priced, and its units; nothing of it on Tax (FOCUS 1.2).

    A guess: where AWS gives no SKU (discounts, refunds, reduced exports) the usage type stands for it, since that is
    what AWS prices; and a SKU stands for its price id (FOCUS allows both to be equal). A price id belongs to one
    SKU (FOCUS 1.2, SkuPriceId), and AWS's pricing_rate_id does not: size-flexible reservations share one, as real
    months show. So the SKU is written before an id that does not begin with it, as AWS's own rate codes do.
    """
    priced = ~lines.in_category(("Tax",))
    usage_type = lines.text("line_item_usage_type").where(priced)
    sku = coalesce((lines.text("product_sku"), usage_type)).where(priced)
    rate = coalesce((lines.text("pricing_rate_code"), lines.text("pricing_rate_id"), sku)).where(priced & sku.present)
    price = combined(sku, rate, lambda of, id_: id_ if id_.startswith(of) else f"{of}.{id_}")
    return {
        "SkuId": sku,
        "SkuMeter": usage_type.where(sku.present),
        "SkuPriceId": price,
    }


def units(lines: Lines, pricing_quantity: Mask, consumed_quantity: Mask) -> dict[str, Coded]:
    """Units wherever there is a quantity.

    AWS leaves the unit empty on free usage (a sixth of a real month). A guess: it is then read off the usage type;
    where that does not tell either it is "Units", rather than to drop a quantity that AWS metered. The unused part of
    a Savings Plan is priced in currency.
    """
    count = len(lines)
    guessed = coalesce((lines.text("line_item_usage_type").map(_unit_of), constant(_LAST_UNIT, count)))
    unit = coalesce((lines.text("pricing_unit"), guessed))
    plan = lines.of(Kind.SAVINGS_PLAN_RECURRING_FEE) & lines.unused
    unit = choose(plan, currency_of(lines), unit)
    return {"PricingUnit": unit.where(pricing_quantity), "ConsumedUnit": unit.where(consumed_quantity)}


@lru_cache(maxsize=65_536)
def _unit_of(usage_type: str) -> str | None:
    for pattern, unit in _UNITS:
        if re.search(pattern, usage_type):
            return unit
    return None


@lru_cache(maxsize=65_536)
def _arn_type(resource: str) -> str | None:
    """The resource type in an ARN: `instance` of `arn:aws:ec2:us-east-1:123456789012:instance/i-1`."""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return None
    kind = re.split(r"[:/]", parts[5], maxsplit=1)
    return kind[0] if len(kind) == 2 and kind[0] else None


def _either(mask: Mask, yes: str, no: str, where: Mask) -> Coded:
    return Coded(np.where(where, np.where(mask, 0, 1), -1).astype(np.int32), pa.array([yes, no], pa.string()))


def _by_kind(lines: Lines, table: dict[Kind, str | None]) -> Coded:
    if not len(lines):
        return nothing(0)
    return coded(lines.kinds.astype(np.int32), pa.array([table[kind] for kind in Kind], pa.string()))
