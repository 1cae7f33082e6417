"""The mapping once more: slow, obvious, a row at a time, in plain Python from the rules. The oracle of other tests.

It shares no code with the mapping but the tables (services, regions, line-item types by name) and takes its rows as
dictionaries of text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.regions import REGION_NAMES
from staxpipe.focus.services import services
from staxpipe.focus.source_columns import SKU_DETAILS

WIDE = Context(prec=200)
STEP = Decimal("1E-18")
LIMIT = Decimal(10) ** 12
MISSING_WORDS = {"None", "none", "null", "NULL", "nan", "NaN", "NA", "N/A", "n/a", "-"}
Row = dict[str, str | None]
Focus = dict[str, object]

USAGE_LIKE = {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "FlatRateSubscription"}
DISCOUNTS = {"Discount", "BundledDiscount", "EdpDiscount", "PrivateRateDiscount", "RiVolumeDiscount", "SppDiscount"}


class RefusedError(Exception):
    """The row cannot be mapped."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def number(row: Row, column: str, *, strict: bool = True) -> Decimal | None:
    """An amount rounded to 18 decimals; None when missing."""
    text = row.get(column)
    if text is None or text in MISSING_WORDS:
        return None
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        if strict:
            raise RefusedError(column)
        return None
    value = WIDE.create_decimal(text).quantize(STEP, ROUND_HALF_EVEN, WIDE)
    if abs(value) >= LIMIT:
        if strict:
            raise RefusedError(column)
        return None
    return value


def moment(text: str | None, column: str) -> datetime:
    """A moment in UTC."""
    try:
        found = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        raise RefusedError(column) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def exclusive(end: datetime) -> datetime:
    """23:59:59 is the last second."""
    return end + timedelta(seconds=1) if end.second == 59 else end


def unit_price(cost: Decimal, quantity: Decimal | None) -> Decimal | None:
    """cost / quantity."""
    if quantity is None:
        return None
    if quantity == 0:
        return Decimal(0) if cost == 0 else None
    exact = WIDE.divide(cost, quantity).quantize(Decimal("1E-31"), ROUND_DOWN, WIDE)
    price = exact.quantize(STEP, ROUND_HALF_EVEN, WIDE)
    return None if price < 0 or exact < 0 or abs(price) >= LIMIT else price


def times(left: Decimal, right: Decimal) -> Decimal:
    """A product to 18 decimals."""
    return WIDE.multiply(left, right).quantize(STEP, ROUND_HALF_EVEN, WIDE)


