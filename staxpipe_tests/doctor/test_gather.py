"""Looks into a real account of the stand-in, by a role of the real template; `cur` is there, `bcm-data-exports` not."""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from staxpipe.aws.errors import in_words
from staxpipe.aws.sessions import operator_session
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.examination import examine
from staxpipe.doctor.facts import Facts, Granularity, Subject, Versioning
from staxpipe.doctor.findings import Report, State
from staxpipe.doctor.gather import look, look_into
from staxpipe.exports.folder import FolderBucket
from staxpipe.linking.verdicts import Safe
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import AccountId, ExportKind, FileFormat
from staxpipe.settings import read_settings
from staxpipe_tests.aws.billing_server import BillingServer
from staxpipe_tests.aws.test_report_settings import ARN, answer
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.doctor.cases import months, one
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver, bucket_folder, deliver_month

__all__ = ["bucket_folder", "deliver_month"]

MONTH = "reports/daily/20261001-20261101"


@pytest.fixture
def ours(operator_environment: StandInCredentials) -> boto3.Session:
    return operator_session(read_settings({"region": "us-east-1"}))


def subject(customer: Customer) -> Subject:
    return Subject(
        "link",
        "request",
        AccountId(customer.account_id),
        customer.role_arn,
        customer.external_id,
        customer.bucket,
        customer.prefix,
        customer.region,
    )


def manifest(*files: str, columns: tuple[str, ...] = ("lineItem/ResourceId", "identity/TimeInterval")) -> bytes:
    return json.dumps(
        {
            "assemblyId": "assembly-1",
            "account": "222222222222",
            "reportName": "daily",
            "billingPeriod": {"start": "20261001T000000.000Z", "end": "20261101T000000.000Z"},
            "compression": "GZIP",
            "reportKeys": list(files),
            "columns": [dict(zip(("category", "name"), column.split("/"), strict=True)) for column in columns],
        }
    ).encode()


def deliver(customer: Customer, folder: str = MONTH) -> None:
    """One overwriting delivery of October, of one file with one row."""
    text = "identity/TimeInterval\n2026-10-01T00:00:00Z/2026-10-01T01:00:00Z\n"
    customer.put(f"{folder}/daily-1.csv.gz", gzip.compress(text.encode()))
    customer.put(f"{folder}/daily-Manifest.json", manifest(f"{folder}/daily-1.csv.gz"))


def define(customer: Customer, **changed: object) -> None:
    """Set a legacy report up, as the console does."""
    definition: Any = {
        "ReportName": "daily",
        "TimeUnit": "HOURLY",
        "Format": "textORcsv",
        "Compression": "GZIP",
        "AdditionalSchemaElements": ["RESOURCES"],
        "S3Bucket": customer.bucket,
        "S3Prefix": "reports",
        "S3Region": "us-east-1",
        "RefreshClosedReports": False,
        "ReportVersioning": "OVERWRITE_REPORT",
    } | changed
    customer.session.client("cur").put_report_definition(ReportDefinition=definition)


def report_on(who: Subject, facts: Facts) -> Report:
    return diagnose(who, Safe(), facts, datetime.now(UTC))


def test_a_whole_look_finds_export_settings_and_region(ours: boto3.Session, customer: Customer) -> None:
    deliver(customer)
    define(customer)
    customer.deploy()
    report = examine(ours, subject(customer), datetime.now(UTC))
    states = {check.code: check.state for check in report.checks}
    assert [code for code, state in states.items() if state is State.BROKEN] == []
    assert {
        states[code] for code in ("role-found", "trust", "external-id-wrong", "external-id-missing", "account")
    } == {State.HOLDS}
    assert {states[code] for code in ("bucket", "region", "encryption", "exports", "last-delivery")} == {State.HOLDS}
    assert one(report.checks, "granularity").found == "Rows are hourly."
    assert states["resource-ids"] is State.HOLDS
    assert "overwrites" in one(report.checks, "versioning").found
    assert states["closed-months"] is State.IMPROVABLE
    assert report.months == months("2026-10")


def test_data_exports_of_which_the_stand_in_knows_nothing_are_unknown_and_no_failure(
    ours: boto3.Session, customer: Customer
) -> None:
    customer.deploy()
    facts = look(ours, subject(customer))
    assert set(facts.unread) == {"bcm-data-exports"}
    assert "Data Exports" in facts.unread["bcm-data-exports"]


