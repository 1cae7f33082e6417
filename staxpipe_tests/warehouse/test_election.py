from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, select

from staxpipe.db.tables import period_sources
from staxpipe.model import Severity
from staxpipe.warehouse.election import elect_source
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, PAYER
from staxpipe_tests.warehouse.conftest import Sources


def elected(engine: Engine) -> dict[tuple[str, str], int]:
    with engine.connect() as connection:
        rows = connection.execute(select(period_sources))
        return {(row.billing_account_id, row.period): row.export_id for row in rows}


def test_the_first_export_of_an_accounts_month_counts(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        assert elect_source(connection, sources.first_export, [PAYER], OCTOBER) == ()
        assert elect_source(connection, sources.first_export, [PAYER], OCTOBER) == ()  # restated
    assert elected(engine) == {(PAYER, "2018-10"): sources.first_export}


def test_another_export_of_the_same_month_is_told_that_it_is_not_counted(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        elect_source(connection, sources.first_export, [PAYER], OCTOBER)
        (finding,) = elect_source(connection, sources.second_export, [OTHER_PAYER, PAYER], OCTOBER)
    assert finding.severity is Severity.WARNING
    assert finding.code == "month-counted-from-another-export"
    for part in (PAYER, "2018-10", "s3://bucket/first", "s3://bucket/second"):
        assert part in finding.message
    assert elected(engine) == {
        (PAYER, "2018-10"): sources.first_export,
        (OTHER_PAYER, "2018-10"): sources.second_export,
    }


def test_each_month_has_its_own_source(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        elect_source(connection, sources.first_export, [PAYER], OCTOBER)
        assert elect_source(connection, sources.second_export, [PAYER], NOVEMBER) == ()


def test_no_accounts_elect_nothing(engine: Engine, sources: Sources) -> None:
    with engine.begin() as connection:
        assert elect_source(connection, sources.first_export, [], OCTOBER) == ()
    assert elected(engine) == {}


def test_two_exports_at_once_agree_on_one_source(engine: Engine, sources: Sources) -> None:
    def elect(export_id: int) -> int:
        with engine.begin() as connection:
            return len(elect_source(connection, export_id, [PAYER, OTHER_PAYER], OCTOBER))

    with ThreadPoolExecutor(2) as pool:
        findings = list(pool.map(elect, [sources.first_export, sources.second_export]))
    assert sorted(findings) == [0, 2]
    assert len(set(elected(engine).values())) == 1