def focus_rows(row: Row, *, columns: set[str], export: str, delivery: str) -> list[Focus]:
    """The FOCUS rows of one source row: none, one or two. Raises RefusedError."""
    row = _without_duplicates(row)
    for name in ("bill_payer_account_id", "line_item_currency_code"):
        if row.get(name) is None:
            raise RefusedError(name)
    for name in ("bill_payer_account_id", "line_item_usage_account_id"):
        account = row.get(name) or ""
        if account != re.sub("[^0-9]", "", account) and re.fullmatch("[0-9.]+([Ee][+]?[0-9]+)?", account):
            raise RefusedError(name)
        if account.isdigit() and 7 <= len(account) < 12:
            raise RefusedError(name)
    start = moment(row["line_item_usage_start_date"], "line_item_usage_start_date")
    end = exclusive(moment(row["line_item_usage_end_date"], "line_item_usage_end_date"))
    period = moment(row["bill_billing_period_start_date"], "bill_billing_period_start_date")
    given = row.get("line_item_line_item_type")
    kind = given or "Unknown"
    plan, reservation = row.get("savings_plan_savings_plan_a_r_n"), row.get("reservation_reservation_a_r_n")
    arn = plan or reservation
    split = row.get("line_item_operation") in ("EKSPod-EC2", "ECSTask-EC2") or bool(
        row.get("split_line_item_parent_resource_id")
    )
    if split:
        return [_split_row(row, columns, kind, period, start, end, export, delivery)]
    known = (
        USAGE_LIKE
        | DISCOUNTS
        | {"SavingsPlanNegation", "SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee", "Fee"}
        | {"Tax", "Credit", "Refund"}
    )
    category = "Adjustment" if kind not in known else "Usage"
    if kind in {"SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee", "Fee"}:
        category = "Purchase"
    if kind in {"Tax", "Credit"}:
        category = kind
    ri_upfront = kind == "Fee" and bool(reservation)
    upfront_refund = False
    if kind == "Refund":
        description = row.get("line_item_line_item_description") or ""
        upfront_refund = description.startswith("Refund for one-time fee for Savings Plan ID")
        if upfront_refund:
            category = "Purchase"
        elif row.get("line_item_tax_type"):
            category = "Tax"
        elif arn:
            category = "Purchase"

    unblended = number(row, "line_item_unblended_cost")
    net = number(row, "line_item_net_unblended_cost")
    quantified = category not in {"Tax", "Credit", "Adjustment"} and kind != "SavingsPlanNegation"
    usage = number(row, "line_item_usage_amount", strict=quantified)
    on_demand = number(row, "pricing_public_on_demand_cost", strict=False)
    rate = number(row, "pricing_public_on_demand_rate", strict=False)
    rate = None if rate is not None and rate < 0 else rate
    if net is None and unblended is None:
        raise RefusedError("line_item_unblended_cost")
    charged = charge(row, kind, unblended, net)
    if kind == "SavingsPlanNegation":
        return []

    billed = effective = listed = contracted = charged
    from_price = False
    if kind in USAGE_LIKE:
        if on_demand:
            listed, from_price = on_demand, True
        elif rate and usage and times(rate, usage):
            listed, from_price = times(rate, usage), True
    if kind == "SavingsPlanCoveredUsage":
        billed = Decimal(0)
        plan_cost = number(row, "savings_plan_net_savings_plan_effective_cost")
        plan_gross = number(row, "savings_plan_savings_plan_effective_cost")
        effective = plan_cost or plan_gross or Decimal(0)
        contracted = unblended or charged
        listed = listed if from_price else contracted
    elif kind == "DiscountedUsage":
        own_net = number(row, "reservation_net_effective_cost")
        own_gross = number(row, "reservation_effective_cost")
        effective = own_net or own_gross or Decimal(0)
        listed = listed if from_price else effective
        contracted = listed
    elif kind in {"SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee"} or upfront_refund or ri_upfront:
        effective = Decimal(0)

    total = number(row, "savings_plan_total_commitment_to_date", strict=kind == "SavingsPlanRecurringFee")
    used = number(row, "savings_plan_used_commitment", strict=kind == "SavingsPlanRecurringFee")
    reserved = number(row, "reservation_total_reserved_units", strict=False)
    quantity = usage
    if kind == "RIFee" or ri_upfront:
        quantity = reserved or usage
    if kind in DISCOUNTS or (kind == "Refund" and category != "Tax"):
        quantity = abs(usage) if usage else Decimal(1)
        quantity = -quantity if charged < 0 else quantity
    if category in {"Usage", "Purchase"}:
        quantity = quantity or Decimal(0)
    quantity = quantity or None if category in {"Credit", "Adjustment"} else quantity
    if category == "Tax":
        quantity = None
    commitment_quantity: Decimal | None = None
    normalised = False
    if kind == "SavingsPlanCoveredUsage":
        commitment_quantity = plan_gross or plan_cost
    elif kind == "SavingsPlanUpfrontFee" or upfront_refund:
        commitment_quantity = unblended or charged
    elif kind == "DiscountedUsage":
        units = number(row, "line_item_normalized_usage_amount", strict=False)
        commitment_quantity, normalised = units or usage, bool(units)
    elif kind == "RIFee" or ri_upfront:
        units = number(row, "reservation_total_reserved_normalized_units", strict=False)
        commitment_quantity, normalised = units or reserved or usage, bool(units)
    elif kind == "SavingsPlanRecurringFee":
        recurring = number(row, "savings_plan_recurring_commitment_for_billing_period", strict=False)
        commitment_quantity = recurring or unblended or charged
    consumed = None
    if category == "Usage":
        consumed = (usage or Decimal(0)) if kind in USAGE_LIKE else Decimal(0)

    frequency = "Usage-Based" if category == "Usage" and kind != "Refund" else "One-Time"
    if kind in {"SavingsPlanRecurringFee", "RIFee", "FlatRateSubscription"}:
        frequency = "Recurring"
    pricing: str | None = None if category in {"Tax", "Credit", "Adjustment"} else "Standard"
    if kind in {"SavingsPlanCoveredUsage", "DiscountedUsage"}:
        pricing = "Committed"
    elif kind == "Usage" and "Spot" in (row.get("line_item_usage_type") or ""):
        pricing = "Dynamic"

    base = _dimensions(row, category, period, columns)
    marketplace = row.get("bill_billing_entity") == "AWS Marketplace"
    refund_bill = kind == "Refund" or row.get("bill_bill_type") == "Refund"
    list_price: Decimal | None = None
    contracted_price: Decimal | None = None
    if category != "Tax":
        list_price = rate if from_price and rate else unit_price(listed, quantity)
        contracted_price = unit_price(contracted, quantity)
    main: Focus = {
        **base,
        **_service(row, marketplace),
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": listed,
        "ContractedCost": contracted,
        "ChargeCategory": category,
        "ChargeClass": "Correction" if refund_bill and start < period else None,
        "ChargeDescription": row.get("line_item_line_item_description") or row.get("line_item_usage_type"),
        "ChargeFrequency": frequency,
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "PricingCategory": pricing,
        "PricingQuantity": quantity,
        "ConsumedQuantity": consumed,
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": contracted_price,
        "CommitmentDiscountQuantity": commitment_quantity,
        "CommitmentDiscountUnit": "Normalized Hours" if normalised else "Hours",
        "CommitmentDiscountStatus": "Used" if arn and kind in {"SavingsPlanCoveredUsage", "DiscountedUsage"} else None,
        "x_LineItemType": kind,
        "x_ExportId": export,
        "x_DeliveryId": delivery,
    }
    rows = [main]
    if kind in {"RIFee", "SavingsPlanRecurringFee"}:
        rows.append(_unused(row, main, kind, total, used))
    for item in rows:
        _finish(item, row)
    return rows