@pytest.fixture
def data_exports(monkeypatch: pytest.MonkeyPatch) -> Iterator[BillingServer]:
    """In the place of the service that the stand-in lacks: what it is asked is what a real client writes."""
    with BillingServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BCM_DATA_EXPORTS", server.url)
        yield server


def reference(name: str) -> dict[str, object]:
    status = {"StatusCode": "HEALTHY"}
    return {"ExportArn": ARN.replace("daily", name), "ExportName": name, "ExportStatus": status}


def test_each_data_export_is_asked_about_over_the_wire_as_the_linked_role(
    ours: boto3.Session, customer: Customer, data_exports: BillingServer
) -> None:
    customer.deploy()
    hourly = answer(TIME_GRANULARITY="HOURLY", INCLUDE_RESOURCES="TRUE")
    focus = answer(query="SELECT BilledCost FROM FOCUS_1_2_AWS")
    data_exports.answers += [
        {"Exports": [reference("daily")], "NextToken": "more"},
        {"Exports": [reference("focus")]},
        hourly,
        focus,
    ]
    found = look(ours, subject(customer))
    assert [(known.kind, known.granularity, known.resource_ids) for known in found.settings] == [
        (ExportKind.CUR_2_0, Granularity.HOURLY, True),
        (ExportKind.FOCUS_1_2, None, None),
    ]
    assert found.unread == {}
    assert [(asked.operation, asked.parameters) for asked in data_exports.asked] == [
        ("ListExports", {}),
        ("ListExports", {"NextToken": "more"}),
        ("GetExport", {"ExportArn": ARN}),
        ("GetExport", {"ExportArn": ARN.replace("daily", "focus")}),
    ]
    assert all(asked.session_token for asked in data_exports.asked), "as the role, not as ourselves"


def test_a_role_that_may_list_data_exports_and_not_ask_about_them_is_told_so(
    ours: boto3.Session, customer: Customer, data_exports: BillingServer
) -> None:
    customer.deploy()
    data_exports.answers += [{"Exports": [reference("daily")]}, (400, "AccessDeniedException", "not authorized")]
    found = look(ours, subject(customer))
    assert found.settings == ()
    assert "does not allow bcm-data-exports:GetExport" in found.unread["bcm-data-exports"]


def test_a_role_that_may_not_ask_for_settings_is_told_by_its_files(ours: boto3.Session, customer: Customer) -> None:
    deliver(customer)
    define(customer)
    customer.deploy()
    iam = customer.session.client("iam")
    policy: Any = iam.get_role_policy(RoleName=customer.role_name, PolicyName="read-billing-reports")["PolicyDocument"]
    kept = [statement for statement in policy["Statement"] if statement["Sid"] in {"ListReports", "ReadReports"}]
    iam.put_role_policy(
        RoleName=customer.role_name,
        PolicyName="read-billing-reports",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": kept}),
    )
    who = subject(customer)
    facts = look(ours, who)
    assert set(facts.unread) == {"cur", "bcm-data-exports"}
    report = report_on(who, facts)
    assert not report.broken
    assert one(report.checks, "closed-months").state is State.UNKNOWN
    assert one(report.checks, "granularity").found == "Rows are hourly."
    assert one(report.checks, "resource-ids").state is State.HOLDS
    assert one(report.checks, "split-cost").found.startswith("Shares of ECS tasks and EKS pods are not in it")


def test_a_role_that_is_not_there_leaves_the_bucket_alone(ours: boto3.Session, customer: Customer) -> None:
    report = examine(ours, subject(customer), datetime.now(UTC))
    assert one(report.checks, "role-found").state is State.BROKEN
    assert (report.looked_at, report.tried_at) == (None, None)


def test_a_wrong_prefix_is_told_with_the_right_one(ours: boto3.Session, customer: Customer) -> None:
    deliver(customer, "elsewhere/daily/20261001-20261101")
    define(customer, S3Prefix="elsewhere")
    customer.deploy()
    who = subject(customer)
    check = one(report_on(who, look(ours, who)).checks, "exports")
    assert check.state is State.BROKEN
    assert f"the export “daily” goes to bucket {customer.bucket}, prefix elsewhere" in check.found


def test_a_prefix_that_the_stack_does_not_have_is_refused(ours: boto3.Session, customer: Customer) -> None:
    customer.deploy(BucketPrefix="elsewhere")
    who = subject(customer)
    check = one(report_on(who, look(ours, who)).checks, "bucket")
    assert check.state is State.BROKEN
    assert "BucketPrefix=reports" in check.to_do


