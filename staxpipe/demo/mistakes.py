"""What people who link an account do wrong, each really done in the emulated AWS.

A mistake is made with the hands of whoever owns the account: what the form is told, which stack is created where. What
staxpipe says about it is no business of this module.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3

from staxpipe.aws.stacks import Wanted, deploy
from staxpipe.demo import small_report
from staxpipe.demo.browser import Browser
from staxpipe.demo.linking import AT_ONCE, StackOrder, answer_form, request_id, stack_order
from staxpipe.demo.world import REGION, Cloud
from staxpipe.model import BillingPeriod

PREFIX = "reports"
_ELSEWHERE = "elsewhere"
_NOTHING = StackOrder("", {})


@dataclass(frozen=True)
class Owner:
    """Somebody with an account and a bucket. `signed_in_to` is the account in which their AWS console is open; of
    their request they know its id, what its page told them to create (`order`), and the template.
    """

    cloud: Cloud
    account_id: str
    bucket: str
    signed_in_to: str
    request_id: str = ""
    order: StackOrder = _NOTHING
    template: str = ""

    @property
    def console(self) -> boto3.Session:
        """The AWS console where it is open."""
        return self.cloud.stand_in.session(self.signed_in_to, REGION)

    def create_stack(self, **changed: str) -> None:
        """Create the stack as the page says, with some parameters changed."""
        parameters = {**self.order.parameters, **changed}
        wanted = Wanted(self.signed_in_to, REGION, self.order.stack, self.template, parameters)
        deploy(self.console, wanted, seconds_apart=AT_ONCE)

    def create_bucket(self, name: str) -> None:
        """A bucket in the account where the console is open."""
        self.console.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def deliver(self, prefix: str = PREFIX) -> None:
        """AWS delivers the month before this one to the bucket, with one row."""
        s3 = self.console.client("s3")
        period = BillingPeriod.containing(datetime.now(UTC)).previous()
        for key, body in small_report.delivery(self.account_id, self.bucket, prefix, period).items():
            s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def set_up_report(self, prefix: str = PREFIX, time_unit: str = "HOURLY") -> None:
        """Set a legacy Cost and Usage Report up that goes to the bucket."""
        definition: Any = {
            "ReportName": small_report.NAME,
            "TimeUnit": time_unit,
            "Format": "textORcsv",
            "Compression": "GZIP",
            "AdditionalSchemaElements": ["RESOURCES"],
            "S3Bucket": self.bucket,
            "S3Prefix": prefix,
            "S3Region": REGION,
            "RefreshClosedReports": False,
            "ReportVersioning": "OVERWRITE_REPORT",
        }
        self.console.client("cur", region_name="us-east-1").put_report_definition(ReportDefinition=definition)

    def create_role(self, condition: Mapping[str, object] | None) -> None:
        """The role made by hand, with this condition in its trust policy, and nothing that it allows."""
        statement: dict[str, object] = {
            "Effect": "Allow",
            "Principal": {"AWS": self.cloud.operator.arn},
            "Action": "sts:AssumeRole",
        }
        if condition is not None:
            statement["Condition"] = condition
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.console.client("iam").create_role(RoleName=self.order.stack, AssumeRolePolicyDocument=document)


@dataclass(frozen=True)
class Mistake:
    """What was done wrong, in words, and how it is done. `asked` is what the form is told instead of the truth."""

    name: str
    make: Callable[[Owner], Owner | None]
    asked: Callable[[Owner], Mapping[str, str]] = lambda _: {}


def begin(cloud: Cloud, browser: Browser, asked: Callable[[Owner], Mapping[str, str]]) -> Owner:
    """A fresh account with a bucket, and the form filled in for it: what the page says to create is known now."""
    account_id = "".join(secrets.choice("0123456789") for _ in range(12))
    owner = Owner(cloud, account_id, f"bills-{secrets.token_hex(6)}", account_id)
    owner.create_bucket(owner.bucket)
    answers = {"account_id": account_id, "bucket": owner.bucket, "prefix": PREFIX, "region": REGION}
    page = answer_form(browser, answers | dict(asked(owner)))
    template = browser.download(page.link("Download the template"))
    return replace(owner, request_id=request_id(page), order=stack_order(page), template=template)


def make(mistake: Mistake, cloud: Cloud, browser: Browser) -> Owner:
    """Begin to link a fresh account, and make the mistake."""
    owner = begin(cloud, browser, mistake.asked)
    return mistake.make(owner) or owner


def created(**changed: str) -> Callable[[Owner], None]:
    """The stack with some parameters changed, and everything else right."""

    def do(owner: Owner) -> None:
        owner.deliver()
        owner.create_stack(**changed)

    return do


def _by_hand(condition: Mapping[str, object] | None) -> Callable[[Owner], None]:
    def do(owner: Owner) -> None:
        owner.create_role(condition)

    return do


def _in_another_account(owner: Owner) -> Owner:
    there = replace(owner, signed_in_to="".join(secrets.choice("0123456789") for _ in range(12)))
    there.create_stack()
    return there


def _misspelt(owner: Owner) -> None:
    owner.deliver()
    owner.set_up_report()
    owner.create_stack()


def _of_somebody_else(owner: Owner) -> None:
    others = replace(owner, signed_in_to="".join(secrets.choice("0123456789") for _ in range(12)))
    others.create_bucket(_similar(owner.bucket))
    owner.create_stack()


def _in_another_folder(owner: Owner) -> None:
    owner.deliver(_ELSEWHERE)
    owner.set_up_report(_ELSEWHERE)
    owner.create_stack()


def _set_up_today(owner: Owner) -> None:
    owner.set_up_report()
    owner.create_stack()


def _denied_by_the_bucket(owner: Owner) -> None:
    owner.deliver()
    owner.create_stack()
    bucket = f"arn:aws:s3:::{owner.bucket}"
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": bucket}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    owner.console.client("s3").put_bucket_policy(Bucket=owner.bucket, Policy=policy)


def _by_month(owner: Owner) -> None:
    owner.deliver()
    owner.set_up_report(time_unit="MONTHLY")
    owner.create_stack()


def _similar(bucket: str) -> str:
    return f"{bucket}-2"


MISTAKES = (
    Mistake("the stack was not created", lambda _: None),
    Mistake("the stack is in another account", _in_another_account),
    Mistake("another ExternalId was typed", created(ExternalId="typed-" + "x" * 40)),
    Mistake("somebody else is trusted", created(OperatorPrincipalArn="arn:aws:iam::123456789012:role/staxpipe")),
    Mistake("the role has another name", created(RoleName="staxpipe-link-mynewrole123")),
    Mistake("a role made by hand demands no ExternalId", _by_hand(None)),
    Mistake("a role made by hand takes any ExternalId", _by_hand({"StringLike": {"sts:ExternalId": "*"}})),
    Mistake("the bucket is misspelt", _misspelt, lambda owner: {"bucket": f"{owner.bucket}s"}),
    Mistake("the bucket is another account's", _of_somebody_else, lambda owner: {"bucket": _similar(owner.bucket)}),
    Mistake("the stack has another prefix", created(BucketPrefix="cur")),
    Mistake("the reports are below another prefix", _in_another_folder),
    Mistake("the export was set up today", _set_up_today),
    Mistake("a bucket policy denies", _denied_by_the_bucket),
    Mistake("the export has whole months only", _by_month),
)
"""All but a KMS key that refuses: the emulated AWS decrypts for everybody."""