def charge(row: Row, kind: str, unblended: Decimal | None, net: Decimal | None) -> Decimal:
    """Net, else gross; 0 where the row says so."""
    if net:
        return net
    if not unblended:
        return Decimal(0)
    if "line_item_net_unblended_cost" not in row:
        return unblended
    if kind in DISCOUNTS:
        return Decimal(0)
    rate = number(row, "line_item_net_unblended_rate", strict=False)
    if rate is not None and rate == 0:
        return Decimal(0)
    parts = {name: number(row, name, strict=False) or Decimal(0) for name in row if name.startswith("discount_")}
    whole = parts.pop("discount_total_discount", Decimal(0)) or sum(parts.values(), Decimal(0))
    share = WIDE.divide(whole, unblended).quantize(STEP, ROUND_HALF_EVEN, WIDE)
    return Decimal(0) if Decimal("-1.0001") <= share <= Decimal("-0.9999") else unblended


def _without_duplicates(row: Row) -> Row:
    """One column a name; refuses where two of one name disagree."""
    united = {name: text for name, text in row.items() if "#" not in name or "/" in name}
    for name, text in row.items():
        base = name.partition("#")[0]
        if name in united or not text:
            continue
        first = united[base]
        if first is None:
            united[base] = text
        elif first != text:
            one, other = (number({base: value}, base, strict=False) for value in (first, text))
            if one is None or one != other:
                raise RefusedError(base)
    return united


