"""What follows from a look into the bucket, each with what to do."""

from __future__ import annotations

from datetime import timedelta

from staxpipe.doctor.bucket_checks import CODES, bucket_checks
from staxpipe.doctor.facts import Facts
from staxpipe.doctor.findings import Check, State
from staxpipe.exports.contents import contents
from staxpipe_tests.doctor.cases import NOW, SUBJECT, export, facts, months, one, settings


def check(code: str, found: Facts) -> Check:
    checks = list(bucket_checks(SUBJECT, found, NOW))
    assert tuple(check.code for check in checks) == CODES
    return one(checks, code)


def test_a_bucket_as_it_should_be() -> None:
    checks = list(bucket_checks(SUBJECT, facts(export()), NOW))
    assert {check.state for check in checks} == {State.HOLDS}
    assert not any(check.to_do for check in checks)


def test_a_refused_bucket_names_the_parameters_of_the_stack() -> None:
    found = facts(refused="AWS refuses access.", region=None)
    bucket = check("bucket", found)
    assert (bucket.state, bucket.found) == (State.BROKEN, "AWS refuses access.")
    assert "BucketName=bills and BucketPrefix=reports" in bucket.to_do
    assert check("exports", found).state is State.UNKNOWN
    assert check("region", found).state is State.UNKNOWN


def test_another_region_is_a_detour_unless_nothing_can_be_read() -> None:
    wrong = check("region", facts(export(), region="us-east-2"))
    assert wrong.state is State.IMPROVABLE
    assert "us-east-2" in wrong.found
    assert "set the region to us-east-2" in wrong.to_do
    assert check("region", facts(region="us-east-2", refused="No.")).state is State.BROKEN


def test_a_key_that_refuses_names_the_parameter_and_the_key_policy() -> None:
    check_ = check("encryption", facts(export(), read=False, key_refused="The KMS key does not let the role decrypt."))
    assert check_.state is State.BROKEN
    assert "KmsKeyArn" in check_.to_do
    assert "kms:Decrypt" in check_.to_do
    assert "Key policy" in check_.to_do


def test_a_file_that_may_not_be_read_is_no_matter_of_keys() -> None:
    check_ = check("encryption", facts(export(), read=False, read_refused="Refused."))
    assert check_.state is State.BROKEN
    assert "s3:GetObject" in check_.to_do
    assert "KmsKeyArn" not in check_.to_do


def test_a_manifest_that_made_no_sense_proves_nothing_of_keys() -> None:
    assert check("encryption", facts(export(), read=False)).state is State.UNKNOWN


def test_an_empty_prefix_says_where_aws_shows_the_right_one() -> None:
    check_ = check("exports", facts(objects=0, finding=contents("s3://bills", []).finding("reports")))
    assert check_.state is State.BROKEN
    assert "nothing in s3://bills/reports" in check_.found
    assert "Billing and Cost Management → Data Exports" in check_.to_do


def test_an_export_that_delivers_elsewhere_is_named_with_its_place() -> None:
    check_ = check("exports", facts(settings=(settings(prefix="billing/cur"),)))
    assert check_.state is State.BROKEN
    assert "the export “daily” goes to bucket bills, prefix billing/cur" in check_.found
    assert "BucketPrefix" in check_.to_do


def test_an_export_that_has_not_delivered_yet_is_waited_for() -> None:
    check_ = check("exports", facts(settings=(settings(),)))
    assert check_.state is State.UNKNOWN
    assert "24 hours" in check_.to_do
    neighbour = check("exports", facts(settings=(settings(prefix="reports-of-others"),)))
    assert neighbour.state is State.BROKEN, "a prefix is a folder: reports is not reports-of-others"


def test_a_first_delivery_that_aws_cannot_make_is_not_waited_for() -> None:
    check_ = check("exports", facts(settings=(settings(trouble="ERROR_PERMISSIONS"),)))
    assert check_.state is State.BROKEN
    assert "nothing has come: AWS may not write to the bucket (ERROR_PERMISSIONS)" in check_.found
    assert "Bucket policy" in check_.to_do


def test_gaps_name_the_months_and_the_support_case() -> None:
    gap = check("months", facts(export(months=months("2026-06", "2026-08", "2026-09", "2026-10"))))
    assert gap.state is State.IMPROVABLE
    assert gap.found.endswith("Missing: 2026-07.")
    assert "Support Center → Create case" in gap.to_do
    assert "Ask for a backfill of the export for 2026-07." in gap.to_do


def test_two_exports_fill_each_other_s_gaps() -> None:
    first, second = export(months=months("2026-08", "2026-10")), export(months=months("2026-09"))
    assert check("months", facts(first, second)).state is State.HOLDS


def test_what_was_not_listed_whole_has_no_gaps_that_can_be_told() -> None:
    assert check("months", facts(export(months=months("2026-01", "2026-10")), whole=False)).state is State.UNKNOWN


def test_what_was_not_listed_whole_accuses_nobody() -> None:
    old, new = export(delivered_at=NOW - timedelta(days=400)), export()
    assert check("last-delivery", facts(old, whole=False)).state is State.UNKNOWN, "the newest keys come last"
    assert check("last-delivery", facts(new, whole=False)).state is State.HOLDS
    nothing = check("exports", facts(whole=False, objects=100_000, settings=(settings(),)))
    assert nothing.state is State.UNKNOWN
    assert "among the first 100,000 objects" in nothing.found


def test_the_last_delivery_of_any_export_counts_by_its_age() -> None:
    def state(hours: float) -> State:
        old = export(name="old", delivered_at=NOW - timedelta(days=400))
        return check("last-delivery", facts(old, export(delivered_at=NOW - timedelta(hours=hours)))).state

    assert [state(hours) for hours in (0, 36, 37, 96, 97)] == [
        State.HOLDS,
        State.HOLDS,
        State.IMPROVABLE,
        State.IMPROVABLE,
        State.BROKEN,
    ]
    assert check("last-delivery", facts()).state is State.UNKNOWN


def test_aws_s_own_reason_for_not_delivering_is_told_with_its_remedy() -> None:
    late = export(delivered_at=NOW - timedelta(hours=40))
    for code in ("ERROR_PERMISSIONS", "INSUFFICIENT_PERMISSION"):
        check_ = check("last-delivery", facts(late, settings=(settings(trouble=code),)))
        assert check_.state is State.BROKEN
        assert code in check_.found
        assert "Bucket policy" in check_.to_do
    fresh = check("last-delivery", facts(export(), settings=(settings(trouble="ERROR_PERMISSIONS"),)))
    assert fresh.state is State.HOLDS, "it did deliver since"


def test_ages_are_said_in_one_unit() -> None:
    ages = {0.2: "less than an hour", 1: "1 hour", 47: "47 hours", 80: "3 days"}
    for hours, words in ages.items():
        said = check("last-delivery", facts(export(delivered_at=NOW - timedelta(hours=hours)))).found
        assert f", {words} before this look." in said
