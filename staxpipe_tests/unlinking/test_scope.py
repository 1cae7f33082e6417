"""Whether a link reads an export, by addresses alone; and that who decides it and who looks into buckets get along."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from staxpipe.db import exports, links
from staxpipe.db.links import Link
from staxpipe.model import AccountId, Export, ExportKind, LinkState
from staxpipe.unlinking.scope import Scope, decide_scope, feeds, may_inherit
from staxpipe_tests.ledger import add_link
from staxpipe_tests.local.conftest import wait_until

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


def test_a_look_into_the_bucket_and_a_deletion_do_not_wait_for_each_other_for_ever(engine: Engine) -> None:
    first, second = (Export(f"s3://billing/cur/{name}", name, ExportKind.LEGACY_CUR) for name in ("Z", "a"))
    with engine.begin() as connection:
        add_link(connection)
        exports.record(connection, second, "link-1")  # found the other way round
        exports.record(connection, first, "link-1")

    def decide() -> Scope:
        with engine.begin() as connection:
            return decide_scope(connection, links.get(connection, "link-1"), NOW)

    def waits() -> bool:
        with engine.connect() as connection:
            blocked = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return bool(connection.scalar(blocked))

    with ThreadPoolExecutor(1) as pool, engine.begin() as looking:
        exports.record_all(looking, [first], "link-1")
        deciding = pool.submit(decide)
        wait_until(waits)
        assert len(exports.record_all(looking, [second, first], "link-1")) == 2
        looking.commit()
        assert deciding.result().sources == (first.source, second.source)