def _split_row(
    row: Row, columns: set[str], kind: str, period: datetime, start: datetime, end: datetime, export: str, delivery: str
) -> Focus:
    """A share of an instance: no cost, no quantity, no commitment, and what AWS says of the share."""
    for name in ("line_item_unblended_cost", "line_item_net_unblended_cost"):
        number(row, name)
    amounts: Focus = {}
    for name, sources in (
        ("x_SplitCost", ("net_split_cost", "split_cost")),
        ("x_SplitUnusedCost", ("net_unused_cost", "unused_cost")),
        ("x_SplitUsageRatio", ("split_usage_ratio",)),
        ("x_SplitActualUsage", ("actual_usage",)),
        ("x_SplitReservedUsage", ("reserved_usage",)),
    ):
        said = [number(row, f"split_line_item_{source}") for source in sources]
        there = any(f"split_line_item_{source}" in columns for source in sources)
        amounts[name] = next((amount for amount in said if amount), Decimal(0)) if there else None
    if row.get("line_item_unblended_cost") in MISSING_WORDS | {None} and row.get(
        "line_item_net_unblended_cost"
    ) in MISSING_WORDS | {None}:
        raise RefusedError("line_item_unblended_cost")
    bare = {**row, "savings_plan_savings_plan_a_r_n": None, "reservation_reservation_a_r_n": None}
    zero = Decimal(0)
    item: Focus = {
        **_dimensions(bare, "Usage", period, columns),
        **_service(row, row.get("bill_billing_entity") == "AWS Marketplace"),
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), zero),
        **dict.fromkeys(("PricingQuantity", "ConsumedQuantity", "ListUnitPrice", "ContractedUnitPrice"), zero),
        **amounts,
        "ChargeCategory": "Usage",
        "ChargeClass": "Correction" if row.get("bill_bill_type") == "Refund" and start < period else None,
        "ChargeDescription": row.get("line_item_line_item_description") or row.get("line_item_usage_type"),
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "PricingCategory": "Standard",
        "CommitmentDiscountQuantity": None,
        "x_LineItemType": kind,
        "x_ExportId": export,
        "x_DeliveryId": delivery,
        "x_SplitParentResourceId": row.get("split_line_item_parent_resource_id")
        or row.get("line_item_resource_id")
        or "unknown",
    }
    _finish(item, bare)
    return item


def _tags(row: Row) -> object:
    """Every tag under a key of its own."""
    tags: dict[str, str] = {}
    own = [name for name in row if name.startswith("resource_tags/") and row[name]]
    own.sort(key=lambda name: (name.split("/", 1)[1].startswith(("user:", "user_", "aws_")), len(name), name))
    for name in own:
        key = name.split("/", 1)[1]
        short = re.sub("^aws_", "aws:", re.sub("^user[:_]", "", key)) if not key.startswith("user") else key[5:]
        tags[key if short in tags else short] = row[name] or ""
    for name in row:
        if not name.startswith("tags/") or not row[name] or name.startswith("tags/costCategory/"):
            continue
        key = name.removeprefix("tags/")
        short = key.removeprefix("resourceTags/")
        if tags.get(short) == row[name]:
            continue
        tags[key if short in tags else short] = row[name] or ""
    return sorted(tags.items()) or None


def _cost_categories(row: Row) -> object:
    one, other = row.get("cost_category/Team"), row.get("tags/costCategory/Team")
    found = [("Team", one or other)] if one or other else []
    if one and other and one != other:
        found.append(("costCategory/Team", other))
    return sorted(found) or None


def _discount_texts(row: Row) -> object:
    """Discounts that are not 0, numbers in one spelling."""
    found = []
    for name, text in row.items():
        if not name.startswith("discount_") or not text:
            continue
        amount = number(row, name, strict=False)
        if amount:
            found.append((name.removeprefix("discount_"), re.sub(r"\.?0+$", "", f"{amount:f}")))
        elif amount is None and text not in MISSING_WORDS:
            found.append((name.removeprefix("discount_"), text))
    return sorted(found) or None


