"""The checks of the bucket: reachable, in which region, readable, with exports, months and how new. Pure.

How each export is set up is in `export_checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from staxpipe.doctor.coverage import gaps, spans
from staxpipe.doctor.facts import BucketFacts, Facts, ReportSettings, Subject
from staxpipe.doctor.findings import Check, State
from staxpipe.exports.kinds import TITLES

BUCKET, REGION, READING, EXPORTS, MONTHS, DELIVERY = (
    "bucket",
    "region",
    "encryption",
    "exports",
    "months",
    "last-delivery",
)
_TITLES = {
    BUCKET: "Bucket",
    REGION: "Region",
    READING: "Reading and encryption",
    EXPORTS: "Reports below the prefix",
    MONTHS: "Months",
    DELIVERY: "Last delivery",
}
CODES = tuple(_TITLES)

DATA_EXPORTS = "Billing and Cost Management → Data Exports"
"""The screen of AWS's console where every kind of export is set up."""

SUPPORT = "Support Center → Create case → Account and billing → Billing → Other Billing Questions"
"""Where months are asked for: https://docs.aws.amazon.com/cur/latest/userguide/troubleshooting.html#backfill-data

Of how many there are, AWS's own guides have said 36 and 14, so nothing is promised."""

LATE = timedelta(hours=36)
"""AWS delivers at least once a day."""
STOPPED = timedelta(days=4)

_NO_PERMISSION = (
    "S3 → Buckets → the bucket → Permissions → Bucket policy must let billingreports.amazonaws.com and "
    f"bcm-data-exports.amazonaws.com put objects (s3:PutObject); {DATA_EXPORTS} shows the policy that is needed when "
    "the export is edited."
)
_TROUBLES = {
    "ERROR_PERMISSIONS": ("AWS may not write to the bucket", _NO_PERMISSION),
    "INSUFFICIENT_PERMISSION": ("AWS may not write to the bucket", _NO_PERMISSION),
    "ERROR_NO_BUCKET": ("its bucket is not there", f"Choose another bucket under {DATA_EXPORTS} → the export → Edit."),
    "BILL_OWNER_CHANGED": (
        "another account pays the bill now",
        f"Create the export anew in the account that pays: {DATA_EXPORTS} → Create.",
    ),
}


def waiting_checks() -> Iterator[Check]:
    """What is said of a bucket that was not looked at, because the role cannot be used."""
    for code in CODES:
        yield _check(code, State.UNKNOWN, "Not looked at yet: that follows soon after the role is proved safe.")


def failed_checks(why: str) -> Iterator[Check]:
    """What is said where AWS could not be asked just now."""
    for code in CODES:
        yield _check(code, State.UNKNOWN, why)


def bucket_checks(subject: Subject, facts: Facts, now: datetime) -> Iterator[Check]:
    """Everything about the bucket as a whole."""
    bucket = facts.bucket
    yield _reachable(subject, facts)
    yield _region(subject, bucket)
    yield _readable(subject, bucket)
    yield _exports(subject, facts)
    yield _months(bucket, now)
    yield _last_delivery(facts, now)


def _reachable(subject: Subject, facts: Facts) -> Check:
    bucket = facts.bucket
    if bucket.refused is None:
        count = f"{bucket.objects:,} {'object' if bucket.objects == 1 else 'objects'}"
        more = "" if bucket.whole else ", and more that were not counted"
        return _check(BUCKET, State.HOLDS, f"{subject.address} can be listed: {count}{more}.")
    found = f"{bucket.refused} {_delivered(facts)}".rstrip()
    to_do = (
        f"S3 → Buckets of account {subject.account_id} must show {subject.bucket}, and CloudFormation → Stacks → "
        f"{subject.role_name} → Parameters must say BucketName={subject.bucket} and BucketPrefix={subject.prefix}. If "
        "the details are wrong, choose “Change the details” on the request's page; if the stack is, choose Update and "
        "correct the parameter."
    )
    if facts.settings and all(known.bucket != subject.bucket for known in facts.settings):
        to_do = (
            "Most likely that bucket is the right one: choose “Change the details” on the request's page, give bucket "
            f"and prefix as AWS has them, and then update the stack, as the page shows. If {subject.bucket} is right "
            f"all the same: {to_do}"
        )
    return _check(BUCKET, State.BROKEN, found, to_do)


def _region(subject: Subject, bucket: BucketFacts) -> Check:
    if bucket.region is None:
        return _check(REGION, State.UNKNOWN, "AWS does not say in which region the bucket is.")
    if bucket.region == subject.region:
        return _check(REGION, State.HOLDS, f"The bucket is in {bucket.region}, as given.")
    broken = bucket.refused is not None
    effect = "" if broken else " It is read all the same, by a detour of each request."
    return _check(
        REGION,
        State.BROKEN if broken else State.IMPROVABLE,
        f"The bucket is in {bucket.region}, and {subject.region} was given.{effect}",
        "Until reports are found there, choose “Change the details” on the request's page and set the region to "
        f"{bucket.region}. After that it may stay as it is.",
    )


def _readable(subject: Subject, bucket: BucketFacts) -> Check:
    if bucket.key_refused is not None:
        return _check(
            READING,
            State.BROKEN,
            bucket.key_refused,
            f"S3 → Buckets → {subject.bucket} → Properties → Default encryption shows the key's ARN. Give it as "
            f"KmsKeyArn under CloudFormation → Stacks → {subject.role_name} → Update → Use existing template, and "
            f"under KMS → Customer managed keys → the key → Key policy allow {subject.role_arn} kms:Decrypt.",
        )
    if bucket.read_refused is not None:
        return _check(
            READING,
            State.BROKEN,
            bucket.read_refused,
            f"S3 → Buckets → {subject.bucket} → Permissions → Bucket policy must not deny s3:GetObject to "
            f"{subject.role_arn}; if another account owns the files, set Object Ownership there to “Bucket owner "
            "enforced”.",
        )
    if bucket.read:
        return _check(READING, State.HOLDS, "A report's manifest could be read: no encryption key is in the way.")
    if bucket.exports:
        return _check(READING, State.UNKNOWN, "No manifest made sense: it is being written, archived or damaged.")
    return _check(READING, State.UNKNOWN, "There is no manifest yet to try it on.")


