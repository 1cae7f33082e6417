"""Billing reports for accounts that have none: how a person creates them, and asks AWS for the months before. Pure.

The template itself is cfn/staxpipe-export.yaml; what it calls its things is here once, and a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from staxpipe.linking.quick_create import beside, command, create_page
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

TEMPLATE_NAME = "staxpipe-export.yaml"
STACK_NAME = "staxpipe-export"
REGION = "us-east-1"
"""The one region in which CloudFormation has both kinds of reports; the bucket is there too."""

PREFIX = "reports"
EXPORT_NAME = "staxpipe-cur2"
_BUCKET_PREFIX = "staxpipe-reports-"
_MONTHS_BACK = 36  # asked for; AWS has said different numbers, and answers how far it can go


@dataclass(frozen=True)
class SupportCase:
    """What to write to AWS Support."""

    subject: str
    text: str


def bucket_name(role_name: str) -> str:
    """The bucket for one request: as random as its role's name, so that nobody has taken it and pages can say it."""
    return _BUCKET_PREFIX + role_name.removeprefix("staxpipe-link-")


def template_url(settings: Settings) -> str | None:
    """Where the template is published: beside the role's; None where that is not published."""
    return beside(settings, TEMPLATE_NAME)


def parameters(bucket: str | None) -> Mapping[str, str]:
    """The template's parameters: the bucket's name, where it is said; else the template makes one of the account's."""
    return {"BucketName": bucket} if bucket else {}


def create_url(settings: Settings, bucket: str | None) -> str | None:
    """The console's page that creates the reports; None without a published template."""
    address = template_url(settings)
    return None if address is None else create_page(REGION, address, STACK_NAME, parameters(bucket))


def deploy_command(bucket: str | None) -> str:
    """One command for a shell that is signed in to the account, in the folder of the downloaded template."""
    return command(REGION, STACK_NAME, TEMPLATE_NAME, parameters(bucket))


def backfill_case(account_id: str | None, bucket: str | None, now: datetime) -> SupportCase:
    """A support case that asks for the months before the reports were set up."""
    last = BillingPeriod.containing(now).previous()
    first = last
    for _ in range(_MONTHS_BACK - 1):
        first = first.previous()
    account = account_id or "(the 12 digits of your account)"
    place = bucket or _BUCKET_PREFIX + account
    text = f"""Hello,

please backfill our data export with the months before it was created.

Account: {account}
Export: {EXPORT_NAME} (CUR 2.0, table COST_AND_USAGE_REPORT)
Delivered to: s3://{place}/{PREFIX}/{EXPORT_NAME}/ in {REGION}
Months: {first} to {last}, or as far back as you hold data
Settings: as the export has them; please change none

Please tell us when it is done. Thank you."""
    return SupportCase(f"Backfill of the data export {EXPORT_NAME}", text)
