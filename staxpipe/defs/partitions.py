"""Accounts × months: the key of every pipeline run. Accounts are added when they are linked."""

from datetime import datetime

from dagster import (
    DynamicPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)

from staxpipe.model import BillingPeriod

FIRST_MONTH = "2015-01"
"""Cost and Usage Reports exist since December 2015."""

ACCOUNTS = DynamicPartitionsDefinition(name="accounts")
MONTHS = MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m", end_offset=1)  # the open month is one too
ACCOUNT_MONTHS = MultiPartitionsDefinition({"account": ACCOUNTS, "period": MONTHS})

PARTITION_TAG = "dagster/partition"
ACCOUNT_TAG = f"{PARTITION_TAG}/account"
"""By which Dagster finds the runs of one account."""


def partition_key(account_id: str, period: BillingPeriod) -> MultiPartitionKey:
    """The key of an account's month."""
    return MultiPartitionKey({"account": account_id, "period": str(period)})


def account_month(key: object) -> tuple[str, BillingPeriod]:
    """An account and a month from a partition key."""
    if not isinstance(key, MultiPartitionKey):
        raise TypeError(f"{key!r} is not a key of account and period")
    dimensions = key.keys_by_dimension
    return dimensions["account"], BillingPeriod.parse(dimensions["period"])


def month_exists(period: BillingPeriod, now: datetime) -> bool:
    """Whether Dagster has a partition for the month."""
    return BillingPeriod.parse(FIRST_MONTH) <= period <= BillingPeriod.containing(now)