def _unused(row: Row, main: Focus, kind: str, total: Decimal | None, used: Decimal | None) -> Focus:
    if kind == "RIFee":
        parts = []
        for name in ("unused_amortized_upfront_fee_for_billing_period", "unused_recurring_fee"):
            net = number(row, f"reservation_net_{name}")
            gross = number(row, f"reservation_{name}")
            parts.append(net or gross or Decimal(0))
        effective = sum(parts, Decimal(0))
        quantity = number(row, "reservation_unused_quantity", strict=False) or Decimal(0)
        committed = quantity
        if main["CommitmentDiscountUnit"] == "Normalized Hours":
            committed = number(row, "reservation_unused_normalized_unit_quantity", strict=False) or Decimal(0)
    else:
        gross_unused = total - (used or Decimal(0)) if total else None
        effective = gross_unused or Decimal(0)
        quantity = committed = gross_unused or Decimal(0)
        names = ("amortized_upfront_commitment_for_billing_period", "recurring_commitment_for_billing_period")
        nets = [number(row, f"savings_plan_net_{name}", strict=False) for name in names]
        wholes = [number(row, f"savings_plan_{name}", strict=False) for name in names]
        told = [(net, whole or Decimal(0)) for net, whole in zip(nets, wholes, strict=True) if net]
        if gross_unused is not None and told:
            net_told = sum((net for net, _ in told), Decimal(0))
            whole = sum((whole for _, whole in told), Decimal(0))
            if whole:
                scaled = times(gross_unused, net_told)
                if abs(scaled) < LIMIT:
                    share = WIDE.divide(scaled, whole).quantize(Decimal("1E-31"), ROUND_DOWN, WIDE)
                    if abs(share) < LIMIT:
                        effective = share.quantize(STEP, ROUND_HALF_EVEN, WIDE) or effective
    description = main["ChargeDescription"]
    return {
        **main,
        "BilledCost": Decimal(0),
        "EffectiveCost": effective,
        "ListCost": Decimal(0),
        "ContractedCost": Decimal(0),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"{description} (unused)" if description else None,
        "PricingCategory": "Committed",
        "PricingQuantity": quantity,
        "ConsumedQuantity": None,
        "ListUnitPrice": Decimal(0),
        "ContractedUnitPrice": Decimal(0),
        "CommitmentDiscountQuantity": committed,
        "CommitmentDiscountStatus": "Unused" if main["CommitmentDiscountId"] else None,
    }


def _dimensions(row: Row, category: str, period: datetime, columns: set[str]) -> Focus:
    plan, reservation = row.get("savings_plan_savings_plan_a_r_n"), row.get("reservation_reservation_a_r_n")
    zone = row.get("line_item_availability_zone")
    zone_region = re.fullmatch(r"([a-z]+(?:-[a-z]+)+-\d)[a-z]", zone or "")
    region = (
        row.get("product_region_code")
        or row.get("product_region")
        or (zone_region[1] if zone_region else None)
        or row.get("product_from_region_code")
    )
    legal = row.get("line_item_legal_entity")
    marketplace = row.get("bill_billing_entity") == "AWS Marketplace"
    month_end = (period.replace(day=28) + timedelta(days=4)).replace(day=1)
    period_end = row.get("bill_billing_period_end_date")
    usage_type = row.get("line_item_usage_type")
    sku = None if category == "Tax" else row.get("product_sku") or usage_type
    price = (row.get("pricing_rate_code") or row.get("pricing_rate_id") or sku) if sku else None
    if sku and price and not price.startswith(sku):
        price = f"{sku}.{price}"
    details = [(key, row[name]) for name, key in SKU_DETAILS.items() if row.get(name)]
    capacity = row.get("capacity_reservation_capacity_reservation_a_r_n")
    state = row.get("capacity_reservation_capacity_reservation_status")
    return {
        "AvailabilityZone": zone,
        "BillingAccountId": row["bill_payer_account_id"],
        "BillingAccountName": row.get("bill_payer_account_name") or row["bill_payer_account_id"],
        "BillingAccountType": "Payer Account",
        "BillingCurrency": row["line_item_currency_code"],
        "BillingPeriodStart": period,
        "CapacityReservationId": capacity,
        "CapacityReservationStatus": {"Used": "Used", "Unused": "Unused", "Cancelled": "Unused"}.get(state or "")
        if capacity
        else None,
        "BillingPeriodEnd": exclusive(moment(period_end, "")) if period_end else month_end,
        "CommitmentDiscountId": plan or reservation,
        "CommitmentDiscountCategory": "Spend" if plan else "Usage" if reservation else None,
        "CommitmentDiscountType": "Savings Plan" if plan else "Reserved Instances (RI)" if reservation else None,
        "InvoiceId": row.get("bill_invoice_id"),
        "InvoiceIssuerName": row.get("bill_invoicing_entity")
        or (None if marketplace else legal)
        or "Amazon Web Services, Inc.",
        "ProviderName": "AWS",
        "PublisherName": legal or "Amazon Web Services, Inc.",
        "PricingCurrency": row.get("pricing_currency") or row["line_item_currency_code"],
        "RegionId": region,
        "RegionName": (REGION_NAMES.get(region) or row.get("product_location") or region) if region else None,
        "SkuId": sku,
        "SkuMeter": usage_type if sku else None,
        "SkuPriceId": price,
        "SkuPriceDetails": sorted(details) if price and details else None,
        "SubAccountId": row.get("line_item_usage_account_id"),
        "SubAccountName": (row.get("line_item_usage_account_name") or row.get("line_item_usage_account_id"))
        if row.get("line_item_usage_account_id")
        else None,
        "SubAccountType": "Usage Account" if row.get("line_item_usage_account_id") else None,
        "Tags": _tags(row),
        "x_CostCategories": _cost_categories(row),
        "x_Discounts": _discount_texts(row),
        "x_LineItemId": row.get("identity_line_item_id"),
        "x_Operation": row.get("line_item_operation"),
    }


