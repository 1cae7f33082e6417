"""The emulated AWS of the demo: the payer's bucket with its reports, the operator's user, and the payer's console."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.delivery import Report, deliver
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.organisation import Organisation

OPERATOR_ACCOUNT = "731904882156"
REGION: Final = "eu-central-1"
_STACK_SECONDS = 60.0


@dataclass(frozen=True)
class World:
    """Accounts of the emulated AWS, and who may do what in them."""

    stand_in: AwsStandIn
    organisation: Organisation
    report: Report
    operator: StandInCredentials
    scale: float

    @property
    def payer(self) -> str:
        """The payer's account id."""
        return str(self.organisation.payer.id)

    @classmethod
    def create(cls, stand_in: AwsStandIn, organisation: Organisation, scale: float) -> World:
        """Make the operator's user, and the payer's empty bucket."""
        report = Report(f"harbour-billing-{organisation.payer.id[-4:]}", rows_per_file=50_000)
        payer = stand_in.session(str(organisation.payer.id), REGION)
        payer.client("s3").create_bucket(Bucket=report.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        return cls(stand_in, organisation, report, stand_in.create_operator(OPERATOR_ACCOUNT), scale)

    def deliver(self, period: BillingPeriod, as_of: datetime) -> Month:
        """AWS writes a month's report into the payer's bucket."""
        s3 = self.stand_in.session(self.payer, REGION).client("s3")

        def upload(key: str, path: Path) -> None:
            with path.open("rb") as body:
                s3.put_object(Bucket=self.report.bucket, Key=key, Body=body)

        return deliver(self.organisation, period, as_of, self.report, upload, self.scale)

    def deploy(self, stack: str, template: str, parameters: Mapping[str, str]) -> None:
        """What a person with access to the payer account does: create the stack, and wait for it.

        Raises:
            PermanentError: CloudFormation refuses or rolls back.
            TransientError: it does not finish.
        """
        client = self.stand_in.session(self.payer, REGION).client("cloudformation")
        try:
            client.create_stack(
                StackName=stack,
                TemplateBody=template,
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
        except ClientError as error:
            raise PermanentError(f"CloudFormation refused the stack: {error}") from error
        deadline = time.monotonic() + _STACK_SECONDS
        while time.monotonic() < deadline:
            described = client.describe_stacks(StackName=stack)["Stacks"][0]
            status = described["StackStatus"]
            if status == "CREATE_COMPLETE":
                return
            if not status.endswith("IN_PROGRESS"):
                reason = described.get("StackStatusReason", "no reason given")
                raise PermanentError(f"CloudFormation ended with {status}: {reason}")
            time.sleep(0.2)
        raise TransientError(f"The stack {stack} was not complete after {_STACK_SECONDS:.0f} seconds.")
