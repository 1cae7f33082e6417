"""The operator's word: it goes before every rule, at once, and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from staxpipe.db import audit_log, source_choices, sources, tables
from staxpipe.db.month_totals import month_totals
from staxpipe.errors import PermanentError
from staxpipe.model import ExportKind
from staxpipe.warehouse.choices import choose, release
from staxpipe.warehouse.source_rule import Reason
from staxpipe_tests.warehouse.shadows import BEN, CLOSED, OCTOBER, PAYER, days, line
from staxpipe_tests.warehouse.test_election import LESS, NOVEMBER, WHOLE, elected, publish, told


@dataclass(frozen=True)
class Exports:
    """Two exports of PAYER's October; the first alone holds November. The rule prefers the first."""

    legacy: int
    focus: int


@pytest.fixture
def two(engine: Engine) -> Exports:
    with engine.begin() as connection:
        legacy, _ = publish(connection, "legacy")
        publish(connection, "legacy", period=NOVEMBER)
        focus, _ = publish(connection, "focus", LESS, kind=ExportKind.FOCUS_1_2)
    return Exports(legacy, focus)


def test_a_choice_for_a_month_counts_at_once_and_is_kept_at_the_next_delivery(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        (month,) = choose(connection, PAYER, OCTOBER, two.focus, "operator")
    assert (month.period, month.before, month.export_id) == (OCTOBER, two.legacy, two.focus)
    assert (month.source, month.reason) == ("s3://bucket/focus", Reason.CHOSEN)
    with engine.begin() as connection:
        publish(
            connection, "legacy", (*WHOLE, line("900")), delivery_id="d2", delivered_at=CLOSED + days(30), final=True
        )
    assert elected(engine)[PAYER, "2026-10"] == (two.focus, Reason.CHOSEN)
    assert elected(engine)[PAYER, "2026-11"] == (two.legacy, Reason.ONLY)


def test_everyone_is_told_who_changed_the_source(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        choose(connection, PAYER, OCTOBER, two.focus, "ada@example.com")
        log = audit_log.entries(connection, f"account:{PAYER}/2026-10")
    assert [(entry.actor, entry.action, entry.result) for entry in log] == [
        ("ada@example.com", "source.changed", "chosen"),
        ("ada@example.com", "source.chosen", "done"),
    ]
    assert ("source-changed", "info") in told(engine)["focus"]
    assert told(engine)["legacy"] == [("shadow-differs", "warning")]


def test_released_the_rule_decides_again(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        choose(connection, PAYER, OCTOBER, two.focus, "operator")
        (month,) = release(connection, PAYER, OCTOBER, "operator")
    assert (month.before, month.export_id, month.reason) == (two.focus, two.legacy, Reason.KIND)
    assert elected(engine)[PAYER, "2026-10"] == (two.legacy, Reason.KIND)


def test_a_choice_for_every_month_counts_where_the_export_holds_the_month_and_yields_to_one_for_a_month(
    engine: Engine, two: Exports
) -> None:
    with engine.begin() as connection:
        months = choose(connection, PAYER, None, two.focus, "operator")
        assert [(month.period, month.export_id) for month in months] == [(OCTOBER, two.focus), (NOVEMBER, two.legacy)]
        assert sources.elected(connection, PAYER, OCTOBER) == two.focus
        choose(connection, PAYER, OCTOBER, two.legacy, "operator")
        assert sources.elected(connection, PAYER, OCTOBER) == two.legacy
        publish(connection, "focus", period=NOVEMBER, kind=ExportKind.FOCUS_1_2)
        assert sources.elected(connection, PAYER, NOVEMBER) == two.focus, "chosen before it was loaded"
        release(connection, PAYER, None, "operator")
        assert sources.elected(connection, PAYER, OCTOBER) == two.legacy
        assert sources.elected(connection, PAYER, NOVEMBER) == two.legacy
        assert source_choices.choices(connection, PAYER) == {"2026-10": two.legacy}


def test_chosen_again_it_is_one_choice(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        for export in (two.focus, two.legacy, two.legacy):
            choose(connection, PAYER, OCTOBER, export, "operator")
        rows = connection.execute(select(tables.source_choices)).all()
    assert [row.export_id for row in rows] == [two.legacy]


def test_what_an_export_does_not_hold_it_cannot_be_chosen_for(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        with pytest.raises(PermanentError, match=r"focus.* has not loaded 2026-11 .* it holds 2026-10\."):
            choose(connection, PAYER, NOVEMBER, two.focus, "operator")
        with pytest.raises(PermanentError, match=f"has not loaded any month of account {BEN}"):
            choose(connection, BEN, None, two.focus, "operator")
        with pytest.raises(PermanentError, match="There is no export 99"):
            choose(connection, PAYER, OCTOBER, 99, "operator")
        assert source_choices.choices(connection, PAYER) == {}


def test_what_was_not_chosen_cannot_be_released_and_what_was_is_named(engine: Engine, two: Exports) -> None:
    with engine.begin() as connection:
        with pytest.raises(PermanentError, match="nothing to release"):
            release(connection, PAYER, None, "operator")
        choose(connection, PAYER, None, two.focus, "operator")
        with pytest.raises(PermanentError, match="There are choices for: every month"):
            release(connection, PAYER, OCTOBER, "operator")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["legacy", "focus", "other"]), st.sampled_from([WHOLE, LESS]), st.integers(0, 9)),
        max_size=4,
    ),
    st.sampled_from(["legacy", "focus"]),
)
def test_whatever_is_published_the_chosen_one_counts_and_it_alone(
    engine: Engine, two: Exports, published: list[tuple[str, tuple[object, ...], int]], chosen: str
) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(delete(tables.source_choices))
        export = two.legacy if chosen == "legacy" else two.focus
        choose(connection, PAYER, OCTOBER, export, "operator")
        for number, (name, lines, age) in enumerate(published):
            kind = ExportKind.FOCUS_1_2 if name == "focus" else ExportKind.LEGACY_CUR
            publish(
                connection,
                name,
                WHOLE if lines == WHOLE else LESS,
                kind=kind,
                delivery_id=f"p{number}",
                delivered_at=CLOSED + days(age),
            )
            assert sources.elected(connection, PAYER, OCTOBER) == export
        totals = [total for total in month_totals(connection, PAYER) if total.period == "2026-10"]
        assert [total.export_id for total in totals if total.counted] == [export]
        transaction.rollback()
