"""Elections in a real Postgres: what is written, to whom, and when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, select

from staxpipe.db import audit_log, results
from staxpipe.db import deliveries as ledger
from staxpipe.db.sources import CostLine
from staxpipe.db.tables import deliveries, findings, period_sources
from staxpipe.model import BillingPeriod, DeliveryState, ExportKind, Finding, Severity
from staxpipe.warehouse.election import elect_source
from staxpipe.warehouse.source_rule import Reason
from staxpipe_tests.ledger import add_link
from staxpipe_tests.warehouse.shadows import ANN, BEN, CLOSED, OCTOBER, PAYER, days, line, recorded

WHOLE = (line("70"), line("30", sub_account=BEN, service="Amazon S3"))
LESS = (line("70"), line("29", sub_account=BEN, service="Amazon S3"))
NOVEMBER = OCTOBER.next()


def publish(
    connection: Connection,
    name: str,
    lines: Sequence[CostLine] = WHOLE,
    *,
    period: BillingPeriod = OCTOBER,
    account: str = PAYER,
    delivery_id: str = "d1",
    delivered_at: datetime = CLOSED,
    kind: ExportKind = ExportKind.LEGACY_CUR,
    owner: str | None = None,
    link_id: str | None = None,
    final: bool = False,
    journal: bool = True,
) -> tuple[int, tuple[Finding, ...]]:
    """What ingest does in the transaction that publishes; returns the export and what it is told."""
    export_id, delivery = recorded(
        connection,
        name,
        lines,
        period=period,
        account=account,
        delivery_id=delivery_id,
        delivered_at=delivered_at,
        kind=kind,
        owner=owner,
        link_id=link_id,
        final=final,
        journal=journal,
    )
    found = elect_source(connection, export_id, [account] if lines else [], period)
    ledger.supersede_others(connection, ledger.entry(connection, delivery))
    ledger.mark(connection, delivery, DeliveryState.LOADED)
    return export_id, found


def elected(engine: Engine) -> dict[tuple[str, str], tuple[int, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(period_sources))
        return {(row.billing_account_id, row.period): (row.export_id, row.reason) for row in rows}


def told(engine: Engine) -> dict[str, list[tuple[str, str]]]:
    """Code and severity of what is told of each export's October that is loaded."""
    loaded = select(deliveries.c.id).where(
        deliveries.c.state == DeliveryState.LOADED, deliveries.c.period == str(OCTOBER)
    )
    with engine.connect() as connection:
        return {
            ledger.entry(connection, delivery).delivery.export.name: [
                (found.code, found.severity) for found in results.findings_of(connection, delivery)
            ]
            for delivery in connection.execute(loaded).scalars().all()
        }


def test_the_only_export_of_an_accounts_month_counts_and_there_is_nothing_to_tell(engine: Engine) -> None:
    with engine.begin() as connection:
        export, found = publish(connection, "first")
        again, found_again = publish(connection, "first", delivery_id="d2")  # restated
    assert found == found_again == ()
    assert export == again
    assert elected(engine) == {(PAYER, "2026-10"): (export, Reason.ONLY)}


def test_another_export_of_the_same_month_is_told_that_it_is_not_counted_and_agrees(engine: Engine) -> None:
    with engine.begin() as connection:
        first, _ = publish(connection, "first")
        _, (finding,) = publish(connection, "second")
    assert (finding.code, finding.severity) == ("shadow-agrees", Severity.INFO)
    for part in (PAYER, "2026-10", "s3://bucket/first", "s3://bucket/second", "equal to the cent"):
        assert part in finding.message
    assert elected(engine) == {(PAYER, "2026-10"): (first, Reason.FIRST_SEEN)}


