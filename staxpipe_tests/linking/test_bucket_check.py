"""What is wrong with a bucket, in words with what to do; and what is not wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from staxpipe.errors import AccessError, OwnCredentialsError, TransientError
from staxpipe.exports.discovery import discover
from staxpipe.exports.folder import FolderBucket
from staxpipe.linking.bucket_check import check_bucket
from staxpipe.model import StoredObject

MANIFEST = "reports/daily/20261101-20261201/daily-Manifest.json"
FOCUS_MANIFEST = "reports/focus/metadata/BILLING_PERIOD=2026-11/focus-Manifest.json"
HINTS_MANIFEST = "reports/hints/metadata/date=2026-11-01/hints-Manifest.json"


class Listed:
    """A bucket of which only the listing matters."""

    @property
    def url(self) -> str:
        return "s3://bills"

    def __init__(self, *keys: str, error: Exception | None = None) -> None:
        self.keys = keys
        self.error = error
        self.asked: list[str] = []

    def list(self, prefix: str) -> Iterator[StoredObject]:
        self.asked.append(prefix)
        if self.error:
            raise self.error
        for key in self.keys:
            yield StoredObject(key, 1, "etag", datetime(2026, 11, 1, tzinfo=UTC))


def test_a_manifest_is_all_it_takes() -> None:
    for manifest in (MANIFEST, FOCUS_MANIFEST):
        assert check_bucket(Listed("reports/a.csv.gz", manifest, "reports/z"), "reports") is None


def test_an_export_that_is_not_read_is_called_one() -> None:
    problem = check_bucket(Listed(HINTS_MANIFEST, "reports/hints/data/x.csv.gz"), "reports")
    assert problem is not None
    assert problem.code == "export-not-supported"


@pytest.mark.parametrize("keys", [[], ["reports/a"], ["reports/a.csv"], [HINTS_MANIFEST]])
def test_it_says_what_a_look_for_deliveries_says(tmp_path: Path, keys: list[str]) -> None:
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()
    bucket = FolderBucket(tmp_path)
    problem = check_bucket(bucket, "reports")
    (finding,) = discover(bucket, "reports").findings
    assert problem is not None
    assert (problem.code, problem.reason) == (finding.code, finding.message)


def test_it_looks_below_the_prefix_as_the_role_may() -> None:
    bucket = Listed(MANIFEST)
    check_bucket(bucket, "reports")
    check_bucket(bucket, "")
    assert bucket.asked == ["reports/", ""]


def test_an_empty_bucket_says_where_it_looked_and_when_reports_come() -> None:
    problem = check_bucket(Listed(), "reports")
    assert problem is not None
    assert problem.code == "nothing-there"
    assert "s3://bills/reports " in problem.explain()
    assert "24 hours" in problem.explain()


def test_files_without_a_manifest_are_counted() -> None:
    problem = check_bucket(Listed("reports/a", "reports/b"), "reports")
    assert problem is not None
    assert (problem.code, "2 objects" in problem.reason) == ("no-cost-report", True)
    assert "prefix" in problem.explain()


def test_a_refusal_keeps_its_words() -> None:
    problem = check_bucket(Listed(error=AccessError("AWS refuses access to s3://bills.")), "reports")
    assert problem is not None
    assert (problem.code, problem.explain()) == (
        "bucket-refused",
        "AWS refuses access to s3://bills. staxpipe goes on looking.",
    )


def test_our_own_credentials_are_no_problem_of_the_bucket() -> None:
    with pytest.raises(OwnCredentialsError):
        check_bucket(Listed(error=OwnCredentialsError("staxpipe has no AWS credentials.")), "reports")


def test_a_passing_failure_is_no_problem_of_the_bucket() -> None:
    with pytest.raises(TransientError):
        check_bucket(Listed(error=TransientError("throttled")), "reports")


def test_a_bucket_too_large_to_look_through_is_not_accused() -> None:
    assert check_bucket(Listed(*[f"reports/{number}" for number in range(30)]), "reports", most=20) is None
