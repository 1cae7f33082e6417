"""The columns of a Cost and Usage Report: names in AWS's order, and how each becomes a Parquet column.

Names only. Which of them a month has is in `header`; what stands in them comes from `catalogue`, `organisation` and
`month`.
"""

from __future__ import annotations

import re

IDENTITY = ("LineItemId", "TimeInterval")
BILL = (
    "InvoiceId",
    "InvoicingEntity",
    "BillingEntity",
    "BillType",
    "PayerAccountId",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
)
LINE_ITEM = (
    "UsageAccountId",
    "LineItemType",
    "UsageStartDate",
    "UsageEndDate",
    "ProductCode",
    "UsageType",
    "Operation",
    "AvailabilityZone",
    "ResourceId",
    "UsageAmount",
    "NormalizationFactor",
    "NormalizedUsageAmount",
    "CurrencyCode",
    "UnblendedRate",
    "UnblendedCost",
    "BlendedRate",
    "BlendedCost",
    "LineItemDescription",
    "TaxType",
    "LegalEntity",
)
_PRODUCT_NAMES = """
    ProductName abdInstanceClass accountAssistance alarmType architecturalReview attachmentType availability
    availabilityZone bestPractices bundle cacheEngine calculationType capacitystatus caseSeverityresponseTimes
    category classicnetworkingsupport clockSpeed computeFamily computeType contentType countsAgainstQuota cputype
    currentGeneration data databaseEngine databaseEdition dataTransferQuota dedicatedEbsThroughput deploymentOption
    description directConnectLocation durability ebsOptimized ecu edition elasticGraphicsType endpointType engineCode
    enhancedNetworkingSupported equivalentondemandsku eventType executionMode feeCode feeDescription
    finding fromLocation fromLocationType fromRegionCode georegioncode gpu gpuMemory group groupDescription
    includedServices instanceFamily instanceName instanceType instanceTypeFamily intelAvx2Available intelAvxAvailable
    intelTurboAvailable isshadow launchSupport licenseModel location locationType logsDestination marketoption
    maxIopsBurstPerformance maxIopsvolume maxThroughputvolume maxVolumeSize memory memorytype messageDeliveryFrequency
    messageDeliveryOrder minVolumeSize networkPerformance normalizationSizeFactor operatingSystem operation
    operationsSupport overhead physicalProcessor platopricingtype platovolumetype preInstalledSw proactiveGuidance
    processorArchitecture processorFeatures productFamily programmaticCaseManagement provisioned queueType
    region regionCode requestDescription requestType servicecode servicename sku storage storageClass storageMedia
    storageType subscriptionType technicalSupport tenancy tiertype toLocation toLocationType toRegionCode
    training transferType usagetype vcpu version volumeApiName volumeType vpcnetworkingsupport"""
PRODUCT = tuple(_PRODUCT_NAMES.split())
PRICING = (
    "LeaseContractLength",
    "OfferingClass",
    "PurchaseOption",
    "RateCode",
    "RateId",
    "currency",
    "publicOnDemandCost",
    "publicOnDemandRate",
    "term",
    "unit",
)
RESERVATION = (
    "AmortizedUpfrontCostForUsage",
    "AmortizedUpfrontFeeForBillingPeriod",
    "AvailabilityZone",
    "EffectiveCost",
    "EndTime",
    "ModificationStatus",
    "NormalizedUnitsPerReservation",
    "NumberOfReservations",
    "RecurringFeeForUsage",
    "ReservationARN",
    "StartTime",
    "SubscriptionId",
    "TotalReservedNormalizedUnits",
    "TotalReservedUnits",
    "UnitsPerReservation",
    "UnusedAmortizedUpfrontFeeForBillingPeriod",
    "UnusedNormalizedUnitQuantity",
    "UnusedQuantity",
    "UnusedRecurringFee",
    "UpfrontValue",
)
SAVINGS_PLAN = (
    "AmortizedUpfrontCommitmentForBillingPeriod",
    "EndTime",
    "InstanceTypeFamily",
    "OfferingType",
    "PaymentOption",
    "PurchaseTerm",
    "RecurringCommitmentForBillingPeriod",
    "Region",
    "SavingsPlanARN",
    "SavingsPlanEffectiveCost",
    "SavingsPlanRate",
    "StartTime",
    "TotalCommitmentToDate",
    "UsedCommitment",
)
NET_LINE_ITEM = ("NetUnblendedCost", "NetUnblendedRate")
NET_RESERVATION = (
    "NetAmortizedUpfrontCostForUsage",
    "NetAmortizedUpfrontFeeForBillingPeriod",
    "NetEffectiveCost",
    "NetRecurringFeeForUsage",
    "NetUnusedAmortizedUpfrontFeeForBillingPeriod",
    "NetUnusedRecurringFee",
    "NetUpfrontValue",
)
NET_SAVINGS_PLAN = (
    "NetAmortizedUpfrontCommitmentForBillingPeriod",
    "NetRecurringCommitmentForBillingPeriod",
    "NetSavingsPlanEffectiveCost",
)
DISCOUNT = ("BundledDiscount", "EdpDiscount", "TotalDiscount")
"""What is taken off, as positive amounts: public queries add `discount_edp_discount` to the net cost for the gross."""

