"""The emulated AWS of the demo: who staxpipe runs as, and the payer's bucket with its reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import boto3

from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.delivery import Report, deliver
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.organisation import Organisation

OPERATOR_ACCOUNT = "731904882156"
REGION: Final = "eu-central-1"


@dataclass(frozen=True)
class Cloud:
    """An emulated AWS, and the principal as which staxpipe runs in it."""

    stand_in: AwsStandIn
    operator: StandInCredentials

    @classmethod
    def empty(cls, stand_in: AwsStandIn) -> Cloud:
        """Nothing is in it but the operator's user."""
        return cls(stand_in, stand_in.create_operator(OPERATOR_ACCOUNT))


@dataclass(frozen=True)
class World(Cloud):
    """An emulated AWS with an organisation, whose payer has a bucket of reports."""

    organisation: Organisation
    report: Report
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
        return cls(stand_in, stand_in.create_operator(OPERATOR_ACCOUNT), organisation, report, scale)

    @property
    def payer_session(self) -> boto3.Session:
        """Somebody who is signed in to the payer's account."""
        return self.stand_in.session(self.payer, REGION)

    def deliver(self, period: BillingPeriod, as_of: datetime) -> Month:
        """AWS writes a month's report into the payer's bucket."""
        s3 = self.payer_session.client("s3")

        def upload(key: str, path: Path) -> None:
            with path.open("rb") as body:
                s3.put_object(Bucket=self.report.bucket, Key=key, Body=body)

        return deliver(self.organisation, period, as_of, self.report, upload, self.scale)
