"""Whether a link reads an export, by addresses alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from staxpipe.db.links import Link
from staxpipe.model import AccountId, LinkState
from staxpipe.unlinking.scope import feeds, may_inherit

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def link(prefix: str) -> Link:
    return Link(
        id="a-link",
        request_id="a-request",
        account_id=AccountId("111122223333"),
        role_arn="arn:aws:iam::111122223333:role/x",
        external_id="x" * 32,
        bucket="bills",
        prefix=prefix,
        region="eu-west-1",
        contact="operator",
        state=LinkState.ACTIVE,
        problem=None,
        linked_at=NOW,
        verified_at=NOW,
        discovered_at=None,
    )


@pytest.mark.parametrize(
    ("prefix", "source", "reads"),
    [
        ("", "s3://bills/cur/report", True),
        ("cur", "s3://bills/cur/report", True),
        ("cur/report", "s3://bills/cur/report", True),
        ("cur/report/20261001-20261101", "s3://bills/cur/report", True),
        ("cur", "s3://bills/curious/report", False),
        ("cur/rep", "s3://bills/cur/report", False),
        ("cur", "s3://bills-of-others/cur/report", False),
        ("", "s3://bills-of-others/cur/report", False),
        ("cur", "file:///bills/cur/report", False),
    ],
)
def test_a_link_reads_what_lies_below_its_prefix_or_above_it(prefix: str, source: str, reads: bool) -> None:
    assert feeds(link(prefix), source) is reads


@pytest.mark.parametrize(
    ("account", "listed", "inherits"),
    [
        ("444455556666", True, True),
        ("444455556666", False, False),  # whoever asks for a link may name any bucket
        ("111122223333", False, True),  # the account's own next link
    ],
)
def test_another_accounts_link_inherits_what_it_has_listed_itself(account: str, listed: bool, inherits: bool) -> None:
    other = replace(link("cur"), id="other", account_id=AccountId(account), discovered_at=NOW if listed else None)
    assert may_inherit(other, link("cur"), "s3://bills/cur/report") is inherits
    assert not may_inherit(other, link("cur"), "s3://bills/elsewhere/report")