SPLIT_LINE_ITEM = (
    "ActualUsage",
    "NetSplitCost",
    "NetUnusedCost",
    "ParentResourceId",
    "PublicOnDemandSplitCost",
    "PublicOnDemandUnusedCost",
    "ReservedUsage",
    "SplitCost",
    "SplitUsage",
    "SplitUsageRatio",
    "UnusedCost",
)
NET_SPLIT = ("NetSplitCost", "NetUnusedCost")
CAPACITY_RESERVATION = ("CapacityReservationArn", "CapacityReservationStatus", "CapacityReservationType")
"""Only CUR 2.0 has them; here they are named as a legacy report would name them."""

COST_CATEGORIES = ("Environment", "Product", "Team")
TAGS = (
    "aws:autoscaling:groupName",
    "aws:cloudformation:stack-name",
    "aws:createdBy",
    "aws:eks:cluster-name",
    "user:Cost Center",
    "user:Environment",
    "user:Name",
    "user:Team",
    "user:Owner",
    "user:cost-center",  # collides with "user:Cost Center" in Parquet names
    "user:project",
    "user:Ürün",
)
SPLIT_TAGS = ("aws:ecs:clusterName", "aws:eks:deployment", "aws:eks:namespace")
"""Keys that AWS puts on split cost allocation rows, beside aws:eks:cluster-name."""

LATE_TAGS = frozenset({"user:project", "user:Ürün"})
"""Tag keys that are activated only in the organisation's third month: columns come and go."""

VARYING: tuple[str, ...] = (
    "identity/TimeInterval",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/UsageAmount",
    "lineItem/NormalizedUsageAmount",
    "lineItem/UnblendedCost",
    "lineItem/BlendedCost",
    "pricing/publicOnDemandCost",
    "reservation/AmortizedUpfrontCostForUsage",
    "reservation/EffectiveCost",
    "reservation/RecurringFeeForUsage",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/UsedCommitment",
    "lineItem/NetUnblendedCost",
    "discount/BundledDiscount",
    "discount/EdpDiscount",
    "discount/TotalDiscount",
    "reservation/NetAmortizedUpfrontCostForUsage",
    "reservation/NetEffectiveCost",
    "reservation/NetRecurringFeeForUsage",
    "savingsPlan/NetSavingsPlanEffectiveCost",
    "splitLineItem/NetSplitCost",
    "splitLineItem/NetUnusedCost",
    "splitLineItem/PublicOnDemandSplitCost",
    "splitLineItem/PublicOnDemandUnusedCost",
    "splitLineItem/SplitCost",
    "splitLineItem/UnusedCost",
)
"""Columns whose value differs from row to row; all others follow from the row's template."""

PARQUET_MOMENTS = frozenset(
    {
        "bill/BillingPeriodStartDate",
        "bill/BillingPeriodEndDate",
        "lineItem/UsageStartDate",
        "lineItem/UsageEndDate",
    }
)
"""Timestamps in AWS's Parquet; reservation and Savings Plan times stay text."""

PARQUET_DOUBLES = frozenset(
    {
        "lineItem/UsageAmount",
        "lineItem/NormalizationFactor",
        "lineItem/NormalizedUsageAmount",
        "lineItem/UnblendedCost",
        "lineItem/BlendedCost",
        "pricing/publicOnDemandCost",
        "reservation/AmortizedUpfrontCostForUsage",
        "reservation/AmortizedUpfrontFeeForBillingPeriod",
        "reservation/EffectiveCost",
        "reservation/RecurringFeeForUsage",
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
        "reservation/UnusedNormalizedUnitQuantity",
        "reservation/UnusedQuantity",
        "reservation/UnusedRecurringFee",
        "reservation/UpfrontValue",
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
        "savingsPlan/RecurringCommitmentForBillingPeriod",
        "savingsPlan/SavingsPlanEffectiveCost",
        "savingsPlan/SavingsPlanRate",
        "savingsPlan/TotalCommitmentToDate",
        "savingsPlan/UsedCommitment",
        "lineItem/NetUnblendedCost",
        *(f"reservation/{name}" for name in NET_RESERVATION),
        *(f"savingsPlan/{name}" for name in NET_SAVINGS_PLAN),
        *(f"discount/{name}" for name in DISCOUNT),
        *(f"splitLineItem/{name}" for name in SPLIT_LINE_ITEM if name != "ParentResourceId"),
    }
)
"""Doubles in AWS's Parquet: amounts. Rates other than the Savings Plan rate are text there."""


def parquet_name(header: str) -> str:
    """AWS's Parquet spelling of a CSV header.

    The rule (AWS, "Running Amazon Athena queries", column names): an underscore before each upper-case letter,
    lower case, anything else than letters and digits becomes an underscore, runs of underscores become one,
    none at the edges. Letters outside ASCII become underscores too, so tag keys may collide.
    """
    spaced = re.sub(r"([A-Z])", r"_\1", header)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