def test_a_bucket_of_another_account_is_refused(ours: boto3.Session, customer: Customer, aws: AwsStandIn) -> None:
    foreign = f"foreign-{secrets.token_hex(6)}"
    other = aws.session("".join(secrets.choice("0123456789") for _ in range(12)))
    other.client("s3").create_bucket(Bucket=foreign)
    other.client("s3").put_object(Bucket=foreign, Key="reports/a", Body=b"")
    theirs = replace(customer, bucket=foreign)
    theirs.deploy()
    who = subject(theirs)
    check = one(report_on(who, look(ours, who)).checks, "bucket")
    assert check.state is State.BROKEN
    assert foreign in check.found


def test_a_bucket_that_is_not_there_is_told(ours: boto3.Session, customer: Customer) -> None:
    missing = replace(customer, bucket=f"missing-{secrets.token_hex(6)}")
    missing.deploy()
    who = subject(missing)
    check = one(report_on(who, look(ours, who)).checks, "bucket")
    assert check.state is State.BROKEN
    assert "no such bucket" in check.found


def test_a_bucket_in_another_region_is_told_with_its_region(ours: boto3.Session, customer: Customer) -> None:
    bucket = f"far-{secrets.token_hex(6)}"
    far = customer.session.client("s3", region_name="eu-central-1")
    far.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    theirs = replace(customer, bucket=bucket)
    theirs.deploy()
    who = subject(theirs)
    check = one(report_on(who, look(ours, who)).checks, "region")
    assert check.state is State.IMPROVABLE, "AWS redirects, and boto3 follows"
    assert check.found.startswith("The bucket is in eu-central-1, and us-east-1 was given.")


def test_files_that_a_key_refuses_by_aws_s_own_words_name_the_parameter(tmp_path: Path) -> None:
    # The stand-in decrypts for everybody: the refusal is AWS's own text, and all behind it is real.
    (tmp_path / MONTH).mkdir(parents=True)
    (tmp_path / MONTH / "daily-Manifest.json").write_bytes(manifest("a.csv.gz"))
    said = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on the resource"

    class Encrypted(FolderBucket):
        def read(self, stored: object, limit: int) -> bytes:  # noqa: ARG002
            with in_words("the file"):
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "GetObject")
            raise AssertionError("it was refused")

    found = look_into(Encrypted(tmp_path), "reports")
    assert found.key_refused is not None
    assert (found.read, found.read_refused, found.months) == (False, None, months("2026-10"))
    assert "KmsKeyArn" in found.key_refused


def test_generated_deliveries_are_understood(bucket_folder: Path, deliver_month: Deliver) -> None:
    deliver_month(SEPTEMBER)
    deliver_month(OCTOBER)
    deliver_month(OCTOBER, name="second", kind=ExportKind.CUR_2_0, format=FileFormat.PARQUET)
    found = look_into(FolderBucket(bucket_folder), "billing")
    by_name = {export.name: export for export in found.exports}
    legacy, cur2 = by_name["hourly-cost"], by_name["second"]
    assert (legacy.kind, legacy.format, legacy.months) == (
        ExportKind.LEGACY_CUR,
        FileFormat.CSV_GZIP,
        (SEPTEMBER, OCTOBER),
    )
    assert (legacy.versioning, legacy.granularity) == (Versioning.CREATE_NEW, Granularity.HOURLY)
    assert (cur2.kind, cur2.format, cur2.months) == (ExportKind.CUR_2_0, FileFormat.PARQUET, (OCTOBER,))
    assert found.read


def test_a_manifest_that_is_none_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / MONTH).mkdir(parents=True)
    (tmp_path / MONTH / "daily-Manifest.json").write_bytes(b"not json")
    found = look_into(FolderBucket(tmp_path), "reports")
    [export] = found.exports
    assert not found.read
    assert (export.name, export.kind, export.versioning) == ("daily", ExportKind.DATA_EXPORT, Versioning.OVERWRITE)


def test_an_export_without_costs_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "reports/hints/metadata/BILLING_PERIOD=2026-10"
    folder.mkdir(parents=True)
    body = {"dataFiles": ["a.parquet"], "columns": [{"name": "recommendation_id"}], "billingPeriod": "2026-10"}
    (folder / "hints-Manifest.json").write_text(json.dumps(body))
    assert look_into(FolderBucket(tmp_path), "reports").exports == ()