def test_a_shadow_that_differs_says_by_how_much_where_and_what_to_do(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first")
        _, (finding,) = publish(connection, "second", LESS)
    assert (finding.code, finding.severity) == ("shadow-differs", Severity.WARNING)
    assert "differs by USD -1.00 billed: in Amazon S3 USD -1.00" in finding.message
    assert f"staxpipe parity --account {PAYER} --period 2026-10" in finding.message


def test_a_better_export_takes_the_place_of_the_first_and_both_are_told(engine: Engine) -> None:
    with engine.begin() as connection:
        focus, _ = publish(connection, "focus", kind=ExportKind.FOCUS_1_2)
        legacy, found = publish(connection, "legacy")
    assert elected(engine) == {(PAYER, "2026-10"): (legacy, Reason.KIND)}
    assert [finding.code for finding in found] == ["source-changed"]
    assert "counted from s3://bucket/legacy from now on, and no longer from s3://bucket/focus" in found[0].message
    assert told(engine) == {"focus": [("shadow-agrees", "info")], "legacy": [("source-changed", "info")]}
    with engine.connect() as connection:
        (entry,) = audit_log.entries(connection, f"account:{PAYER}/2026-10")
    assert (entry.actor, entry.action, entry.result) == ("staxpipe", "source.changed", "kind")
    assert entry.detail == {"from": focus, "to": legacy}


def test_what_was_told_is_told_anew_not_twice(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first")
        publish(connection, "second", (line("1"),))
        publish(connection, "first", delivery_id="d2")
        publish(connection, "first", (line("1"),), delivery_id="d3")
    assert told(engine) == {"first": [], "second": [("shadow-agrees", "info")]}


def test_a_link_goes_before_files_and_the_payer_before_a_member(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        publish(connection, "files", owner=PAYER)
        member, _ = publish(connection, "member", WHOLE[:1], owner=ANN, link_id="link-1")
    assert elected(engine)[PAYER, "2026-10"] == (member, Reason.LINK)
    with engine.begin() as connection:
        payer, _ = publish(connection, "payer", owner=PAYER, link_id="link-1")
    assert elected(engine)[PAYER, "2026-10"] == (payer, Reason.OWNER)
    assert told(engine)["member"] == [("shadow-agrees", "info")], "compared on the member's account only"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_publishing_does_not_matter(engine: Engine, order: tuple[int, ...]) -> None:
    """Numbers are given by who is seen first, so they are given before anything is published."""
    with engine.begin() as connection:
        exports = [
            ("legacy", WHOLE, CLOSED - days(9), ExportKind.LEGACY_CUR),  # fell behind
            ("filtered", WHOLE[:1], CLOSED, ExportKind.CUR_2_0),  # holds less
            ("focus", (*WHOLE, line("1")), CLOSED, ExportKind.FOCUS_1_2),
            ("old-focus", (*WHOLE, line("1")), CLOSED, ExportKind.FOCUS_1_0),
        ]
        for name, _, delivered_at, kind in exports:
            recorded(connection, name, [], delivery_id="none", delivered_at=delivered_at - days(1), kind=kind)
    for position in order:
        name, lines, delivered_at, kind = exports[position]
        with engine.begin() as connection:
            publish(connection, name, lines, delivered_at=delivered_at, kind=kind)
    (export, reason) = elected(engine)[PAYER, "2026-10"]
    with engine.connect() as connection:
        assert ledger.has_loaded(connection, export, OCTOBER)
    assert (export, reason) == (3, Reason.OTHER_FELL_BEHIND)
    differs = {code for name in ("legacy", "filtered") for code, _ in told(engine)[name]}
    assert differs - {"source-changed"} == {"shadow-differs"}


def test_an_export_that_comes_back_counts_again(engine: Engine) -> None:
    with engine.begin() as connection:
        legacy, _ = publish(connection, "legacy", delivered_at=CLOSED - days(9))
        focus, _ = publish(connection, "focus", (*WHOLE, line("1")), kind=ExportKind.FOCUS_1_2)
    assert elected(engine)[PAYER, "2026-10"] == (focus, Reason.OTHER_FELL_BEHIND)
    with engine.begin() as connection:
        publish(connection, "legacy", (*WHOLE, line("1")), delivery_id="d2")
    assert elected(engine)[PAYER, "2026-10"] == (legacy, Reason.KIND)
    assert told(engine) == {"legacy": [("source-changed", "info")], "focus": [("shadow-agrees", "info")]}


def test_a_backfill_does_not_take_a_closed_month(engine: Engine) -> None:
    with engine.begin() as connection:
        legacy, _ = publish(connection, "legacy", final=True)
        publish(connection, "new", (*WHOLE, line("1")), kind=ExportKind.CUR_2_0, delivered_at=CLOSED + days(400))
    assert elected(engine)[PAYER, "2026-10"] == (legacy, Reason.KIND)
    assert told(engine) == {"legacy": [], "new": [("shadow-differs", "warning")]}


def test_a_newer_export_that_holds_less_is_told_with_the_command_that_chooses_it(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "legacy", delivered_at=CLOSED - days(9), owner=PAYER)
        filtered, _ = publish(connection, "filtered", WHOLE[:1], kind=ExportKind.CUR_2_0, owner=PAYER)
        publish(connection, "legacy", delivery_id="d2", delivered_at=CLOSED - days(8), owner=PAYER)
        messages = select(findings.c.message).where(findings.c.code == "source-behind").order_by(findings.c.id.desc())
        message = connection.scalar(messages)  # the newest: what was told of a superseded delivery stays with it
    assert told(engine)["legacy"] == [("source-behind", "warning")]
    assert message is not None
    assert "8 days older" in message
    assert f"staxpipe source choose --account {PAYER} --period 2026-10 --export {filtered}" in message


def test_a_running_months_newer_delivery_is_no_warning_as_long_as_it_holds_more(engine: Engine) -> None:
    running = OCTOBER.start + days(9)
    with engine.begin() as connection:
        publish(connection, "first", delivered_at=running)
        _, (more,) = publish(connection, "second", (*WHOLE, line("1")), delivered_at=running + days(1))
        _, (less,) = publish(connection, "third", LESS, delivered_at=running + days(1))
    assert (more.code, more.severity) == ("shadow-differs", Severity.INFO)
    assert (less.code, less.severity) == ("shadow-differs", Severity.WARNING)


def test_two_members_without_their_payer_are_a_loud_error_with_names_and_amounts(engine: Engine) -> None:
    """One export counts for an account's month: the other member's cost is in no total, and that is said."""
    with engine.begin() as connection:
        ann, _ = publish(connection, "ann", WHOLE[:1], owner=ANN)
        ben, (own,) = publish(connection, "ben", WHOLE[1:], owner=BEN)
        message = connection.scalar(select(findings.c.message).where(findings.c.code == "money-not-counted"))
    assert elected(engine)[PAYER, "2026-10"][0] == ann
    assert told(engine)["ann"] == [("money-not-counted", "error")]
    assert (own.code, own.severity) == ("shadow-differs", Severity.WARNING)
    assert "no usage account in common" in own.message
    assert message is not None
    assert f"{BEN} (USD 30.00, export {ben})" in message
    with engine.begin() as connection:
        publish(connection, "payer", owner=PAYER)
    assert told(engine) == {
        "payer": [("source-changed", "info")],
        "ann": [("shadow-agrees", "info")],
        "ben": [("shadow-agrees", "info")],
    }


def test_an_account_that_an_export_no_longer_holds_gets_another_source_or_none(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first")
        second, _ = publish(connection, "second")
        publish(connection, "first", account=BEN, delivery_id="d2")
    assert elected(engine)[PAYER, "2026-10"] == (second, Reason.ONLY)
    assert told(engine)["second"] == [("source-changed", "info")]
    with engine.begin() as connection:
        publish(connection, "second", (), delivery_id="d2")
    assert (PAYER, "2026-10") not in elected(engine)


def test_each_account_and_each_month_has_its_own_source(engine: Engine) -> None:
    with engine.begin() as connection:
        first, _ = publish(connection, "first")
        second, found = publish(connection, "second", account=BEN)
        publish(connection, "second", account=PAYER, period=NOVEMBER)
    assert found == ()
    assert {key: export for key, (export, _) in elected(engine).items()} == {
        (PAYER, "2026-10"): first,
        (BEN, "2026-10"): second,
        (PAYER, "2026-11"): second,
    }


def test_findings_of_one_delivery_about_several_accounts_are_kept_apart(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first")
        publish(connection, "first-of-ben", account=BEN)
        export_id, delivery = recorded(connection, "both", WHOLE)
        entry = ledger.entry(connection, delivery)
        sums = results.sums_of(connection, delivery, "focus")
        of_ben = [results.SumRow(**{**vars(total), "billing_account_id": BEN}) for total in sums]
        results.replace_results(connection, entry, [*sums, *of_ben], (), (), None)
        found = elect_source(connection, export_id, [PAYER, BEN], OCTOBER)
        ledger.mark(connection, delivery, DeliveryState.LOADED)
        publish(connection, "first", delivery_id="d2")  # concerns PAYER only
    assert sorted(finding.examples[0] for finding in found) == [PAYER, BEN]
    assert told(engine)["both"] == [("shadow-agrees", "info")] * 2


def test_deliveries_from_before_there_was_a_journal_are_compared_by_their_sums(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first", journal=False)
        _, (finding,) = publish(connection, "second", (*WHOLE, line("1")))
    assert "differs by USD +1.00 billed." in finding.message


def test_no_accounts_elect_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        publish(connection, "first", ())
    assert elected(engine) == {}


def test_two_exports_at_once_agree_on_one_source(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in ("first", "second"):
            recorded(connection, name, WHOLE)

    def run(name: str) -> None:
        with engine.begin() as connection:
            publish(connection, name)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, ["second", "first"]))
    assert elected(engine) == {(PAYER, "2026-10"): (1, Reason.FIRST_SEEN)}
    assert told(engine)["second"] == [("shadow-agrees", "info")]
    assert [code for code, _ in told(engine)["first"] if code != "source-changed"] == []


def test_when_it_was_elected_changes_with_the_source_only(engine: Engine) -> None:
    def when() -> datetime:
        with engine.connect() as connection:
            moment: datetime = connection.execute(select(period_sources.c.elected_at)).scalar_one()
            return moment

    for name, kind in (
        ("focus", ExportKind.FOCUS_1_2),
        ("focus", ExportKind.FOCUS_1_2),
        ("legacy", ExportKind.LEGACY_CUR),
    ):
        moments = [when()] if elected(engine) else []
        with engine.begin() as connection:
            publish(connection, name, kind=kind, delivery_id=f"d{len(moments)}")
        if moments:
            assert (when() > moments[0]) == (name == "legacy")


def test_amounts_are_exact(engine: Engine) -> None:
    tiny = "0.000000000000000001"
    with engine.begin() as connection:
        publish(connection, "first", (line("12345678901234567890"), line(tiny, service="Amazon S3")))
        _, (finding,) = publish(connection, "second", (line("12345678901234567890.01"),))
    assert "USD +0.01 billed" in finding.message
    assert Decimal(tiny) > 0