def _exports(subject: Subject, facts: Facts) -> Check:
    bucket = facts.bucket
    if bucket.exports:
        named = ", ".join(f"“{export.name}” ({TITLES[export.kind]})" for export in bucket.exports)
        return _check(EXPORTS, State.HOLDS, f"{subject.address} holds {named}.")
    if bucket.refused is not None:
        return _check(EXPORTS, State.UNKNOWN, "The bucket cannot be listed.")
    if not bucket.whole:
        return _check(
            EXPORTS,
            State.UNKNOWN,
            f"There is no report among the first {bucket.objects:,} objects in {subject.address}, and there are more.",
            f"{DATA_EXPORTS} shows the prefix of each export: with it, nothing else has to be looked through.",
        )
    here = [known for known in facts.settings if _is_below(known, subject)]
    troubled = next((known for known in here if known.trouble in _TROUBLES), None)
    if troubled is not None:
        why, to_do = _TROUBLES[troubled.trouble]
        said = f"The export “{troubled.name}” delivers to {subject.address}, and nothing has come:"
        return _check(EXPORTS, State.BROKEN, f"{said} {why} ({troubled.trouble}).", to_do)
    if here:
        names = ", ".join(f"“{known.name}”" for known in here)
        return _check(
            EXPORTS,
            State.UNKNOWN,
            f"{names} delivers to {subject.address}, and nothing has come yet.",
            "AWS delivers the first report up to 24 hours after it was set up. There is nothing to do but to wait.",
        )
    found = bucket.finding.message if bucket.finding else f"There is no cost report in {subject.address}."
    if facts.settings:
        return _check(
            EXPORTS,
            State.BROKEN,
            f"{found} That is not where AWS delivers to. {_delivered(facts)}",
            "Choose “Change the details” on the request's page and give that bucket and prefix. Then update the stack "
            f"{subject.role_name} with BucketName and BucketPrefix as the page shows them.",
        )
    return _check(
        EXPORTS,
        State.BROKEN,
        found,
        f"{DATA_EXPORTS} shows the bucket and prefix of each export; correct them with “Change the details” on the "
        "request's page. If there is no export, choose Create there: standard data export, CUR 2.0, Parquet.",
    )


def _delivered(facts: Facts) -> str:
    """Where the account's exports go, as AWS says; empty where it says nothing."""
    places = "; ".join(
        f"the export “{known.name}” goes to bucket {known.bucket}, prefix {known.prefix or '(none)'}"
        for known in facts.settings
    )
    return f"By the account's own settings, {places}." if places else ""


def _is_below(known: ReportSettings, subject: Subject) -> bool:
    return f"{known.source}/".startswith(f"{subject.address}/")


def _months(bucket: BucketFacts, now: datetime) -> Check:
    months = bucket.months
    if not months:
        return _check(MONTHS, State.UNKNOWN, "No month has been delivered yet.")
    said = f"There are reports of {spans(months)}."
    if not bucket.whole:
        return _check(MONTHS, State.UNKNOWN, f"{said} The bucket holds more than was listed, so gaps cannot be told.")
    missing = gaps(months, now)
    if not missing:
        return _check(MONTHS, State.HOLDS, f"{said} No month between is missing.")
    return _check(
        MONTHS,
        State.IMPROVABLE,
        f"{said} Missing: {spans(missing)}.",
        f"AWS fills gaps if it is asked, and answers how far back: {SUPPORT}. Ask for a backfill of the export for "
        f"{spans(missing)}.",
    )


def _last_delivery(facts: Facts, now: datetime) -> Check:
    exports = facts.bucket.exports
    if not exports:
        return _check(DELIVERY, State.UNKNOWN, "Nothing has been delivered yet.")
    newest = max(exports, key=lambda export: export.delivered_at)
    age = now - newest.delivered_at
    said = f"{newest.name} was delivered {newest.delivered_at:%Y-%m-%d %H:%M} UTC, {_ago(age)} before this look."
    known = facts.settings_of(newest)
    if known is not None and known.trouble in _TROUBLES and age > LATE:
        why, to_do = _TROUBLES[known.trouble]
        return _check(DELIVERY, State.BROKEN, f"{said} AWS cannot deliver it: {why} ({known.trouble}).", to_do)
    if age <= LATE:
        return _check(DELIVERY, State.HOLDS, said)
    if not facts.bucket.whole:
        return _check(DELIVERY, State.UNKNOWN, f"{said} The bucket holds more than was listed, and perhaps newer ones.")
    stopped = age > STOPPED
    return _check(
        DELIVERY,
        State.BROKEN if stopped else State.IMPROVABLE,
        f"{said} AWS delivers at least once a day while there is something to bill.",
        f"{DATA_EXPORTS} → {newest.name} shows whether it is still there and healthy. {_NO_PERMISSION}",
    )


def _ago(age: timedelta) -> str:
    hours = int(max(age, timedelta()).total_seconds() // 3600)
    if hours == 0:
        return "less than an hour"
    if hours < 48:
        return f"{hours} {'hour' if hours == 1 else 'hours'}"
    return f"{hours // 24} days"


def _check(code: str, state: State, found: str, to_do: str = "") -> Check:
    return Check(code, _TITLES[code], state, found, to_do)