def _service(row: Row, marketplace: bool) -> Focus:
    code = row.get("line_item_product_code")
    known = services().get(code or "")
    product = row.get("product_product_name")
    if marketplace:
        name, where, below = product or code or "AWS Marketplace", "Other", "Other (Other)"
    elif known:
        name, where, below = known
    else:
        name = row.get("product_servicename") or product or code or "Unknown service"
        where, below = "Other", "Other (Other)"
    return {
        "ServiceName": name,
        "ServiceCategory": where,
        "ServiceSubcategory": below,
        "x_ServiceCode": row.get("product_servicecode") or code,
    }


def _finish(item: Focus, row: Row) -> None:
    """What depends on other FOCUS columns."""
    arn = item["CommitmentDiscountId"]
    bought = item["ChargeCategory"] == "Purchase" or (
        item["ConsumedQuantity"] is None and item["ChargeCategory"] == "Usage"
    )
    resource = row.get("line_item_resource_id")
    kind: object
    if bought and arn:
        resource, kind = str(arn), item["CommitmentDiscountType"]
    else:
        parts = (resource or "").split(":", 5)
        inner = re.split("[:/]", parts[5], maxsplit=1) if len(parts) == 6 and parts[0] == "arn" else []
        from_arn = inner[0] if len(inner) == 2 and inner[0] else None
        kind = row.get("product_product_family") or from_arn or item["ServiceName"]
    item["ResourceId"] = resource
    item["ResourceType"] = kind if resource else None
    if not (arn and item["ChargeCategory"] in {"Usage", "Purchase"}):
        item["CommitmentDiscountQuantity"] = None
    elif item["CommitmentDiscountQuantity"] is None:
        item["CommitmentDiscountQuantity"] = Decimal(0)
    if item["CommitmentDiscountQuantity"] is None:
        item["CommitmentDiscountUnit"] = None
    elif item["CommitmentDiscountCategory"] == "Spend":
        item["CommitmentDiscountUnit"] = item["BillingCurrency"]
    usage_type = row.get("line_item_usage_type") or ""
    unit = row.get("pricing_unit")
    if unit is None:
        unit = "Units"
        for pattern, guess in (
            ("BoxUsage|SpotUsage|HeavyUsage|DedicatedUsage|HostUsage|InstanceUsage|NodeUsage|UnusedBox", "Hrs"),
            ("VolumeUsage|SnapshotUsage|TimedStorage|StorageUsage|ByteHrs", "GB-Mo"),
            ("Bytes", "GB"),
            ("Requests", "Requests"),
        ):
            if re.search(pattern, usage_type):
                unit = guess
                break
    plan_unused = item["x_LineItemType"] == "SavingsPlanRecurringFee" and item["ChargeCategory"] == "Usage"
    if plan_unused and not item.get("x_SplitParentResourceId"):
        unit = row["line_item_currency_code"]
    item["PricingUnit"] = unit if item["PricingQuantity"] is not None else None
    item["ConsumedUnit"] = unit if item["ConsumedQuantity"] is not None else None
    same = item["PricingCurrency"] == item["BillingCurrency"]
    for name in ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice"):
        item[f"PricingCurrency{name}"] = item[name] if same else None
    for column in LINE_ITEM_COLUMNS:
        item.setdefault(column.name, None)
